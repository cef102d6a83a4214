/** Bedrock: Converse and its binary frames, models of Titan, rerank, and signatures that are checked on every call. */
import { bug } from '@llama-stack/api'
import type { Json, JsonObject, ModelType } from '@llama-stack/api'
import { asRecord } from '../../kernel/json-record.ts'
import { toExceptionFrame, toJsonEventFrame } from '../event-stream-frame.ts'
import type { ScriptedReply, ScriptedRequest, ScriptedRoute } from '../scripted-upstream.ts'
import { verifySigV4 } from '../verify-sigv4.ts'
import type {
  AskedChat,
  AskedMessage,
  ChatScript,
  EmbeddingsScript,
  RerankScript,
  VendorFault,
  VendorFaultKind,
  VendorScript,
  VendorTurn,
} from './vendor-script.ts'

type Fields = Readonly<Record<string, unknown>>

/** The secret of whatever key id the suite configures. */
export const BEDROCK_SECRET = 'conformance secret'

const CHARACTERS_PER_DELTA = 9

/** Builds the script. */
export function toBedrockScript(): VendorScript {
  return {
    chat,
    embeddings,
    rerank,
    models: toModelRoutes,
    health: { 'GET /foundation-models': { json: { modelSummaries: [] } } },
    fault: toFaultReply,
    credential: findCredential,
  }
}

const chat: ChatScript = {
  read(request) {
    const { inferenceConfig, toolConfig, system, messages, additionalModelRequestFields: extra } = bodyOf(request)
    const { temperature, topP, maxTokens, stopSequences } = asRecord(inferenceConfig)
    const specs = asList(asRecord(toolConfig)['tools']).map((tool) => asRecord(tool['toolSpec']))
    const choice = asRecord(asRecord(toolConfig)['toolChoice'])
    // Nothing but the schema of an answer makes the suite force a certain tool.
    const answer = specs.find(({ name }) => name === asRecord(choice['tool'])['name'])
    const told = asList(system).map(({ text }): AskedMessage => ({ ...plain, role: 'system', text: String(text) }))
    return {
      model: modelOf(request),
      streamed: request.path.endsWith('/converse-stream'),
      messages: [...told, ...asList(messages).flatMap(readMessage)],
      tools: specs.filter((spec) => spec !== answer).map(readTool),
      ...('any' in choice && { toolChoice: 'required' as const }),
      ...(typeof temperature === 'number' && { temperature }),
      ...(typeof topP === 'number' && { topP }),
      ...(typeof maxTokens === 'number' && { maxTokens }),
      ...(Array.isArray(stopSequences) && { stop: stopSequences.map(String) }),
      ...(answer !== undefined && { schema: asRecord(answer['inputSchema'])['json'] }),
      extra: asRecord(extra) as JsonObject,
    }
  },
  reply: (turn, asked) => ({
    json: {
      output: { message: { role: 'assistant', content: toBlocks(turn, asked) } },
      stopReason: toStopReason(turn, asked),
      usage: toUsage(turn),
      metrics: { latencyMs: 551 },
    },
  }),
  stream: (turn, asked) => ({
    contentType: 'application/vnd.amazon.eventstream',
    silentFrames: 1,
    frames: toFrames(turn, asked),
  }),
  faultFrame: ({ message }) => toExceptionFrame('internalServerException', { message }),
}

const plain = { images: [], toolCalls: [] } as const

/** What a model of this request calls when it answers in a schema. */
function answerToolOf({ schema }: AskedChat): string | undefined {
  return schema === undefined ? undefined : 'forecast'
}

function toBlocks(turn: VendorTurn, asked: AskedChat): Json[] {
  const name = answerToolOf(asked)
  const text = turn.pieces.join('')
  if (name !== undefined) return [{ toolUse: { toolUseId: 'tooluse_answer', name, input: JSON.parse(text) as Json } }]
  return [
    ...(text === '' ? [] : [{ text }]),
    ...turn.toolCalls.map((call) => ({ toolUse: { toolUseId: call.id, name: call.name, input: call.arguments } })),
  ]
}

