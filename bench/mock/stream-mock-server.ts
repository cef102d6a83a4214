/** Entry of the mock process: `node stream-mock-server.ts <port>`. Raw sockets and prepared buffers, to cost little. */
import { createServer, type Socket } from 'node:net'
import { chatReply, floodUser, modelList, toStreamEvents, toWholeReply } from './bodies.ts'
import { toChunkFrame, writeFlood } from './flood.ts'
import { controlPaths, type MockMode, type MockState } from './mode.ts'
import { createRequestReader, type PlainRequest } from './request-reader.ts'
import { createStreamPacer, type PacedStream, type StreamPacer } from './stream-pacer.ts'
import { findCalledTool, toToolCallEvents, toToolCallReply } from './tool-call.ts'

const streamHead =
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n' +
  'transfer-encoding: chunked\r\nconnection: keep-alive\r\n\r\n'

type Mock = {
  mode: MockMode
  readonly frames: Map<string, readonly Buffer[]>
  readonly pacer: StreamPacer
  readonly counters: { -readonly [Key in keyof MockState]: MockState[Key] }
}

/** What a stream is made of: a text, or the call of a tool. */
type Script = { readonly withUsage: boolean; readonly tool: string | undefined }

/** The frames of a stream, made once per mode and script: the head travels with the first event, the end with the last. */
function framesFor(mock: Mock, { withUsage, tool }: Script): readonly Buffer[] {
  const { kind, events } = mock.mode
  const key = `${kind} ${events} ${withUsage} ${tool}`
  const known = mock.frames.get(key)
  if (known !== undefined) return known
  const script = tool === undefined ? toStreamEvents(events, withUsage) : toToolCallEvents(tool, withUsage)
  const framed = [Buffer.from(streamHead), ...script.map(toChunkFrame), Buffer.from('0\r\n\r\n')]
  const first = Buffer.concat(framed.slice(0, 2))
  const last = Buffer.concat(framed.slice(-2))
  const frames = kind === 'paced' ? [first, ...framed.slice(2, -2), last] : [Buffer.concat(framed)]
  mock.frames.set(key, frames)
  return frames
}

function sendJson(socket: Socket, body: string): void {
  const length = Buffer.byteLength(body)
  socket.write(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n${body}`)
}

function startStream(mock: Mock, socket: Socket, body: string): void {
  const { counters, pacer } = mock
  const tool = mock.mode.kind === 'tool' ? findCalledTool(body) : undefined
  let open = true
  counters.activeStreams += 1
  counters.streamRequestBytes += Buffer.byteLength(body)
  const finish = (how: 'completedStreams' | 'abortedStreams'): void => {
    if (!open) return
    open = false
    counters.activeStreams -= 1
    counters[how] += 1
    socket.off('close', onClose)
  }
  const onEnd = (): void => {
    finish('completedStreams')
    if (tool !== undefined) counters.toolCalls += 1
  }
  const stream: PacedStream = {
    socket,
    frames: framesFor(mock, { withUsage: /"include_usage":\s*true/.test(body), tool }),
    intervalMs: mock.mode.intervalMs,
    onEnd,
    next: 0,
    dueMs: performance.now(),
  }
  const onClose = (): void => {
    pacer.remove(stream)
    finish('abortedStreams')
  }
  socket.once('close', onClose)
  if (body.includes(floodUser)) {
    socket.write(streamHead)
    writeFlood(socket, onEnd)
  } else pacer.add(stream)
}

/** What the chat requests of the bench have, and the requests of responses do not. */
const chatLimit = '"max_tokens"'

/** The turn of a response that nobody reads along with: what the stream says, whole. */
function answerWhole(mock: Mock, socket: Socket, body: string): void {
  const { counters, mode } = mock
  const tool = findCalledTool(body)
  counters.completedStreams += 1
  counters.streamRequestBytes += Buffer.byteLength(body)
  if (tool !== undefined) counters.toolCalls += 1
  sendJson(socket, tool === undefined ? toWholeReply(mode.events) : toToolCallReply(tool))
}

function answer(mock: Mock, socket: Socket, request: PlainRequest): void {
  const [path = '', query = ''] = request.target.split('?')
  if (path === controlPaths.state) {
    sendJson(socket, JSON.stringify(mock.counters))
  } else if (path === controlPaths.mode) {
    // The harness writes this query itself, from a MockMode.
    mock.mode = JSON.parse(decodeURIComponent(query)) as MockMode
    sendJson(socket, '{}')
  } else if (request.method === 'GET') {
    sendJson(socket, modelList)
  } else if (mock.mode.kind !== 'static' && /"stream":\s*true/.test(request.body)) {
    startStream(mock, socket, request.body)
  } else if (mock.mode.kind === 'tool' && !request.body.includes(chatLimit)) {
    answerWhole(mock, socket, request.body)
  } else {
    sendJson(socket, chatReply)
  }
}

function main(port: number): void {
  const mock: Mock = {
    mode: { kind: 'burst', events: 16, intervalMs: 0 },
    frames: new Map(),
    pacer: createStreamPacer(),
    counters: {
      openSockets: 0,
      activeStreams: 0,
      completedStreams: 0,
      abortedStreams: 0,
      toolCalls: 0,
      streamRequestBytes: 0,
    },
  }
  const server = createServer({ noDelay: true }, (socket) => {
    mock.counters.openSockets += 1
    const reader = createRequestReader((request) => answer(mock, socket, request))
    socket.on('data', (bytes) => reader.push(bytes))
    socket.on('close', () => (mock.counters.openSockets -= 1))
    // A reader that vanishes resets the connection; 'close' follows and is counted there.
    socket.on('error', () => {})
  })
  server.listen({ port, host: '127.0.0.1', backlog: 4096 })
}

main(Number(process.argv[2]))
