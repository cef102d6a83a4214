/** Makes tools that the loop runs of the functions that the program has registered. */
import { StackError } from '@llama-stack/api'
import type { JsonObject, Log, StackTool } from '@llama-stack/api'
import * as z from 'zod'
import { isRecord } from '../../../kernel/json-record.ts'
import { unlessAborted } from '../../mcp/unless-aborted.ts'
import { createSchemaValidators } from '../structured/schema-validators.ts'
import type { SchemaValidators } from '../structured/schema-validators.ts'
import { toFunctionOutcome } from './function-result.ts'
import { toFailure } from './mcp-tools.ts'
import type { ToolOutcome } from './server-tool.ts'
import type { RegisteredTool } from './tool-sources.ts'

export interface RegisteredToolsOptions {
  readonly log: Log
  /** The text of a result beyond this is cut, and says so. */
  readonly maxResultBytes: number
}

/** Reads the registered functions. Rejects with `config_invalid`. */
export async function toRegisteredTools(
  tools: readonly StackTool[],
  options: RegisteredToolsOptions,
): Promise<readonly RegisteredTool[]> {
  const validators = createSchemaValidators()
  const seen = new Set<string>()
  for (const { name } of tools) {
    if (!NAME.test(name)) refuse(name, 'its name is none that models can call', `Use a name like ${NAME.source}.`)
    if (seen.has(name)) refuse(name, 'its name is given twice', 'Give each tool a name of its own.')
    seen.add(name)
  }
  return Promise.all(tools.map((tool) => toRegisteredTool(tool, validators, options)))
}

/** What vendors take for the name of a function. */
const NAME = /^[a-zA-Z0-9_-]{1,64}$/

function refuse(name: string, problem: string, fix: string): never {
  throw new StackError('config_invalid', {
    file: 'createStack({ tools })',
    problem: `Tool '${name}' cannot be registered: ${problem}.`,
    fix,
  })
}

async function toRegisteredTool(
  tool: StackTool,
  validators: SchemaValidators,
  options: RegisteredToolsOptions,
): Promise<RegisteredTool> {
  const { name, description, repeatable: isRepeatable = false } = tool
  const { schema, read } = await toParameters(tool, validators)
  return {
    name,
    description,
    parameters: schema,
    isRepeatable,
    async run(args, caller) {
      const reading = await read(args)
      if ('problem' in reading) return toFailure(reading.problem)
      return execute(tool, { args: reading.args, caller }, options)
    },
  }
}

/** How long a function may take that says nothing of it. */
const DEFAULT_TIMEOUT_MS = 60_000

interface Execution {
  readonly args: unknown
  readonly caller: Parameters<RegisteredTool['run']>[1]
}

async function execute(
  tool: StackTool,
  { args, caller }: Execution,
  options: RegisteredToolsOptions,
): Promise<ToolOutcome> {
  const { name, timeoutMs = DEFAULT_TIMEOUT_MS } = tool
  const { principal, requestId, callId } = caller
  const log = options.log.child({ tool: name, requestId, callId })
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(new DOMException('The time is over.', 'TimeoutError')), timeoutMs)
  const signal = AbortSignal.any([caller.signal, late.signal])
  // A function that throws before it waits for anything is caught as any other.
  const run = async (): Promise<unknown> => tool.execute(args, { principal, requestId, callId, signal, log })
  try {
    const result = await unlessAborted(run(), signal, () => new DOMException('Nobody waits for it.', 'AbortError'))
    return toFunctionOutcome(result, options.maxResultBytes)
  } catch (error) {
    caller.signal.throwIfAborted()
    if (late.signal.aborted) {
      log.warn('A registered tool was too slow.', { timeoutMs })
      return toFailure(`The tool did not answer within ${timeoutMs} ms. It may still have taken effect.`)
    }
    log.warn('A registered tool failed.', { reason: String((error instanceof Error && error.stack) || error) })
    return toFailure(messageOf(error))
  } finally {
    clearTimeout(timer)
  }
}

function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return message === '' ? 'The tool failed.' : message
}

/** The arguments as the function takes them, or what is wrong with them, as the model is told. */
type Reading = { readonly args: unknown } | { readonly problem: string }

interface ToolParameters {
  readonly schema: JsonObject
  readonly read: (args: JsonObject) => Promise<Reading>
}

async function toParameters({ name, parameters }: StackTool, validators: SchemaValidators): Promise<ToolParameters> {
  if (!isZod(parameters)) {
    const schema = requireObject(name, parameters)
    const validator = await getValidator(name, schema, validators)
    return { schema, read: async (args) => toReading(args, validator.faultsOf(args)) }
  }
  return {
    schema: requireObject(name, toJsonSchema(name, parameters)),
    async read(args) {
      const parsed = await z.core.safeParseAsync(parameters, args)
      return parsed.success ? { args: parsed.data } : toReading(args, parsed.error.issues.map(toFault))
    },
  }
}

function isZod(parameters: StackTool['parameters']): parameters is z.core.$ZodType {
  return '_zod' in parameters
}

/** What a model has to send, before defaults are filled in and values are transformed. */
function toJsonSchema(name: string, parameters: z.core.$ZodType): JsonObject {
  try {
    const { $schema: _draft, ...schema } = z.toJSONSchema(parameters, { io: 'input' })
    // A JSON schema is JSON.
    return schema as JsonObject
  } catch (error) {
    return refuse(name, `its parameters are no JSON schema (${(error as Error).message})`, 'Use types that JSON has.')
  }
}

/** Models send arguments as an object, and vendors refuse schemas of anything else. */
function requireObject(name: string, schema: JsonObject): JsonObject {
  if (isRecord(schema) && schema['type'] === 'object') return schema
  return refuse(name, 'its parameters are not those of an object', 'Use z.object({ … }), or a schema of type object.')
}

async function getValidator(name: string, schema: JsonObject, validators: SchemaValidators) {
  try {
    return await validators.get(schema)
  } catch (error) {
    return refuse(name, `its schema cannot be read (${(error as Error).message})`, 'Correct the schema.')
  }
}

function toFault({ path, message }: z.core.$ZodIssue): string {
  return path.length === 0 ? message : `'/${path.map(String).join('/')}': ${message}`
}

function toReading(args: unknown, faults: readonly string[]): Reading {
  if (faults.length === 0) return { args }
  return { problem: `The arguments are not as the tool wants them. ${faults.join('; ')}. Correct them and call again.` }
}