function toFrames(turn: VendorTurn, asked: AskedChat): Buffer[] {
  const answerTool = answerToolOf(asked)
  const frames = [toJsonEventFrame('messageStart', { role: 'assistant', p: 'abcd' })]
  let index = 0
  const add = (start: Json | undefined, deltas: readonly Json[]): void => {
    const of = { contentBlockIndex: index }
    if (start !== undefined) frames.push(toJsonEventFrame('contentBlockStart', { ...of, start }))
    frames.push(...deltas.map((delta) => toJsonEventFrame('contentBlockDelta', { ...of, delta })))
    frames.push(toJsonEventFrame('contentBlockStop', of))
    index += 1
  }
  if (answerTool !== undefined) {
    const start = { toolUse: { toolUseId: 'tooluse_answer', name: answerTool } }
    add(
      start,
      turn.pieces.map((input) => ({ toolUse: { input } })),
    )
  } else if (turn.pieces.length > 0) {
    add(
      undefined,
      turn.pieces.map((text) => ({ text })),
    )
  }
  for (const { id, name, arguments: of } of turn.toolCalls) {
    const pieces = cut(JSON.stringify(of))
    add(
      { toolUse: { toolUseId: id, name } },
      pieces.map((input) => ({ toolUse: { input } })),
    )
  }
  frames.push(toJsonEventFrame('messageStop', { stopReason: toStopReason(turn, asked) }))
  frames.push(toJsonEventFrame('metadata', { usage: toUsage(turn), metrics: { latencyMs: 551 } }))
  return frames
}

function cut(text: string): string[] {
  const count = Math.ceil(text.length / CHARACTERS_PER_DELTA)
  return Array.from({ length: count }, (_, at) =>
    text.slice(at * CHARACTERS_PER_DELTA, (at + 1) * CHARACTERS_PER_DELTA),
  )
}

function toStopReason({ finish }: VendorTurn, asked: AskedChat): string {
  if (answerToolOf(asked) !== undefined) return 'tool_use'
  return { stop: 'end_turn', length: 'max_tokens', tool_calls: 'tool_use', content_filter: 'guardrail_intervened' }[
    finish
  ]
}

function toUsage({ usage: { inputTokens, outputTokens } }: VendorTurn): JsonObject {
  return { inputTokens, outputTokens, totalTokens: inputTokens + outputTokens }
}

function readTool({ name, description, inputSchema }: Fields): AskedChat['tools'][number] {
  return {
    name: String(name),
    ...(typeof description === 'string' && { description }),
    parameters: asRecord(inputSchema)['json'],
  }
}

/** Results of tools are blocks of a user's message here, and messages of their own in the neutral form. */
function readMessage({ role, content }: Fields): AskedMessage[] {
  const blocks = asList(content)
  const results = blocks
    .map((block) => block['toolResult'])
    .filter((result) => result !== undefined)
    .map((result): AskedMessage => {
      const { toolUseId, content: said } = asRecord(result)
      return { ...plain, role: 'tool', toolCallId: String(toolUseId), text: textOf(asList(said)) }
    })
  if (results.length > 0) return results
  const uses = blocks.map((block) => block['toolUse']).filter((use) => use !== undefined)
  const images = blocks.map((block) => block['image']).filter((image) => image !== undefined)
  return [
    {
      role: role === 'assistant' ? 'assistant' : 'user',
      text: textOf(blocks),
      images: images.map((image) => {
        const { format, source } = asRecord(image)
        return { mimeType: `image/${String(format)}`, base64: String(asRecord(source)['bytes']) }
      }),
      toolCalls: uses.map((use) => {
        const { toolUseId, name, input } = asRecord(use)
        return { id: String(toolUseId), name: String(name), arguments: asRecord(input) as JsonObject }
      }),
    },
  ]
}

