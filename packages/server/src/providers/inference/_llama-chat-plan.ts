/** What a chat request asks of the engine, settled before any model is loaded. */
import type { ChatCompletionRequest, ChatTool } from '@llama-stack/api'
import { StackError } from '@llama-stack/api'
import type { Functions, GrammarSchema, HistoryItem } from './_llama-engine.ts'
import { toHistory } from './_llama-history.ts'
import { refuseUnsupported, toSampling } from './_llama-sampling.ts'
import type { Sampling } from './_llama-sampling.ts'
import { anyObject, toGrammarSchema } from './_llama-schema.ts'

export interface ChatPlan {
  readonly history: readonly HistoryItem[]
  readonly sampling: Sampling
  readonly choices: number
  readonly maxTokens: number | undefined
  /** What the reply has to fit. */
  readonly schema: GrammarSchema | undefined
  readonly tools: ToolPlan | undefined
}

export interface ToolPlan {
  readonly functions: Functions
  /** Whether the reply has to begin with a call. */
  readonly isForced: boolean
  /** Whether the caller named the function: OpenAI ends such replies with `stop`. */
  readonly isNamed: boolean
  /** Undefined: as many as the model likes. */
  readonly maxCalls: number | undefined
}

const functionName = /^[\w.-]{1,128}$/

/** Reads a request. Throws `invalid_value` for what the engine cannot do. */
export function toChatPlan(request: ChatCompletionRequest): ChatPlan {
  refuseUnsupported(request, ['logprobs', 'top_logprobs', 'functions', 'function_call', 'audio'])
  const schema = toReplySchema(request)
  const tools = toToolPlan(request)
  if (schema !== undefined && tools !== undefined) {
    throw new StackError('invalid_value', {
      param: 'response_format',
      problem: 'a GGUF model either calls tools or writes JSON',
      fix: 'Send no tools, or tool_choice "none", with response_format.',
    })
  }
  return {
    history: toHistory(request.messages),
    sampling: toSampling(request),
    choices: request.n ?? 1,
    maxTokens: request.max_completion_tokens ?? request.max_tokens ?? undefined,
    schema,
    tools,
  }
}

function toReplySchema({ response_format: format }: ChatCompletionRequest): GrammarSchema | undefined {
  if (format?.type === 'json_object') return anyObject
  if (format?.type !== 'json_schema') return undefined
  return toGrammarSchema(format.json_schema.schema ?? { type: 'object' }, 'response_format.json_schema.schema')
}

function toToolPlan(request: ChatCompletionRequest): ToolPlan | undefined {
  const { tools, tool_choice: choice } = request
  const functions = (tools ?? []).map(toFunction)
  const name = toChosenName(choice)
  if (functions.length === 0) {
    if (choice === 'required' || name !== undefined) throw refusal('tool_choice', 'there are no tools', 'Send tools.')
    return undefined
  }
  if (choice === 'none') return undefined
  const allowed = name === undefined ? functions : functions.filter(([known]) => known === name)
  if (allowed.length === 0) throw refusal('tool_choice', `there is no tool '${name}'`, 'Name one of the tools.')
  const isSingle = name !== undefined || request.parallel_tool_calls === false
  return {
    functions: Object.fromEntries(allowed),
    isForced: choice === 'required' || name !== undefined,
    isNamed: name !== undefined,
    maxCalls: isSingle ? 1 : undefined,
  }
}

function toChosenName(choice: ChatCompletionRequest['tool_choice']): string | undefined {
  if (typeof choice !== 'object' || choice === null) return undefined
  const chosen = choice['function']
  const name = typeof chosen === 'object' && chosen !== null && 'name' in chosen ? chosen.name : undefined
  if (typeof name === 'string') return name
  throw refusal('tool_choice', 'it names no function', 'Send {"type": "function", "function": {"name": "…"}}.')
}

function toFunction(tool: ChatTool, at: number): [string, Functions[string]] {
  const param = `tools[${at}]`
  const { function: declared } = tool
  if (declared === undefined) throw refusal(param, `a tool of type '${tool.type}' is unknown`, 'Send functions.')
  const { name, description, parameters } = declared
  if (!functionName.test(name)) {
    throw refusal(
      `${param}.function.name`,
      'it has other characters than letters, digits, _ . -',
      'Choose another name.',
    )
  }
  // Without parameters an empty object is written, so that every call has arguments.
  const schema = toGrammarSchema(parameters ?? { type: 'object', properties: {} }, `${param}.function.parameters`)
  return [name, { ...(typeof description === 'string' ? { description } : {}), params: schema }]
}

function refusal(param: string, problem: string, fix: string): StackError {
  return new StackError('invalid_value', { param, problem, fix })
}
