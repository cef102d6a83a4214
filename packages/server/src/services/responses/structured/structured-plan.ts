/** How one response is made to follow `text.format`, and what the loop does for it. */
import type { ChatCompletionRequest, ChatMessage, ChatTool, ResponseTextFormat } from '@llama-stack/api'
import { isRecord } from '../../../kernel/json-record.ts'
import type { Adjustment } from '../chat/adjustment.ts'
import type { JsonSchema, SchemaValidator, SchemaValidators } from './schema-validators.ts'
import type { ChosenMode, StructuredMode } from './structured-modes.ts'
import { validateStructured } from './validate-structured.ts'

/** What a turn gave. */
export interface StructuredTurn {
  readonly text: string
  readonly toolCalls: readonly { readonly name: string; readonly arguments: string }[]
}

export interface StructuredPlan {
  readonly mode: StructuredMode
  /** For the header and the request log; undefined where the format was passed on. */
  readonly adjustment: Adjustment | undefined
  /** Whether the text may be shown as it comes. Else it is known only when the turn is over: {@link read}. */
  readonly streams: boolean
  /** The request with what the mode needs. It has the native form already: `toChatRequest` gives it. */
  apply(request: ChatCompletionRequest): ChatCompletionRequest
  /** Whether a call is the answer rather than the call of a tool. */
  isAnswer(toolName: string): boolean
  /** The answer: the JSON text, without what the mode put around it. */
  read(turn: StructuredTurn): string
  /** What is wrong with an answer; empty where it follows the schema, or nobody has to look. */
  check(text: string): readonly string[]
  /** The messages of a further turn that has to repair an answer. */
  repair(messages: readonly ChatMessage[], text: string, faults: readonly string[]): readonly ChatMessage[]
}

/** What a format asks for. */
interface Wanted {
  readonly name: string
  readonly description: string | undefined
  readonly schema: JsonSchema
}

export interface StructuredPlanInput {
  readonly format: ResponseTextFormat | null | undefined
  readonly chosen: ChosenMode
  /** The names of the request's tools, from which the answer's has to differ. */
  readonly toolNames: readonly string[]
  readonly validators: SchemaValidators
  /** Whether anybody hears the text as it comes. Else it may as well be read to its end and repaired. Default: true. */
  readonly isHeard?: boolean | undefined
}

/** Makes the plan; undefined for plain text. Rejects with `invalid_value` where a schema that has to be checked is none. */
export async function createStructuredPlan(input: StructuredPlanInput): Promise<StructuredPlan | undefined> {
  const wanted = toWanted(input.format)
  if (wanted === undefined) return undefined
  const { mode, isTrusted } = input.chosen
  // A vendor that sees to it is not held up, and takes schemas that we would not.
  const validator = isTrusted ? undefined : await input.validators.get(wanted.schema)
  const shared = { mode, check: toCheck(validator), repair: toRepairMessages }
  if (mode === 'native') {
    if (validator === undefined) return { ...shared, ...nativePlan }
    if (input.isHeard ?? true) return { ...shared, ...nativePlan, check: toShownCheck(validator) }
    return { ...shared, ...nativePlan, streams: false, read: ({ text }) => readText(text, validator) }
  }
  if (mode === 'tool') return { ...shared, ...toToolPlan(wanted, input.toolNames, validator) }
  return { ...shared, ...toInstructionPlan(wanted, validator) }
}

type ModePlan = Omit<StructuredPlan, 'mode' | 'check' | 'repair'>

const nativePlan: ModePlan = Object.freeze({
  adjustment: undefined,
  streams: true,
  apply: (request: ChatCompletionRequest) => request,
  isAnswer: () => false,
  read: ({ text }: StructuredTurn) => text,
})

function toWanted(format: ResponseTextFormat | null | undefined): Wanted | undefined {
  if (format?.type === 'json_object') return { name: 'json', description: undefined, schema: { type: 'object' } }
  if (format?.type !== 'json_schema') return undefined
  return { name: format.name, description: format.description ?? undefined, schema: format.schema }
}

function toCheck(validator: SchemaValidator | undefined): StructuredPlan['check'] {
  return (text) => {
    if (validator === undefined) return []
    const verdict = validateStructured(validator, text)
    return verdict.ok ? [] : verdict.errors
  }
}

/** What was shown has to be the JSON itself: what stands around it cannot be taken back. */
function toShownCheck(validator: SchemaValidator): StructuredPlan['check'] {
  return (text) => {
    const verdict = validateStructured(validator, text)
    if (!verdict.ok) return verdict.errors
    return verdict.text === text.trim() ? [] : ['there is text around the JSON']
  }
}

