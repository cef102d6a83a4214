/**
 * Checks values against JSON schemas that clients send.
 *
 * Ajv writes a function for each schema. Such a function is only as safe as its schema: large schemas are refused, references
 * lead nowhere but into the schema itself, and what has regular expressions runs under a time limit. `format` is not
 * enforced: models cannot be held to it, and vendors do not.
 */
import { createHash } from 'node:crypto'
import type { Ajv as AjvClass, ErrorObject, Options, ValidateFunction } from 'ajv'
import { StackError } from '@llama-stack/api'
import { runForAtMost } from './time-limited.ts'

export type JsonSchema = Readonly<Record<string, unknown>>

/** Checks values against one schema. */
export interface SchemaValidator {
  /** What is wrong with a value, in words that a model understands; empty when nothing is. */
  faultsOf(value: unknown): readonly string[]
}

export interface SchemaValidators {
  /** The validator of a schema. Rejects with `invalid_value` where the schema is none, or is too much. */
  get(schema: JsonSchema): Promise<SchemaValidator>
}

const MAX_SCHEMA_LENGTH = 512 * 1024
const MAX_KEPT = 64
const MAX_COMPILE_MS = 2000
const MAX_VALIDATE_MS = 250
const MAX_FAULTS = 10
/** Of a list of allowed values, in a fault. */
const MAX_LISTED_LENGTH = 300

const options: Options = Object.freeze({
  allErrors: true,
  // Keywords that Ajv does not know are for others.
  strict: false,
  validateFormats: false,
  logger: false,
} satisfies Options)

/** Makes the validators. Ajv is loaded with the first schema. */
export function createSchemaValidators(): SchemaValidators {
  const kept = new Map<string, SchemaValidator>()
  const drafts = new Drafts()
  return {
    async get(schema) {
      const text = toText(schema)
      if (text.length > MAX_SCHEMA_LENGTH) throw toSchemaError(`it has more than ${MAX_SCHEMA_LENGTH} characters`)
      const key = createHash('sha256').update(text).digest('base64')
      const validator =
        kept.get(key) ?? toValidator(await drafts.compile(schema, text), /"pattern(?:Properties)?":/.test(text))
      kept.delete(key)
      kept.set(key, validator)
      const [oldest] = kept.keys()
      if (kept.size > MAX_KEPT && oldest !== undefined) kept.delete(oldest)
      return validator
    },
  }
}

function toText(schema: JsonSchema): string {
  try {
    return JSON.stringify(schema)
  } catch {
    throw toSchemaError('it is nested too deeply')
  }
}

function toSchemaError(reason: string): StackError {
  return new StackError('invalid_value', {
    param: 'text.format.schema',
    problem: `it is no JSON schema that can be followed: ${reason}`,
    fix: 'Send a JSON schema of the draft 2020-12 or draft-07 without references to other documents',
  })
}

type Draft = '2020-12' | 'draft-07'

/** One Ajv for each draft: it takes a while to make, since it reads the draft's own schema. */
class Drafts {
  readonly #made = new Map<Draft, AjvClass>()

  /** Tries what the schema says that it is, else 2020-12, which OpenAI's documents use, and the draft before it. */
  async compile(schema: JsonSchema, text: string): Promise<ValidateFunction> {
    const named = schema['$schema']
    const isOld = typeof named === 'string' && /draft-0[67]/.test(named)
    // Ajv keeps what has an id under it; a client's must not take the place of the draft's own schema.
    const isShared = !text.includes('"$id"')
    const failures: string[] = []
    for (const draft of isOld ? (['draft-07'] as const) : (['2020-12', 'draft-07'] as const)) {
      // The older draft is loaded only where the newer one does not take the schema.
      // eslint-disable-next-line no-await-in-loop
      const outcome = this.#compile(draft, await this.#open(draft, isShared), schema)
      if (typeof outcome === 'function') return outcome
      failures.push(outcome)
    }
    throw toSchemaError(failures[0] ?? 'it cannot be read')
  }

  async #open(draft: Draft, isShared: boolean): Promise<AjvClass> {
    const made =
      (isShared ? this.#made.get(draft) : undefined) ??
      (draft === '2020-12'
        ? new (await import('ajv/dist/2020.js')).Ajv2020(options)
        : new (await import('ajv')).Ajv(options))
    if (isShared) this.#made.set(draft, made)
    return made
  }

  /** The validator, or why there is none. */
  #compile(draft: Draft, ajv: AjvClass, schema: JsonSchema): ValidateFunction | string {
    try {
      const outcome = runForAtMost(MAX_COMPILE_MS, () => ajv.compile(schema))
      if (outcome.isDone) return outcome.value
      // It was stopped in the middle of something.
      this.#made.delete(draft)
      return 'it takes too long to read'
    } catch (error) {
      // Also what a schema nested thousands of levels deep ends with: a stack that is too small for it.
      return error instanceof Error ? error.message : String(error)
    } finally {
      // Else Ajv would keep it.
      if (schema['$id'] === undefined) ajv.removeSchema(schema)
    }
  }
}

function toValidator(validate: ValidateFunction, hasPatterns: boolean): SchemaValidator {
  const check = (value: unknown): readonly string[] =>
    // A validator that is asynchronous comes from a schema with $async, which says nothing about the value.
    validate(value) === false ? toFaults(validate.errors ?? []) : []
  if (!hasPatterns) return { faultsOf: check }
  return {
    faultsOf(value) {
      const outcome = runForAtMost(MAX_VALIDATE_MS, () => check(value))
      return outcome.isDone
        ? outcome.value
        : ['the value could not be checked in time: a pattern of the schema is too slow']
    },
  }
}

function toFaults(errors: readonly ErrorObject[]): readonly string[] {
  const faults = [...new Set(errors.map(toFault))]
  if (faults.length <= MAX_FAULTS) return faults
  return [...faults.slice(0, MAX_FAULTS), `and ${faults.length - MAX_FAULTS} more`]
}

function toFault({ instancePath, message = 'is not as the schema says', params }: ErrorObject): string {
  const where = instancePath === '' ? 'the value' : `'${instancePath}'`
  // The parameters are those of the keyword; only these add what the message does not say.
  const { additionalProperty, allowedValues, allowedValue } = params as Readonly<Record<string, unknown>>
  if (typeof additionalProperty === 'string') return `${where} must not have the property '${additionalProperty}'`
  const listed = allowedValues ?? allowedValue
  if (listed === undefined) return `${where} ${message}`
  return `${where} ${message}: ${JSON.stringify(listed).slice(0, MAX_LISTED_LENGTH)}`
}
