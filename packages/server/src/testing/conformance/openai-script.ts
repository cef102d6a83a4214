/** A vendor of OpenAI's protocol: the script for every row of the dialect table. */
import type { JsonObject } from '@llama-stack/api'
import { asRecord } from '../../kernel/json-record.ts'
import { sseData, sseDone } from '../../kernel/sse.ts'
import type { ScriptedReply, ScriptedRequest } from '../scripted-upstream.ts'
import type {
  AskedChat,
  AskedMessage,
  ChatScript,
  CompletionScript,
  EmbeddingsScript,
  RerankScript,
  VendorFault,
  VendorFaultKind,
  VendorScript,
  VendorToolCall,
  VendorTurn,
} from './vendor-script.ts'

type Fields = Readonly<Record<string, unknown>>

/** What differs between vendors of the protocol. */
export interface OpenAiScriptOptions {
  /** The header of the credential. Default: `authorization`. */
  readonly keyHeader?: string
  /** Fields that go by another name here: ours, then the vendor's. Default: none. */
  readonly renamedFields?: Readonly<Record<string, string>>
  /** How the vendor lists models. */
  readonly models?: VendorScript['models']
  readonly health?: VendorScript['health']
  readonly routes?: VendorScript['routes']
  /** The shape of reranking. Default: none. */
  readonly rerank?: 'documents' | 'passages'
}

/** Builds the script. */
export function toOpenAiScript(options: OpenAiScriptOptions = {}): VendorScript {
  const { keyHeader = 'authorization', renamedFields = {}, models, health, routes, rerank } = options
  const ourNames = new Map(Object.entries(renamedFields).map(([ours, theirs]) => [theirs, ours]))
  const read = (request: ScriptedRequest): Fields =>
    Object.fromEntries(
      Object.entries(asRecord(request.json())).map(([name, value]) => [ourNames.get(name) ?? name, value]),
    )
  return {
    chat: toChatScript(read),
    completion: toCompletionScript(read),
    embeddings: toEmbeddingsScript(read),
    ...(rerank !== undefined && { rerank: rerank === 'documents' ? documentsScript : passagesScript }),
    ...(models !== undefined && { models }),
    ...(health !== undefined && { health }),
    ...(routes !== undefined && { routes }),
    fault: toFaultReply,
    credential: (request) => request.headers[keyHeader]?.replace(/^Bearer /, ''),
  }
}

const HEAD = Object.freeze({ id: 'chatcmpl-1', created: 1_760_000_000, model: 'm' })

function toChatScript(read: (request: ScriptedRequest) => Fields): ChatScript {
  return {
    read: (request) => readChat(read(request)),
    reply: (turn) => ({ json: toCompletion(turn) }),
    stream(turn, { extra }) {
      const asksUsage = asRecord(extra['stream_options'])['include_usage'] === true
      const frames = toChunks(turn, asksUsage).map((chunk) => sseData(JSON.stringify(chunk)))
      return { contentType: 'text/event-stream', frames: [...frames, sseDone], silentFrames: 1 }
    },
    faultFrame: (fault) => sseData(JSON.stringify(toErrorBody(fault))),
  }
}

function readChat(body: Fields): AskedChat {
  const { model, stream, messages, tools, tool_choice: choice, response_format: format, ...rest } = body
  const { temperature, top_p: topP, max_tokens: maxTokens, max_completion_tokens: maxCompletion, stop, ...extra } = rest
  const limit = maxCompletion ?? maxTokens
  const schema = asRecord(asRecord(format)['json_schema'])['schema']
  return {
    model: String(model),
    streamed: stream === true,
    messages: asList(messages).map(readMessage),
    tools: asList(tools).map(({ function: of }) => {
      const { name, description, parameters } = asRecord(of)
      return { name: String(name), parameters, ...(typeof description === 'string' && { description }) }
    }),
    ...(choice !== undefined && { toolChoice: readChoice(choice) }),
    ...(typeof temperature === 'number' && { temperature }),
    ...(typeof topP === 'number' && { topP }),
    ...(typeof limit === 'number' && { maxTokens: limit }),
    ...(stop !== undefined && { stop: [stop].flat().map(String) }),
    ...(schema !== undefined && { schema }),
    // The body was JSON.
    extra: extra as JsonObject,
  }
}

function readMessage({ role, content, tool_calls: calls, tool_call_id: toolCallId }: Fields): AskedMessage {
  const parts = typeof content === 'string' ? [{ type: 'text', text: content }] : asList(content)
  const images = parts.flatMap((part) => {
    const url = asRecord(part['image_url'])['url']
    const [, mimeType, base64] = /^data:([^;]+);base64,(.*)$/.exec(typeof url === 'string' ? url : '') ?? []
    return mimeType === undefined || base64 === undefined ? [] : [{ mimeType, base64 }]
  })
  return {
    // What OpenAI calls developer is a system message everywhere else.
    role: role === 'developer' ? 'system' : (role as AskedMessage['role']),
    text: parts.map(({ text }) => (typeof text === 'string' ? text : '')).join(''),
    images,
    toolCalls: asList(calls).map(readToolCall),
    ...(typeof toolCallId === 'string' && { toolCallId }),
  }
}

function readToolCall({ id, function: of }: Fields): VendorToolCall {
  const { name, arguments: text } = asRecord(of)
  return { id: String(id), name: String(name), arguments: JSON.parse(String(text)) as JsonObject }
}

function readChoice(choice: unknown): NonNullable<AskedChat['toolChoice']> {
  if (choice === 'auto' || choice === 'none' || choice === 'required') return choice
  return { name: String(asRecord(asRecord(choice)['function'])['name']) }
}

