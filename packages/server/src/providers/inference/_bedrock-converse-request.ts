/** A chat request as the Converse API has it. */
import { StackError } from '@llama-stack/api'
import type { ChatCompletionRequest, ChatTool, Json, JsonObject } from '@llama-stack/api'
import { isRecord } from '../../kernel/json-record.ts'
import type { Block } from './_bedrock-blocks.ts'
import { toThinking } from './_bedrock-families.ts'
import type { ModelFamily } from './_bedrock-families.ts'
import { toConversation } from './_bedrock-messages.ts'
import type { Conversation, FindThoughts } from './_bedrock-messages.ts'

/** The body, and how its reply has to be read. */
export interface ConverseRequest {
  readonly body: JsonObject
  /** The tool whose input is the answer: the schema of `response_format` is asked for as its input. */
  readonly answerTool: string | undefined
}

/** Fields that the translation reads. */
const translated = new Set([
  'model',
  'messages',
  'stream',
  'stream_options',
  'max_tokens',
  'max_completion_tokens',
  'temperature',
  'top_p',
  'stop',
  'tools',
  'tool_choice',
  'response_format',
  'reasoning_effort',
  'service_tier',
  'additionalModelRequestFields',
])

/** Fields of OpenAI's that have no counterpart and whose absence changes nothing that was promised. */
const dropped = new Set([
  'user',
  'safety_identifier',
  'prompt_cache_key',
  'prompt_cache_retention',
  'seed',
  'parallel_tool_calls',
  'modalities',
  'store',
  'metadata',
  'verbosity',
])

/** Fields whose absence would change the result: any other value than these is answered with an error. */
const harmless: Readonly<Record<string, (value: unknown) => boolean>> = Object.freeze({
  n: (value) => value === 1,
  logprobs: (value) => value === false,
  top_logprobs: (value) => value === 0,
  frequency_penalty: (value) => value === 0,
  presence_penalty: (value) => value === 0,
  logit_bias: (value) => isRecord(value) && Object.keys(value).length === 0,
  functions: (value) => Array.isArray(value) && value.length === 0,
  function_call: () => false,
  audio: () => false,
})

/** Members of a Converse body that OpenAI has no word for; a client may send them by their own names. */
const native = new Set([
  'guardrailConfig',
  'performanceConfig',
  'promptVariables',
  'requestMetadata',
  'additionalModelResponseFieldPaths',
  'outputConfig',
])

const ANSWER_TOOL = 'json_answer'
const ANSWER_HINT = 'Gives the answer. Call it once, with the whole answer.'

/** Translates a request. Throws `invalid_value` for what Converse cannot do. */
export function toConverseRequest(
  request: ChatCompletionRequest,
  family: ModelFamily,
  findThoughts: FindThoughts,
): ConverseRequest {
  const conversation = toConversation(request.messages, findThoughts)
  const answer = toAnswerFormat(request, family)
  const fields = sortFields(request)
  const maxTokens = request.max_completion_tokens ?? request.max_tokens ?? undefined
  const mayThink = answer.tool === undefined && !conversation.lostThoughts
  const thinking = mayThink ? toThinking(family, request.reasoning_effort, maxTokens) : undefined
  const body = withoutAbsent({
    messages: conversation.messages as unknown as Json,
    system: nonEmpty([...conversation.system, ...answer.instruction]),
    inferenceConfig: nonEmptyObject(
      withoutAbsent({
        maxTokens: thinking?.maxTokens ?? maxTokens,
        temperature: request.temperature ?? undefined,
        topP: request.top_p ?? undefined,
        stopSequences: nonEmpty([request.stop ?? []].flat()),
      }),
    ),
    toolConfig: toToolConfig(request, conversation, answer.tool),
    serviceTier: toServiceTier(request.service_tier),
    additionalModelRequestFields: nonEmptyObject({ ...thinking?.fields, ...fields.model }),
    ...fields.native,
  })
  return { body, answerTool: answer.tool?.name }
}

interface SortedFields {
  /** Unknown here: the model's own. */
  readonly model: Record<string, Json>
  readonly native: Record<string, Json>
}

function sortFields(request: Readonly<Record<string, unknown>>): SortedFields {
  const own = request['additionalModelRequestFields']
  const sorted: SortedFields = { model: isRecord(own) ? { ...(own as JsonObject) } : {}, native: {} }
  for (const [field, value] of Object.entries(request)) {
    if (value === undefined || value === null || translated.has(field) || dropped.has(field)) continue
    const isHarmless = harmless[field]
    if (isHarmless === undefined) {
      // Requests are parsed JSON; only the type of the parsed request forgot that.
      sorted[native.has(field) ? 'native' : 'model'][field] = value as Json
    } else if (!isHarmless(value)) {
      throw new StackError('invalid_value', {
        param: field,
        problem: 'models of this provider do not have it',
        fix: 'Leave it out, or choose a model of another provider.',
      })
    }
  }
  return sorted
}

