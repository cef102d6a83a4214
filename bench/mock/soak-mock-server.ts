/**
 * Entry of the vendors of a soak: `node soak-mock-server.ts <port> <mute port>`.
 *
 * Below `/well` everything is answered, below `/weak` half of it meets a fault. Who connects to the mute port hears
 * nothing, as on a connection whose other half is gone.
 */
import { createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { wireFaults, type FaultyReply, type WireFault } from '../../packages/server/src/testing/faults.ts'
import { createRandom } from '../harness/statistics.ts'
import { chatReply, floodUser, mockModel, modelList, replyId, toStreamEvents } from './bodies.ts'
import { toChunkFrame, writeFlood } from './flood.ts'
import { createRequestReader, type PlainRequest } from './request-reader.ts'
import { createStreamPacer, type PacedStream } from './stream-pacer.ts'

const events = 20
const intervalMs = 10
const dimension = 64
const idleResetMs = 20

/** What a weak vendor does to half of its calls. */
const faults: readonly (WireFault | 'reset when idle')[] = [
  wireFaults['resets before the headers'],
  wireFaults['resets within the headers'],
  wireFaults['resets within the body'],
  wireFaults['resets within the stream'],
  wireFaults['closes before the headers'],
  wireFaults['closes within the body'],
  wireFaults['ends the stream without its end'],
  wireFaults['stalls before the headers'],
  wireFaults['stalls within the body'],
  wireFaults['stalls within the stream'],
  wireFaults['answers 429'],
  wireFaults['answers 429 with Retry-After: 1'],
  wireFaults['answers 500'],
  wireFaults['answers 503'],
  wireFaults['answers 502 with a page'],
  wireFaults['truncates its JSON'],
  wireFaults['does not speak HTTP'],
  'reset when idle',
]

const pacer = createStreamPacer()
let replies = 0

function toTextEvents(): string[] {
  const chunk = (text: string, finish: string | null): string => {
    const choices = [{ index: 0, text, logprobs: null, finish_reason: finish }]
    return `data: ${JSON.stringify({ id: 'cmpl-bench', object: 'text_completion', created: 1_767_225_600, model: mockModel, choices })}\n\n`
  }
  return [
    ...Array.from({ length: events }, (_, index) => chunk(` t${index}`, null)),
    chunk('', 'stop'),
    'data: [DONE]\n\n',
  ]
}

const textReply = JSON.stringify({
  id: 'cmpl-bench',
  object: 'text_completion',
  created: 1_767_225_600,
  model: mockModel,
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

/** The reply that the request deserves, in pieces: one for each event of a stream. */
function toReply(path: string, body: string): FaultyReply {
  const streamed = /"stream":\s*true/.test(body)
  const head = `HTTP/1.1 200 OK\r\ncontent-type: ${streamed ? 'text/event-stream' : 'application/json'}`
  if (path === '/models') return { head, streamed: false, pieces: [modelList] }
  if (path === '/embeddings') return { head, streamed: false, pieces: [toEmbeddings(body)] }
  if (path === '/completions') return { head, streamed, pieces: streamed ? toTextEvents() : [textReply] }
  const withUsage = /"include_usage":\s*true/.test(body)
  const pieces = streamed ? toStreamEvents(events, withUsage) : [chatReply]
  // Completions are stored by their id, and no two of a vendor's share one.
  replies += 1
  const id = `chatcmpl-${String(replies).padStart(12, '0')}`
  return { head, streamed, pieces: pieces.map((piece) => piece.replace(replyId, id)) }
}

function sendWell(socket: Socket, reply: FaultyReply, body: string): void {
  const { head, pieces, streamed } = reply
  if (!streamed) {
    const text = pieces.join('')
    socket.write(`${head}\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`)
    return
  }
  socket.write(`${head}\r\ntransfer-encoding: chunked\r\n\r\n`)
  if (body.includes(floodUser)) {
    writeFlood(socket, () => {})
    return
  }
  const frames = [...pieces.map(toChunkFrame), Buffer.from('0\r\n\r\n')]
  const onClose = (): void => pacer.remove(stream)
  const onEnd = (): void => void socket.off('close', onClose)
  const stream: PacedStream = { socket, frames, intervalMs, onEnd, next: 0, dueMs: performance.now() }
  socket.once('close', onClose)
  pacer.add(stream)
}

async function meet(socket: Socket, reply: FaultyReply, fault: (typeof faults)[number]): Promise<void> {
  if (fault !== 'reset when idle') {
    await fault({ socket, reply, signal: new AbortController().signal })
    return
  }
  sendWell(socket, reply, '')
  await sleep(reply.streamed ? (events + 3) * intervalMs + idleResetMs : idleResetMs)
  socket.resetAndDestroy()
}

function createVendors(random: () => number): Server {
  const answer = (socket: Socket, request: PlainRequest): void => {
    const [, vendor = '', path = ''] = /^\/(\w+)\/v1(\/[\w/]+)/.exec(request.target) ?? []
    const reply = toReply(path, request.body)
    const fault = vendor === 'weak' && random() < 0.5 ? faults[Math.floor(random() * faults.length)] : undefined
    if (fault === undefined) sendWell(socket, reply, request.body)
    else void meet(socket, reply, fault)
  }
  return createServer({ noDelay: true }, (socket) => {
    const reader = createRequestReader((request) => answer(socket, request))
    socket.on('data', (bytes) => reader.push(bytes))
    // A reset is half of what this server is about.
    socket.on('error', () => {})
  })
}

function createMute(): Server {
  return createServer((socket) => {
    socket.resume()
    socket.on('error', () => {})
  })
}

createVendors(createRandom(20_26)).listen({ port: Number(process.argv[2]), host: '127.0.0.1' })
createMute().listen({ port: Number(process.argv[3]), host: '127.0.0.1' })
