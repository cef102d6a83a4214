/** The model that every mock serves. */
export const mockModel = 'bench-model'

const created = 1_767_225_600
/** The id of every reply. */
export const replyId = 'chatcmpl-bench000001'
const id = replyId

/** The fixed reply of the mocks to a request that does not stream, as bytes of JSON. */
export const chatReply = JSON.stringify({
  id,
  object: 'chat.completion',
  created,
  model: mockModel,
  choices: [
    {
      index: 0,
      message: {
        role: 'assistant',
        content:
          'The harbour was quiet that morning; two boats came in before nine, and nobody asked where they had been.',
        refusal: null,
      },
      logprobs: null,
      finish_reason: 'stop',
    },
  ],
  usage: { prompt_tokens: 24, completion_tokens: 23, total_tokens: 47 },
  system_fingerprint: 'fp_bench0001',
})

/** The list of models of the mocks, as bytes of JSON. */
export const modelList = JSON.stringify({
  object: 'list',
  data: [{ id: mockModel, object: 'model', created, owned_by: 'bench' }],
})

function toEvent(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`
}

/** What a streamed reply says, delta by delta. */
export type StreamedReply = {
  readonly deltas: readonly object[]
  /** The reason that the last delta carries. */
  readonly finish: string
  readonly completionTokens: number
  readonly withUsage: boolean
}

/** The events of the reply, `[DONE]` last; with a usage chunk before it when the client asked for one. */
export function toChunkEvents({ deltas, finish, completionTokens, withUsage }: StreamedReply): string[] {
  const head = { id, object: 'chat.completion.chunk', created, model: mockModel }
  const chunks = deltas.map((delta, index) => {
    const reason = index === deltas.length - 1 ? finish : null
    return toEvent({ ...head, choices: [{ index: 0, delta, finish_reason: reason }] })
  })
  const prompt = 24
  const usage = {
    prompt_tokens: prompt,
    completion_tokens: completionTokens,
    total_tokens: prompt + completionTokens,
  }
  return [...chunks, ...(withUsage ? [toEvent({ ...head, choices: [], usage })] : []), 'data: [DONE]\n\n']
}

function toPiece(index: number): string {
  return ` t${String(index).padStart(4, '0')}`
}

/** The events of one streamed text: one that says who speaks, and then a word each. */
export function toStreamEvents(events: number, withUsage: boolean): string[] {
  const deltas = Array.from({ length: events }, (_, index) =>
    index === 0 ? { role: 'assistant', content: '' } : { content: toPiece(index) },
  )
  return toChunkEvents({ deltas, finish: 'stop', completionTokens: events, withUsage })
}

/** One event whose content is that long: a vendor that sends few and large deltas. */
export function toLongEvent(characters: number): string {
  const choices = [{ index: 0, delta: { content: 'x'.repeat(characters) }, finish_reason: null }]
  return toEvent({ id, object: 'chat.completion.chunk', created, model: mockModel, choices })
}

/** A reply that does not stream, as bytes of JSON. */
export function toCompletion(of: { message: object; finish: string; completionTokens: number }): string {
  const { completionTokens } = of
  const usage = { prompt_tokens: 24, completion_tokens: completionTokens, total_tokens: 24 + completionTokens }
  const choices = [
    { index: 0, message: { role: 'assistant', ...of.message }, logprobs: null, finish_reason: of.finish },
  ]
  return JSON.stringify({ id, object: 'chat.completion', created, model: mockModel, choices, usage })
}

/** What a stream of so many events says, whole. */
export function toWholeReply(events: number): string {
  return toCompletion({ message: { content: toStreamText(events) }, finish: 'stop', completionTokens: events })
}

/** The text that the content of a streamed reply adds up to. */
export function toStreamText(events: number): string {
  return Array.from({ length: events - 1 }, (_, index) => toPiece(index + 1)).join('')
}

/** What the short requests ask. */
export const shortQuestion =
  'Which of the two boats came in first this morning, and did anybody on the quay write down its name?'

/** Request bodies: S is a short question, M a conversation of 8 KB with three tools. */
export type BodySize = 'S' | 'M'

/** The body of a chat request for the model. */
export function toChatRequest(model: string, size: BodySize): Record<string, unknown> {
  if (size === 'S')
    return { model, messages: [{ role: 'user', content: shortQuestion }], temperature: 0.2, max_tokens: 64 }
  const turns = Array.from({ length: 12 }, (_, index) => ({
    role: index % 2 === 0 ? 'user' : 'assistant',
    content: `Turn ${index}. ${'The log of the harbour names every boat, its berth and the hour it came. '.repeat(7)}`,
  }))
  const system = { role: 'system', content: 'You keep the log of a small harbour and answer from it only.' }
  return {
    model,
    messages: [system, ...turns, { role: 'user', content: 'And today?' }],
    tools: toTools(),
    max_tokens: 256,
  }
}

function toTools(): unknown[] {
  return ['find_boat', 'find_berth', 'write_entry'].map((name) => ({
    type: 'function',
    function: {
      name,
      description: `Looks into the log of the harbour and answers with the matching lines (${name}).`,
      parameters: {
        type: 'object',
        properties: {
          name: { type: 'string', description: 'Name as painted on the hull.' },
          day: { type: 'string', description: 'Day in the form YYYY-MM-DD.' },
          limit: { type: 'integer', minimum: 1, maximum: 50 },
        },
        required: ['name'],
      },
    },
  }))
}

/** A chat request that streams and asks for usage, as clients that keep accounts do. */
export function toStreamRequest(model: string): Record<string, unknown> {
  return { ...toChatRequest(model, 'S'), stream: true, stream_options: { include_usage: true } }
}

/** In the `user` field of a request: the mock then answers with megabytes, as fast as the reader takes them. */
export const floodUser = 'bench-flood'
