import type { FaultyReply } from '../../packages/server/src/testing/faults.ts'
import { chatReply, mockModel, modelList, replyId, toStreamEvents } from './bodies.ts'

/** Content events of a stream. */
export const vendorStreamEvents = 20
const dimension = 64
const textHead = { id: 'cmpl-bench', object: 'text_completion', created: 1_767_225_600, model: mockModel }

function toTextEvent(text: string, finish: string | null): string {
  const choices = [{ index: 0, text, logprobs: null, finish_reason: finish }]
  return `data: ${JSON.stringify({ ...textHead, choices })}\n\n`
}

const textEvents: readonly string[] = [
  ...Array.from({ length: vendorStreamEvents }, (_, index) => toTextEvent(` t${index}`, null)),
  toTextEvent('', 'stop'),
  'data: [DONE]\n\n',
]

const textReply = JSON.stringify({
  ...textHead,
  choices: [{ index: 0, text: 'Two boats.', logprobs: null, finish_reason: 'stop' }],
  usage: { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 },
})

function toEmbeddings(body: string): string {
  // The clients are ours and send what OpenAI's protocol says.
  const { input } = JSON.parse(body) as { input: string | readonly string[] }
  const texts = typeof input === 'string' ? [input] : input
  const data = texts.map((text, index) => ({
    object: 'embedding',
    index,
    embedding: Array.from({ length: dimension }, (_, place) => ((text.length * 31 + place) % 97) / 97),
  }))
  const usage = { prompt_tokens: texts.length, total_tokens: texts.length }
  return JSON.stringify({ object: 'list', model: mockModel, data, usage })
}

function toPieces(path: string, body: string, streamed: boolean): readonly string[] {
  if (path === '/models') return [modelList]
  if (path === '/embeddings') return [toEmbeddings(body)]
  if (path === '/completions') return streamed ? textEvents : [textReply]
  return streamed ? toStreamEvents(vendorStreamEvents, /"include_usage":\s*true/.test(body)) : [chatReply]
}

/**
 * The reply that a request to the path deserves, in pieces: one for each event of a stream.
 *
 * Completions are stored by their id, so no two replies may share one: `serial` goes into it.
 */
export function toVendorReply(path: string, body: string, serial: number): FaultyReply {
  const streamed = /"stream":\s*true/.test(body)
  const head = `HTTP/1.1 200 OK\r\ncontent-type: ${streamed ? 'text/event-stream' : 'application/json'}`
  const id = `chatcmpl-${String(serial).padStart(12, '0')}`
  return { head, streamed, pieces: toPieces(path, body, streamed).map((piece) => piece.replace(replyId, id)) }
}
