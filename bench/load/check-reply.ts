import { sendOnce } from '../harness/http-once.ts'
import { chatReply, toChatRequest, toStreamEvents, toStreamRequest, toStreamText } from '../mock/bodies.ts'
import { chatPath, type Endpoint } from '../targets/target.ts'

/** The parts of a completion or of a chunk that must come through whatever stands in between. */
type Checked = {
  readonly choices?: readonly {
    readonly message?: { readonly content?: unknown }
    readonly delta?: { readonly content?: string | null }
    readonly finish_reason?: string | null
  }[]
  readonly usage?: Readonly<Record<string, unknown>> | null
}

/** Asks once and compares the reply with the mock's; returns what is wrong with it. */
export async function findReplyFault(endpoint: Endpoint): Promise<string | undefined> {
  const body = JSON.stringify(toChatRequest(endpoint.model, 'S'))
  const reply = await sendOnce({ port: endpoint.port, path: chatPath, headers: endpoint.headers, body })
  if (reply.status !== 200) return `status ${reply.status}: ${reply.body.slice(0, 200)}`
  if (reply.body === chatReply) return undefined
  if (endpoint.exact) return 'the reply is not the bytes that the mock sent'
  return toEssence(parseChecked(reply.body)) === toEssence(parseChecked(chatReply))
    ? undefined
    : `the reply's content differs from the mock's: ${reply.body.slice(0, 200)}`
}

/** Streams once and compares every event with what the mock sends; returns what is wrong. */
export async function findStreamFault(endpoint: Endpoint, events: number): Promise<string | undefined> {
  const body = JSON.stringify(toStreamRequest(endpoint.model))
  const reply = await sendOnce({ port: endpoint.port, path: chatPath, headers: endpoint.headers, body })
  if (reply.status !== 200) return `status ${reply.status}: ${reply.body.slice(0, 200)}`
  if (reply.body === toStreamEvents(events, true).join('')) return undefined
  if (endpoint.exact) return 'the stream is not the bytes that the mock sent'
  return findContentFault(reply.body, events)
}

function findContentFault(stream: string, events: number): string | undefined {
  const data = stream
    .split('\n')
    .filter((line) => line.startsWith('data: '))
    .map((line) => line.slice(6))
  if (data.at(-1) !== '[DONE]') return 'the stream does not end with [DONE]'
  const chunks = data.slice(0, -1).map(parseChecked)
  const text = chunks.map((chunk) => chunk.choices?.[0]?.delta?.content ?? '').join('')
  if (text !== toStreamText(events)) return 'the text of the stream is not the text that the mock sent'
  if (!chunks.some((chunk) => chunk.choices?.[0]?.finish_reason === 'stop')) return 'no chunk carries the finish reason'
  if (chunks.at(-1)?.usage?.['completion_tokens'] !== events) return 'the last chunk does not carry the usage'
  return undefined
}

function parseChecked(json: string): Checked {
  // Only ever read through optional fields, so a foreign shape shows as a difference.
  return JSON.parse(json) as Checked
}

function toEssence(completion: Checked): string {
  const choice = completion.choices?.[0]
  return JSON.stringify([choice?.message?.content, choice?.finish_reason, completion.usage?.['total_tokens']])
}
