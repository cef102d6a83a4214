/** Google's Gemini by its native API: `generateContent`, its event stream and `google.rpc.Status`. */
import type { JsonObject } from '@llama-stack/api'
import { asRecord } from '../../kernel/json-record.ts'
import { sseData } from '../../kernel/sse.ts'
import type { ScriptedReply, ScriptedRequest } from '../scripted-upstream.ts'
import type {
  AskedChat,
  AskedMessage,
  ChatScript,
  EmbeddingsScript,
  VendorFault,
  VendorFaultKind,
  VendorTurn,
} from './vendor-script.ts'

type Fields = Readonly<Record<string, unknown>>

/** Chats. A stream is one piece for each text and call; the last one says why it ended and what it used. */
export const geminiChats: ChatScript = {
  read: readChat,
  reply: (turn) => ({ json: toReply([...turn.pieces.map((text) => ({ text })), ...toCallParts(turn)], turn) }),
  stream(turn) {
    const parts = [...turn.pieces.map((text) => ({ text })), ...toCallParts(turn)]
    const pieces = parts.map((part) => toReply([part]))
    return {
      contentType: 'text/event-stream',
      frames: [...pieces, toReply([], turn)].map((piece) => sseData(JSON.stringify(piece))),
    }
  },
  faultFrame: (fault) => sseData(JSON.stringify(toStatus(fault))),
}

/** Embeddings of the models that answer `predict`. */
export const vertexEmbeddings: EmbeddingsScript = {
  read(request) {
    const { instances, parameters } = asRecord(request.json())
    const { outputDimensionality: dimensions } = asRecord(parameters)
    return {
      model: toModelName(request),
      input: asList(instances).map(({ content }) => String(content)),
      ...(typeof dimensions === 'number' && { dimensions }),
    }
  },
  reply({ vectors, inputTokens }) {
    const statistics = { truncated: false, token_count: inputTokens / vectors.length }
    return { json: { predictions: vectors.map((values) => ({ embeddings: { values, statistics } })) } }
  },
}

/** A failure as Google says it. A prompt that is blocked is no failure of the call: the reply has no candidate. */
export function toGeminiFault(fault: VendorFault): ScriptedReply {
  const { kind, message } = fault
  if (kind === 'content_policy') {
    return { json: { promptFeedback: { blockReason: 'PROHIBITED_CONTENT', blockReasonMessage: message } } }
  }
  return { status: STATUSES[kind][0], json: toStatus(fault) }
}

function readChat(request: ScriptedRequest): AskedChat {
  const { contents, systemInstruction, tools, toolConfig, generationConfig } = asRecord(request.json())
  const { temperature, topP, maxOutputTokens, stopSequences, responseJsonSchema, ...rest } = asRecord(generationConfig)
  const { responseMimeType: _mimeType, vendorField, ...extra } = rest
  const instructions = asList(asRecord(systemInstruction)['parts'])
  return {
    model: toModelName(request),
    streamed: request.path.includes(':streamGenerateContent'),
    messages: [
      ...instructions.map(({ text }) => ({ role: 'system' as const, text: String(text), images: [], toolCalls: [] })),
      ...asList(contents).map(readTurn),
    ],
    tools: asList(asList(tools)[0]?.['functionDeclarations']).map(({ name, description, parametersJsonSchema }) => ({
      name: String(name),
      parameters: parametersJsonSchema,
      ...(typeof description === 'string' && { description }),
    })),
    ...readChoice(asRecord(asRecord(toolConfig)['functionCallingConfig'])),
    ...(typeof temperature === 'number' && { temperature }),
    ...(typeof topP === 'number' && { topP }),
    ...(typeof maxOutputTokens === 'number' && { maxTokens: maxOutputTokens }),
    ...(Array.isArray(stopSequences) && { stop: stopSequences.map(String) }),
    ...(responseJsonSchema !== undefined && { schema: responseJsonSchema }),
    // The body was JSON; names are in Gemini's case there.
    extra: { ...extra, ...(vendorField !== undefined && { vendor_field: vendorField }) } as JsonObject,
  }
}

function readTurn({ role, parts }: Fields): AskedMessage {
  const list = asList(parts)
  const images = list.flatMap(({ inlineData }) => {
    if (inlineData === undefined) return []
    const { mimeType, data } = asRecord(inlineData)
    return [{ mimeType: String(mimeType), base64: String(data) }]
  })
  const toolCalls = list.flatMap(({ functionCall }) => {
    if (functionCall === undefined) return []
    const { name, args } = asRecord(functionCall)
    return [{ id: '', name: String(name), arguments: args as JsonObject }]
  })
  const text = list.map((part) => (typeof part['text'] === 'string' ? part['text'] : '')).join('')
  const [result] = list.flatMap(({ functionResponse }) => (functionResponse === undefined ? [] : [functionResponse]))
  if (result === undefined) return { role: role === 'model' ? 'assistant' : 'user', text, images, toolCalls }
  const { name, response } = asRecord(result)
  return { role: 'tool', text: String(asRecord(response)['output']), images, toolCalls, toolCallId: String(name) }
}

function readChoice({ mode, allowedFunctionNames }: Fields): Pick<AskedChat, 'toolChoice'> {
  if (Array.isArray(allowedFunctionNames)) return { toolChoice: { name: String(allowedFunctionNames[0]) } }
  if (mode === 'ANY') return { toolChoice: 'required' }
  return mode === 'NONE' ? { toolChoice: 'none' } : {}
}

function toModelName({ path }: ScriptedRequest): string {
  return /\/models\/([^/:]+):/.exec(path)?.[1] ?? ''
}

function toCallParts({ toolCalls }: VendorTurn): readonly object[] {
  return toolCalls.map(({ name, arguments: args }, index) => ({
    functionCall: { name, args },
    ...(index === 0 && { thoughtSignature: 'c2lnbmF0dXJl' }),
  }))
}

const FINISH_REASONS = Object.freeze({
  stop: 'STOP',
  length: 'MAX_TOKENS',
  // A call is no reason of its own.
  tool_calls: 'STOP',
  content_filter: 'SAFETY',
})

function toReply(parts: readonly object[], end?: VendorTurn): object {
  return {
    candidates: [
      {
        content: { role: 'model', parts },
        ...(end !== undefined && { finishReason: FINISH_REASONS[end.finish] }),
      },
    ],
    ...(end !== undefined && {
      usageMetadata: {
        promptTokenCount: end.usage.inputTokens,
        candidatesTokenCount: end.usage.outputTokens,
        totalTokenCount: end.usage.inputTokens + end.usage.outputTokens,
      },
    }),
    modelVersion: 'm',
    createTime: '2025-10-09T08:53:20Z',
    responseId: 'response-1',
  }
}

const STATUSES: Readonly<Record<VendorFaultKind, readonly [number, string]>> = Object.freeze({
  authentication: [401, 'UNAUTHENTICATED'],
  permission: [403, 'PERMISSION_DENIED'],
  not_found: [404, 'NOT_FOUND'],
  rate_limit: [429, 'RESOURCE_EXHAUSTED'],
  invalid_request: [400, 'INVALID_ARGUMENT'],
  content_policy: [400, 'INVALID_ARGUMENT'],
  internal: [500, 'INTERNAL'],
})

function toStatus({ kind, message, retryAfterSeconds: seconds }: VendorFault): object {
  const [code, status] = STATUSES[kind]
  const retry = { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: `${seconds}s` }
  return { error: { code, message, status, ...(seconds !== undefined && { details: [retry] }) } }
}

function asList(of: unknown): readonly Fields[] {
  return Array.isArray(of) ? of.map(asRecord) : []
}