/** The JSON in a text, where there is any that follows the schema; else the text. */
function readText(text: string, validator: SchemaValidator | undefined): string {
  return validator === undefined ? text : validateStructured(validator, text).text
}

function emulated(mode: StructuredMode, how: string): Adjustment {
  return { param: `text.format=${mode}`, kind: 'emulated', reason: how }
}

const MAX_TOOL_NAME = 64

function toToolPlan(wanted: Wanted, toolNames: readonly string[], validator: SchemaValidator | undefined): ModePlan {
  const name = toToolName(wanted.name, toolNames)
  const isWrapped = wanted.schema['type'] !== 'object'
  const tool: ChatTool = {
    type: 'function',
    function: {
      name,
      description:
        `Gives the answer${wanted.description === undefined ? '' : `: ${wanted.description}`}. ` +
        'Call it once, with the whole answer, when no other tool is needed any more.',
      parameters: isWrapped ? wrap(wanted.schema) : { ...wanted.schema },
    },
  }
  return {
    adjustment: emulated('tool', 'the schema was given as the parameters of a tool that the model had to call'),
    streams: false,
    apply: (request) => withAnswerTool(request, tool, name),
    isAnswer: (toolName) => toolName === name,
    read({ text, toolCalls }) {
      const answer = toolCalls.find((call) => call.name === name)?.arguments
      if (answer === undefined) return readText(text, validator)
      return isWrapped ? unwrap(answer) : answer
    },
  }
}

function withAnswerTool(request: ChatCompletionRequest, tool: ChatTool, name: string): ChatCompletionRequest {
  const others = request.tools ?? []
  const choice = request.tool_choice ?? 'auto'
  const tools = [...others, tool]
  const asked = withoutFormat(request)
  // A tool that the client insists on comes first; the answer follows in a later turn.
  if (typeof choice !== 'string') return { ...asked, tools }
  const isOnly = others.length === 0 || choice === 'none'
  return { ...asked, tools, tool_choice: isOnly ? { type: 'function', function: { name } } : 'required' }
}

function withoutFormat(request: ChatCompletionRequest): ChatCompletionRequest {
  const { ...others } = request
  delete others.response_format
  return others
}

function toToolName(wanted: string, taken: readonly string[]): string {
  const name = wanted.replace(/[^\w-]/g, '_').slice(0, MAX_TOOL_NAME - 8) || 'answer'
  return taken.includes(name) ? `${name}_answer` : name
}

/** Parameters are objects. Definitions move up with the root that references count from. */
function wrap(schema: JsonSchema): Record<string, unknown> {
  const { $defs, definitions, ...value } = schema
  return {
    type: 'object',
    properties: { value },
    required: ['value'],
    additionalProperties: false,
    ...($defs !== undefined && { $defs }),
    ...(definitions !== undefined && { definitions }),
  }
}

function unwrap(answer: string): string {
  try {
    const parsed: unknown = JSON.parse(answer)
    return isRecord(parsed) && 'value' in parsed ? JSON.stringify(parsed['value']) : answer
  } catch {
    return answer
  }
}

function toInstructionPlan({ schema, description }: Wanted, validator: SchemaValidator | undefined): ModePlan {
  const about = description === undefined ? '' : ` It is: ${description}.`
  const words =
    'Answer with one JSON value and nothing else: no introduction, no explanation, no code fences.' +
    `${about} It must follow this JSON schema:\n${JSON.stringify(schema)}`
  return {
    adjustment: emulated('instruction', 'the schema was put into the instructions of the model, and its reply checked'),
    streams: false,
    apply: (request) => ({
      ...withoutFormat(request),
      messages: withInstruction(request.messages, words),
    }),
    isAnswer: () => false,
    read: ({ text }) => readText(text, validator),
  }
}

/** At the end of the first system message: many templates take one only. */
function withInstruction(messages: readonly ChatMessage[], words: string): ChatMessage[] {
  const [first, ...others] = messages
  if (first?.role !== 'system' && first?.role !== 'developer') return [{ role: 'system', content: words }, ...messages]
  const content =
    typeof first.content === 'string'
      ? `${first.content}\n\n${words}`
      : [...first.content, { type: 'text' as const, text: words }]
  return [{ ...first, content }, ...others]
}

/** What the model said, and what is wrong with it. */
function toRepairMessages(
  messages: readonly ChatMessage[],
  text: string,
  faults: readonly string[],
): readonly ChatMessage[] {
  const list = faults.map((fault) => `- ${fault}`).join('\n')
  return [
    ...messages,
    { role: 'assistant', content: text },
    {
      role: 'user',
      content: `Your answer does not follow the JSON schema:\n${list}\nGive the whole answer again with these faults repaired, in the same form and without comments.`,
    },
  ]
}