interface AnswerFormat {
  readonly tool: { readonly name: string; readonly schema: JsonObject } | undefined
  readonly instruction: readonly Block[]
}

/** Converse has no word for the form of an answer: it is asked for as the input of a tool, or in plain words. */
function toAnswerFormat({ response_format: format }: ChatCompletionRequest, family: ModelFamily): AnswerFormat {
  if (format === undefined || format === null || format.type === 'text') return { tool: undefined, instruction: [] }
  const schema = format.type === 'json_schema' ? format.json_schema.schema : undefined
  if (schema === undefined || schema === null) return inWords('Answer with one JSON object and nothing else.')
  if (!family.forcedTool) {
    return inWords(
      `Answer with one JSON object and nothing else. It has to match this JSON schema: ${JSON.stringify(schema)}`,
    )
  }
  const name = format.type === 'json_schema' ? format.json_schema.name : undefined
  return { tool: { name: toToolName(name), schema: schema as JsonObject }, instruction: [] }
}

function inWords(text: string): AnswerFormat {
  return { tool: undefined, instruction: [{ text }] }
}

function toToolName(name: string | undefined): string {
  return name !== undefined && /^[a-zA-Z0-9_-]{1,64}$/.test(name) ? name : ANSWER_TOOL
}

function toToolConfig(
  { tools, tool_choice: choice }: ChatCompletionRequest,
  { calledTools }: Conversation,
  answer: AnswerFormat['tool'],
): Json | undefined {
  const declared = (tools ?? []).map(toToolSpec)
  // Without its tools a conversation with calls in it is refused.
  const known = declared.length > 0 ? declared : [...calledTools].map((name) => toSpec({ name, schema: {} }))
  if (answer !== undefined) {
    const all = [...declared, toSpec({ ...answer, description: ANSWER_HINT })]
    return { tools: all, toolChoice: declared.length > 0 ? { any: {} } : { tool: { name: answer.name } } }
  }
  if (known.length === 0) return undefined
  const toolChoice = declared.length === 0 ? undefined : toToolChoice(choice)
  return withoutAbsent({ tools: known, toolChoice })
}

function toToolSpec(tool: ChatTool, index: number): Json {
  if (tool.type !== 'function' || tool.function === undefined) {
    throw new StackError('invalid_value', {
      param: `tools[${index}].type`,
      problem: `this provider does not have tools of the type '${tool.type}'`,
      fix: 'Send functions only.',
    })
  }
  const { name, description, parameters } = tool.function
  return toSpec({ name, description, schema: (parameters ?? {}) as JsonObject })
}

interface ToolSpec {
  readonly name: string
  readonly description?: string | null | undefined
  readonly schema: JsonObject
}

function toSpec({ name, description, schema }: ToolSpec): Json {
  const json = schema['type'] === undefined ? { type: 'object', properties: {}, ...schema } : schema
  return { toolSpec: withoutAbsent({ name, description: description || undefined, inputSchema: { json } }) }
}

function toToolChoice(choice: ChatCompletionRequest['tool_choice']): Json | undefined {
  if (choice === undefined || choice === null || choice === 'auto' || choice === 'none') return undefined
  if (choice === 'required') return { any: {} }
  const of: unknown = choice['function']
  const name = isRecord(of) ? of['name'] : undefined
  if (choice.type === 'function' && typeof name === 'string') return { tool: { name } }
  throw new StackError('invalid_value', {
    param: 'tool_choice',
    problem: `this provider does not have the choice '${choice.type}'`,
    fix: "Choose auto, required, or {type: 'function', function: {name}}.",
  })
}

function toServiceTier(tier: string | null | undefined): Json | undefined {
  return tier === undefined || tier === null || tier === 'auto' ? undefined : { type: tier }
}

function nonEmpty<Item extends Json>(items: readonly Item[]): readonly Item[] | undefined {
  return items.length === 0 ? undefined : items
}

function nonEmptyObject(of: JsonObject): JsonObject | undefined {
  return Object.keys(of).length === 0 ? undefined : of
}

function withoutAbsent(of: Readonly<Record<string, Json | undefined>>): JsonObject {
  // Only absent members are taken out.
  return Object.fromEntries(Object.entries(of).filter(([, value]) => value !== undefined)) as JsonObject
}