function toUsage({ usage: { inputTokens, outputTokens } }: VendorTurn): Fields {
  return {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
  }
}

function toWireCall({ id, name, arguments: of }: VendorToolCall): Fields {
  return { id, type: 'function', function: { name, arguments: JSON.stringify(of) } }
}

function toCompletion(turn: VendorTurn): Fields {
  const message = {
    role: 'assistant',
    content: turn.pieces.length === 0 ? null : turn.pieces.join(''),
    ...(turn.toolCalls.length > 0 && { tool_calls: turn.toolCalls.map(toWireCall) }),
  }
  return {
    ...HEAD,
    object: 'chat.completion',
    choices: [{ index: 0, message, finish_reason: turn.finish }],
    usage: toUsage(turn),
  }
}

function toChunks(turn: VendorTurn, asksUsage: boolean): Fields[] {
  const chunk = (delta: Fields, finish: string | null = null): Fields => ({
    ...HEAD,
    object: 'chat.completion.chunk',
    choices: [{ index: 0, delta, finish_reason: finish }],
  })
  const calls = turn.toolCalls.flatMap((call, index) => {
    const { id, name, arguments: of } = call
    const text = JSON.stringify(of)
    const middle = Math.floor(text.length / 2)
    return [
      chunk({ tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] }),
      chunk({ tool_calls: [{ index, function: { arguments: text.slice(0, middle) } }] }),
      chunk({ tool_calls: [{ index, function: { arguments: text.slice(middle) } }] }),
    ]
  })
  return [
    chunk({ role: 'assistant', content: turn.pieces.length === 0 ? null : '' }),
    ...turn.pieces.map((content) => chunk({ content })),
    ...calls,
    chunk({}, turn.finish),
    ...(asksUsage ? [{ ...HEAD, object: 'chat.completion.chunk', choices: [], usage: toUsage(turn) }] : []),
  ]
}

function toCompletionScript(read: (request: ScriptedRequest) => Fields): CompletionScript {
  const piece = (text: string, finish: string | null): Fields => ({
    ...HEAD,
    object: 'text_completion',
    choices: [{ index: 0, text, finish_reason: finish, logprobs: null }],
  })
  return {
    read(request) {
      const { model, prompt, stream } = read(request)
      return { model: String(model), prompt: String(prompt), streamed: stream === true }
    },
    reply: (turn) => ({ json: { ...piece(turn.pieces.join(''), turn.finish), usage: toUsage(turn) } }),
    stream(turn) {
      const chunks = [...turn.pieces.map((text) => piece(text, null)), piece('', turn.finish)]
      const frames = chunks.map((chunk) => sseData(JSON.stringify(chunk)))
      return { contentType: 'text/event-stream', frames: [...frames, sseDone] }
    },
  }
}

function toEmbeddingsScript(read: (request: ScriptedRequest) => Fields): EmbeddingsScript {
  return {
    read(request) {
      const { model, input, dimensions, encoding_format: format } = read(request)
      return {
        model: String(model),
        input: [input].flat().map(String),
        ...(typeof dimensions === 'number' && { dimensions }),
        ...((format === 'float' || format === 'base64') && { format }),
      }
    },
    reply({ vectors, inputTokens }, { format, model }) {
      const data = vectors.map((vector, index) => ({
        object: 'embedding',
        index,
        embedding: format === 'base64' ? Buffer.from(Float32Array.from(vector).buffer).toString('base64') : vector,
      }))
      return {
        json: { object: 'list', model, data, usage: { prompt_tokens: inputTokens, total_tokens: inputTokens } },
      }
    },
  }
}

const documentsScript: RerankScript = {
  read(request) {
    const { model, query, documents } = asRecord(request.json())
    return { model: String(model), query: String(query), documents: asTexts(documents) }
  },
  reply: (scores) => ({ json: { results: scores.map((score, index) => ({ index, relevance_score: score })) } }),
}

const passagesScript: RerankScript = {
  read(request) {
    const { model, query, passages } = asRecord(request.json())
    return { model: String(model), query: String(asRecord(query)['text']), documents: asTexts(passages) }
  },
  reply: (scores) => ({ json: { rankings: scores.map((logit, index) => ({ index, logit })) } }),
}

const FAULTS: Readonly<Record<VendorFaultKind, { status: number; type: string; code: string | null }>> = Object.freeze({
  authentication: { status: 401, type: 'invalid_request_error', code: 'invalid_api_key' },
  permission: { status: 403, type: 'permission_error', code: null },
  not_found: { status: 404, type: 'invalid_request_error', code: 'model_not_found' },
  rate_limit: { status: 429, type: 'rate_limit_error', code: 'rate_limit_exceeded' },
  invalid_request: { status: 400, type: 'invalid_request_error', code: null },
  content_policy: { status: 400, type: 'invalid_request_error', code: 'content_policy_violation' },
  internal: { status: 500, type: 'server_error', code: null },
})

function toErrorBody({ kind, message }: VendorFault): Fields {
  const { type, code } = FAULTS[kind]
  return { error: { message, type, param: null, code } }
}

function toFaultReply(fault: VendorFault): ScriptedReply {
  const { retryAfterSeconds: seconds, kind } = fault
  return {
    status: FAULTS[kind].status,
    json: toErrorBody(fault),
    ...(seconds !== undefined && { headers: { 'retry-after': String(seconds) } }),
  }
}

function asList(of: unknown): Fields[] {
  return Array.isArray(of) ? of.map(asRecord) : []
}

function asTexts(of: unknown): string[] {
  if (!Array.isArray(of)) return []
  return of.map((one: unknown) => (typeof one === 'string' ? one : String(asRecord(one)['text'])))
}
