import { connect } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { StackError } from '@llama-stack/api'
import type { ByteSink, ByteStream, Reply } from '@llama-stack/api'
import { bytesStream } from '../kernel/byte-stream.ts'
import { createSseParser } from '../kernel/sse.ts'
import { createSampleApp } from './sample-app.ts'
import type { ChatOperation, SampleOptions } from './sample-app.ts'
import { timed } from '../testing/timed.ts'

const doors = ['socket', 'stack.fetch'] as const
const chat = { model: 'm', messages: [{ role: 'user', content: 'hi' }], stream: true }

async function openDoor(door: (typeof doors)[number], options: SampleOptions) {
  const sample = createSampleApp(options)
  const base = door === 'socket' ? await sample.listen() : 'http://127.0.0.1'
  const fetchDoor: (url: string, init: object) => Promise<Response> = door === 'socket' ? fetch : sample.app.fetch
  const start = (init: object = {}): Promise<Response> =>
    fetchDoor(`${base}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(chat),
      ...init,
    })
  return { sample, base, start, [Symbol.asyncDispose]: () => sample[Symbol.asyncDispose]() }
}

/** A stream that a test pushes by hand. */
function createSource() {
  let sink: ByteSink | undefined
  const seen = { paused: false, cancelledAt: undefined as number | undefined }
  const piped = Promise.withResolvers<void>()
  const stream: ByteStream = {
    pipe(to) {
      sink = to
      piped.resolve()
    },
    pause: () => (seen.paused = true),
    resume: () => (seen.paused = false),
    cancel() {
      seen.cancelledAt ??= performance.now()
      sink = undefined
    },
  }
  return {
    stream,
    seen,
    piped: piped.promise,
    push: (text: string | Uint8Array) => sink?.data(typeof text === 'string' ? Buffer.from(text) : text),
    end: () => sink?.end(),
    fail: (error: StackError) => sink?.fail(error),
  }
}

const relay =
  (stream: ByteStream, contentType = 'text/event-stream'): ChatOperation =>
  () =>
    Promise.resolve({ kind: 'stream', stream, contentType, headers: { 'x-provider': 'p' } })

const events =
  (source: () => AsyncGenerator<unknown>): ChatOperation =>
  () =>
    Promise.resolve<Reply<unknown, unknown>>({ kind: 'events', events: source() })

const broken = new StackError('provider_stream_broken', { provider: 'p', reason: 'it went away' })

describe.each(doors)('streams through %s', (door) => {
  it('frames typed events and ends them with [DONE]', async () => {
    await using at = await openDoor(door, {
      chat: events(async function* () {
        yield { id: 1, text: 'ä' }
        yield { id: 2 }
      }),
    })
    const response = await at.start()
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    expect(response.headers.get('cache-control')).toBe('no-cache')
    expect(response.headers.get('x-accel-buffering')).toBe('no')
    expect(await response.text()).toBe('data: {"id":1,"text":"ä"}\n\ndata: {"id":2}\n\ndata: [DONE]\n\n')
  })

  it('sends the head before the first byte, and each chunk when it comes', async () => {
    const source = createSource()
    await using at = await openDoor(door, { chat: relay(source.stream) })
    const response = await at.start()
    expect(response.headers.get('x-provider')).toBe('p')
    const reader = response.body?.getReader()
    const read = async (): Promise<string> => Buffer.from((await reader?.read())?.value ?? '').toString()
    source.push('data: {"a":1}\n\n')
    expect(await read()).toBe('data: {"a":1}\n\n')
    source.push('data: {"a"')
    expect(await read()).toBe('data: {"a"')
    source.push(':2}\n\ndata: [DONE]\n\n')
    source.end()
    expect(await read()).toBe(':2}\n\ndata: [DONE]\n\n')
    expect((await reader?.read())?.done).toBe(true)
  })

  it('relays the same bytes however they are cut', async () => {
    let stream = bytesStream([])
    await using at = await openDoor(door, { chat: (...call) => relay(stream)(...call) })
    const body = fc
      .array(fc.string({ unit: 'binary', maxLength: 20 }), { maxLength: 8 })
      .map((texts) => Buffer.from(texts.map((text) => `data: ${JSON.stringify({ text })}\n\n`).join('')))
    const property = fc.asyncProperty(body, fc.array(fc.nat(200), { maxLength: 12 }), async (bytes, cuts) => {
      const edges = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).toSorted((a, b) => a - b), bytes.length]
      stream = bytesStream(edges.slice(1).map((edge, index) => bytes.subarray(edges[index], edge)))
      const response = await at.start()
      expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true)
    })
    await fc.assert(property, { numRuns: 60 })
  })

  it('ends a broken stream with one error event, cut events closed before it', async () => {
    const source = createSource()
    await using at = await openDoor(door, { chat: relay(source.stream) })
    const response = await at.start()
    await source.piped
    source.push('data: {"a":1}\n\ndata: {"b"')
    source.fail(broken)
    const seen: string[] = []
    const parser = createSseParser(({ data }) => seen.push(data))
    parser.push(new Uint8Array(await response.arrayBuffer()))
    parser.end()
    expect(seen).toHaveLength(3)
    expect(JSON.parse(seen[2] ?? '')).toEqual({
      error: { message: broken.message, type: 'api_error', param: null, code: 'provider_stream_broken' },
    })
    await expect.poll(() => at.sample.finished[0]?.errorCode).toBe('provider_stream_broken')
  })

  it('ends failing events the same way, and shows nothing of a mistake of ours', async () => {
    await using at = await openDoor(door, {
      chat: events(async function* () {
        yield { id: 1 }
        throw new RangeError('secret detail')
      }),
    })
    const text = await (await at.start()).text()
    expect(text).toMatch(/^data: \{"id":1\}\n\ndata: \{"error":\{.*"code":"internal_error"\}\}\n\n$/)
    expect(text).not.toContain('secret')
  })

  it('answers a stream that fails before its first byte with a status', async () => {
    const source = createSource()
    const chatNow: ChatOperation = (...call) => {
      queueMicrotask(() => source.fail(broken))
      return relay(source.stream, 'application/json')(...call)
    }
    await using at = await openDoor(door, { chat: chatNow })
    void source.piped.then(() => source.fail(broken))
    const response = await at.start()
    expect(response.status).toBe(502)
    expect(await response.json()).toMatchObject({ error: { code: 'provider_stream_broken' } })
  })

  it('breaks off a JSON body whose source breaks', async () => {
    const source = createSource()
    await using at = await openDoor(door, { chat: relay(source.stream, 'application/json') })
    void source.piped.then(() => {
      source.push('{"half":')
      source.fail(broken)
    })
    await expect(at.start().then((response) => response.text())).rejects.toThrow(/terminated|destroyed|fetch failed/)
  })

  it('keeps a silent stream alive with comments, between events only', async () => {
    const source = createSource()
    await using at = await openDoor(door, { chat: relay(source.stream), server: { keepAliveMs: 40 } })
    const response = await at.start()
    const text = response.text()
    await source.piped
    await new Promise((resolve) => setTimeout(resolve, 120))
    source.push('data: {"a"')
    await new Promise((resolve) => setTimeout(resolve, 120))
    source.push(':1}\n')
    source.push('\n')
    await new Promise((resolve) => setTimeout(resolve, 120))
    source.push('data: [DONE]\n\n')
    source.end()
    const [before = '', after = ''] = (await text).split('data: {"a":1}\n\n')
    expect(before).toMatch(/^(: keep-alive\n\n)+$/)
    expect(after).toMatch(/^(: keep-alive\n\n)+data: \[DONE\]\n\n$/)
  })

  it('cancels the source within 100 ms when the client leaves', timed, async () => {
    const source = createSource()
    let signal: AbortSignal | undefined
    await using at = await openDoor(door, {
      chat: (request, context) => {
        signal = context.signal
        return relay(source.stream)(request, context)
      },
    })
    const leave = new AbortController()
    const response = await at.start({ signal: leave.signal })
    source.push('data: {}\n\n')
    const left = performance.now()
    leave.abort()
    await expect.poll(() => source.seen.cancelledAt, { interval: 5 }).toBeDefined()
    expect((source.seen.cancelledAt ?? 0) - left).toBeLessThan(100)
    expect(signal?.aborted).toBe(true)
    await expect(response.text()).rejects.toThrow('aborted')
    await expect.poll(() => at.sample.finished).toMatchObject([{ aborted: true, status: 200 }])
  })

  it('cancels the source when the reader of the body stops', async () => {
    const source = createSource()
    await using at = await openDoor(door, { chat: relay(source.stream) })
    const response = await at.start()
    source.push('data: {}\n\n')
    await response.body?.cancel()
    await expect.poll(() => source.seen.cancelledAt, { interval: 5 }).toBeDefined()
  })

  it('returns the iterator of typed events when the client leaves', async () => {
    let returned = false
    await using at = await openDoor(door, {
      chat: (_request, { signal }) =>
        events(async function* () {
          try {
            yield { id: 1 }
            await new Promise((resolve) => signal.addEventListener('abort', resolve))
            yield { id: 2 }
          } finally {
            returned = true
          }
        })(chat as never, {} as never),
    })
    const response = await at.start()
    await response.body?.cancel()
    await expect.poll(() => returned).toBe(true)
  })

  it('aborts an operation whose client leaves before the reply', async () => {
    const started = Promise.withResolvers<AbortSignal>()
    await using at = await openDoor(door, {
      chat: (_request, { signal }) => {
        started.resolve(signal)
        return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))))
      },
    })
    const leave = new AbortController()
    const pending = at.start({ signal: leave.signal })
    const signal = await started.promise
    leave.abort(new Error('enough'))
    await expect(pending).rejects.toThrow('enough')
    await expect.poll(() => signal.aborted).toBe(true)
    await expect.poll(() => at.sample.finished).toMatchObject([{ aborted: true }])
  })

  it('cancels a stream that arrives after its client has left', async () => {
    const source = createSource()
    const started = Promise.withResolvers<AbortSignal>()
    const go = Promise.withResolvers<void>()
    await using at = await openDoor(door, {
      chat: async (request, context) => {
        started.resolve(context.signal)
        await go.promise
        return relay(source.stream)(request, context)
      },
    })
    const leave = new AbortController()
    const pending = at.start({ signal: leave.signal })
    const signal = await started.promise
    leave.abort()
    await expect(pending).rejects.toThrow('aborted')
    await expect.poll(() => signal.aborted).toBe(true)
    go.resolve()
    await expect.poll(() => source.seen.cancelledAt).toBeDefined()
  })
})

describe('back-pressure', () => {
  it.each(doors)('pauses the source while the client of %s does not read', async (door) => {
    const source = createSource()
    await using at = await openDoor(door, { chat: relay(source.stream) })
    const response = await at.start()
    const block = Buffer.alloc(64 * 1024, 'x')
    let sent = 0
    // The buffers between source and reader fill up first; then the pause lasts.
    for (let waits = 0; waits < 3 && sent < 1000;) {
      if (source.seen.paused) {
        waits += 1
        await new Promise((resolve) => setTimeout(resolve, 20))
      } else {
        waits = 0
        source.push(block)
        sent += 1
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    expect(source.seen.paused).toBe(true)
    const bytes = response.arrayBuffer()
    await expect.poll(() => source.seen.paused).toBe(false)
    source.end()
    expect((await bytes).byteLength).toBe(sent * block.length)
  })
})

describe('the wire', () => {
  const body = JSON.stringify(chat)
  const head = 'POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n'
  const post = `${head}content-length: ${body.length}\r\n\r\n${body}`

  it('sends what comes in one turn together at its end', async () => {
    const source = createSource()
    await using at = await openDoor('socket', { chat: relay(source.stream) })
    const socket = connect(Number(new URL(at.base).port), '127.0.0.1')
    const pieces: string[] = []
    socket.on('data', (piece) => pieces.push(piece.toString()))
    socket.write(post)
    await expect.poll(() => pieces).toHaveLength(1)
    for (const text of ['data: 1\n\n', 'data: 2\n\n', 'data: 3\n\n']) source.push(text)
    await expect.poll(() => pieces, { interval: 5, timeout: 500 }).toHaveLength(2)
    expect(pieces[1]).toBe('1b\r\ndata: 1\n\ndata: 2\n\ndata: 3\n\n\r\n')
    socket.destroy()
  })

  it('keeps pipelined streams apart, whichever has something to say first', async () => {
    const sources = [createSource(), createSource()] as const
    let calls = 0
    await using at = await openDoor('socket', {
      chat: (...call) => relay(sources[calls++ === 0 ? 0 : 1].stream)(...call),
    })
    const socket = connect(Number(new URL(at.base).port), '127.0.0.1')
    let received = ''
    socket.on('data', (piece) => (received += piece.toString()))
    socket.write(post + post)
    await Promise.all(sources.map((source) => source.piped))
    for (let round = 0; round < 3; round += 1) {
      sources[1].push(`data: second ${round}\n\n`)
      await new Promise((resolve) => setImmediate(resolve))
      sources[0].push(`data: first ${round}\n\n`)
      await new Promise((resolve) => setImmediate(resolve))
    }
    sources[0].end()
    await expect.poll(() => received).toContain('second 2')
    sources[1].push('data: late\n\n')
    sources[1].end()
    await expect.poll(() => received.split('\r\n0\r\n\r\n')).toHaveLength(3)
    const [first = '', second = ''] = received.split('\r\n0\r\n\r\n')
    expect(first).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(first.match(/data: .*/g)).toEqual(['data: first 0', 'data: first 1', 'data: first 2'])
    expect(second).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(second.match(/data: .*/g)).toEqual(['data: second 0', 'data: second 1', 'data: second 2', 'data: late'])
    socket.destroy()
  })
})