function textOf(blocks: readonly Fields[]): string {
  return blocks.map(({ text }) => (typeof text === 'string' ? text : '')).join('')
}

const embeddings: EmbeddingsScript = {
  read(request) {
    const { inputText, dimensions } = bodyOf(request)
    return {
      model: modelOf(request),
      input: [String(inputText)],
      ...(typeof dimensions === 'number' && { dimensions }),
    }
  },
  reply: ({ vectors: [embedding], inputTokens }) => ({ json: { embedding, inputTextTokenCount: inputTokens } }),
}

const rerank: RerankScript = {
  read(request) {
    const { queries, sources, rerankingConfiguration } = bodyOf(request)
    const settings = asRecord(asRecord(rerankingConfiguration)['bedrockRerankingConfiguration'])
    return {
      model: String(asRecord(settings['modelConfiguration'])['modelArn']),
      query: String(asRecord(asList(queries)[0]?.['textQuery'])['text']),
      documents: asList(sources).map((source) =>
        String(asRecord(asRecord(source['inlineDocumentSource'])['textDocument'])['text']),
      ),
    }
  },
  reply: (scores) => ({ json: { results: scores.map((relevanceScore, index) => ({ index, relevanceScore })) } }),
}

function toModelRoutes(
  listed: readonly { readonly id: string; readonly type: ModelType }[],
): Readonly<Record<string, ScriptedRoute>> {
  const modelSummaries = listed.map(({ id: modelId, type }) => ({
    modelId,
    inputModalities: ['TEXT'],
    outputModalities: [type === 'embedding' ? 'EMBEDDING' : 'TEXT'],
    inferenceTypesSupported: ['ON_DEMAND'],
    modelLifecycle: { status: 'ACTIVE' },
  }))
  return {
    'GET /foundation-models': { json: { modelSummaries } },
    'GET /inference-profiles': { json: { inferenceProfileSummaries: [] } },
  }
}

const faults: Readonly<Record<VendorFaultKind, readonly [status: number, type: string]>> = Object.freeze({
  authentication: [401, 'UnrecognizedClientException'],
  permission: [403, 'AccessDeniedException'],
  not_found: [404, 'ResourceNotFoundException'],
  rate_limit: [429, 'ThrottlingException'],
  invalid_request: [400, 'ValidationException'],
  content_policy: [400, 'ValidationException'],
  internal: [500, 'InternalServerException'],
})

function toFaultReply({ kind, message, retryAfterSeconds }: VendorFault): ScriptedReply {
  const [status, type] = faults[kind]
  const words = kind === 'content_policy' ? `This request has been blocked by our content filters. ${message}` : message
  return {
    status,
    headers: {
      'x-amzn-errortype': `${type}:http://internal.amazon.com/coral/com.amazon.bedrock/`,
      ...(retryAfterSeconds !== undefined && { 'retry-after': String(retryAfterSeconds) }),
    },
    json: { message: words },
  }
}

function findCredential(request: ScriptedRequest): string | undefined {
  const said = request.headers['authorization']
  if (said === undefined || said.startsWith('Bearer ')) return said?.slice('Bearer '.length)
  const id = /Credential=([^/]+)/.exec(said)?.[1] ?? ''
  const verdict = verifySigV4(request, { [id]: BEDROCK_SECRET })
  return verdict.valid ? verdict.accessKeyId : bug(`the signature is wrong: ${verdict.problem}`)
}

function bodyOf(request: ScriptedRequest): Fields {
  // Every request of the suite is checked, not only those whose credential it asks for.
  findCredential(request)
  return asRecord(request.json())
}

function modelOf({ path }: ScriptedRequest): string {
  return decodeURIComponent(path.split('/')[2] ?? '')
}

function asList(of: unknown): Fields[] {
  return Array.isArray(of) ? of.map(asRecord) : []
}
