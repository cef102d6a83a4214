import { Agent, request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import type { ClientOptions } from 'ws'
import { StackError, value } from '@llama-stack/api'
import type { ByteSink, ByteStream, CallContext, Reply } from '@llama-stack/api'
import { createSampleApp } from '../sample-app.ts'
import type { RespondOperation, SampleOptions } from '../sample-app.ts'

type Message = Readonly<Record<string, unknown>>

/** A client that keeps what it hears. */
async function openClient(url: string, options: ClientOptions = {}) {
  const webSocket = new WebSocket(url.replace(/^http/, 'ws'), options)
  const heard: Message[] = []
  const closed = Promise.withResolvers<number>()
  webSocket.on('message', (data: Buffer) => heard.push(JSON.parse(data.toString()) as Message))
  webSocket.on('close', (code) => closed.resolve(code))
  await new Promise((resolve, reject) => webSocket.once('open', resolve).once('error', reject))
  webSocket.on('error', () => undefined)
  return {
    webSocket,
    heard,
    closed: closed.promise,
    types: () => heard.map(({ type }) => type),
    create: (fields: object = {}) =>
      webSocket.send(JSON.stringify({ type: 'response.create', model: 'm', input: 'hi', ...fields })),
    [Symbol.dispose]: () => webSocket.terminate(),
  }
}

/** The status and the error of an upgrade that is refused. */
function openRefused(url: string, options: ClientOptions = {}): Promise<readonly [number | undefined, Message]> {
  return new Promise((resolve, reject) => {
    const webSocket = new WebSocket(url.replace(/^http/, 'ws'), options)
    webSocket.on('open', () => reject(new RangeError('the upgrade was not refused')))
    webSocket.on('unexpected-response', (_request, response) => {
      text(response).then((body) => resolve([response.statusCode, JSON.parse(body).error as Message]), reject)
    })
  })
}

async function start(options: SampleOptions = {}) {
  const sample = createSampleApp(options)
  const base = await sample.listen()
  return { sample, base, url: `${base}/v1/responses`, [Symbol.asyncDispose]: () => sample[Symbol.asyncDispose]() }
}

const events = (...all: readonly object[]): Reply<unknown, unknown> => ({
  kind: 'events',
  events: (async function* () {
    yield* all
  })(),
})

/** Says the input and completes. */
const echo: RespondOperation = ({ input, stream }, { principal }) =>
  Promise.resolve(
    events(
      { type: 'response.output_text.delta', sequence_number: 0, delta: input, stream, by: principal.id },
      { type: 'response.completed', sequence_number: 1 },
    ),
  )

/** Streams that the test feeds, one for each call. */
function createSources() {
  const calls: { sink: ByteSink; context: CallContext; isPaused: boolean; isCancelled: boolean; input: unknown }[] = []
  const respond: RespondOperation = ({ input }, context) => {
    const stream: ByteStream = {
      pipe: (sink) => calls.push({ sink, context, isPaused: false, isCancelled: false, input }),
      pause: () => mark('isPaused', true),
      resume: () => mark('isPaused', false),
      cancel: () => mark('isCancelled', true),
    }
    const mark = (what: 'isPaused' | 'isCancelled', is: boolean): void => {
      for (const call of calls) if (call.context === context) call[what] = is
    }
    return Promise.resolve({ kind: 'stream', stream, contentType: 'text/event-stream' })
  }
  const say = (index: number, event: object): void =>
    calls[index]?.sink.text?.(`event: x\ndata: ${JSON.stringify(event)}\n\n`)
  const end = (index: number): void => calls[index]?.sink.end()
  return { calls, respond, say, end }
}

describe('a WebSocket', () => {
  it.each(['/v1/responses', '/v1/openai/v1/responses', '/v1/responses?api-version=1'])(
    'of %s answers each message with the events of its reply',
    async (path) => {
      await using at = await start({ respond: echo })
      using client = await openClient(at.base + path)
      client.create({ input: 'ä1' })
      client.create({ input: 'b2', stream: false })
      await expect.poll(() => client.heard).toHaveLength(4)
      expect(client.heard).toEqual([
        { type: 'response.output_text.delta', sequence_number: 0, delta: 'ä1', stream: true, by: 'local' },
        { type: 'response.completed', sequence_number: 1 },
        { type: 'response.output_text.delta', sequence_number: 0, delta: 'b2', stream: true, by: 'local' },
        { type: 'response.completed', sequence_number: 1 },
      ])
      const [first, second] = at.sample.finished
      expect(first).toMatchObject({ method: 'WS', route: '/v1/responses', operation: 'createResponse', status: 200 })
      expect(second).toMatchObject({ method: 'WS', aborted: false, errorCode: undefined })
      expect(first?.requestId).not.toBe(second?.requestId)
    },
  )

  it('opens on a connection that has carried plain requests', async () => {
    await using at = await start({ respond: echo })
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const port = await new Promise((resolve, reject) => {
      httpRequest(`${at.base}/v1/health`, { agent }, (response) => {
        const { localPort } = response.socket
        response.resume().on('end', () => resolve(localPort))
      })
        .on('error', reject)
        .end()
    })
    let reused: number | undefined
    const ready = openClient(at.url, {
      agent,
      finishRequest: (opening) => opening.on('socket', (socket) => (reused = socket.localPort)).end(),
    })
    using client = await ready
    expect(reused).toBe(port)
    client.create()
    await expect.poll(() => client.types()).toEqual(['response.output_text.delta', 'response.completed'])
    agent.destroy()
  })

  it('answers faults with errors of their status, and stays open', async () => {
    const missing = new StackError('model_not_found', { model: 'm' })
    const respond: RespondOperation = (request, context) =>
      request.input === 'fail' ? Promise.reject(missing) : echo(request, context)
    await using at = await start({ respond })
    using client = await openClient(at.url)
    const { webSocket } = client
    webSocket.send('{"type":')
    webSocket.send('[]')
    webSocket.send('{"type":"response.update"}')
    webSocket.send(Buffer.from('{"type":"response.create"}'))
    webSocket.send('{"type":"response.create","input":"hi"}')
    client.create({ stream_id: 'a b' })
    client.create({ input: 'fail' })
    client.create()
    await expect.poll(() => client.heard).toHaveLength(9)
    const errors = client.heard.slice(0, 7)
    expect(errors.map(({ type, status }) => [type, status])).toEqual([
      ...Array.from({ length: 6 }, () => ['error', 400]),
      ['error', 404],
    ])
    expect(errors.map(({ error }) => [(error as Message)['code'], (error as Message)['param']])).toEqual([
      ['invalid_json', null],
      ['invalid_value', 'message'],
      ['invalid_value', 'type'],
      ['invalid_value', 'message'],
      ['missing_field', 'model'],
      ['invalid_value', 'stream_id'],
      ['model_not_found', 'model'],
    ])
    expect(errors[6]?.['error']).toMatchObject({ type: 'invalid_request_error', message: missing.message })
    expect(errors[6]?.['headers']).toEqual({ 'x-request-id': at.sample.finished[6]?.requestId })
    expect(client.types().slice(7)).toEqual(['response.output_text.delta', 'response.completed'])
    const { finished } = at.sample
    expect(finished.map(({ status }) => status)).toEqual([400, 400, 400, 400, 400, 400, 404, 200])
    expect(new Set(finished.map(({ principal, operation }) => `${principal?.id} ${operation}`))).toEqual(
      new Set(['local createResponse']),
    )
  })

  it('answers a failure in the midst of a stream in both of the forms that clients know', async () => {
    const sources = createSources()
    await using at = await start({ respond: sources.respond })
    using client = await openClient(at.url)
    client.create()
    await expect.poll(() => sources.calls).toHaveLength(1)
    sources.say(0, { type: 'response.created', sequence_number: 4 })
    const broken = new StackError('provider_stream_broken', { provider: 'p', reason: 'it went away' })
    sources.calls[0]?.sink.fail(broken)
    const { code, message } = broken
    await expect
      .poll(() => client.heard[1])
      .toEqual({
        type: 'error',
        code,
        message,
        param: null,
        sequence_number: 5,
        status: 500,
        error: { type: 'api_error', code, message, param: null },
      })
  })

  it('sends a reply that is a value as one message, and leaves what needs no answer without one', async () => {
    await using at = await start({ respond: ({ input }) => Promise.resolve(value({ id: 'resp_1', input })) })
    using client = await openClient(at.url)
    client.webSocket.send('{"type":"response.processed","response_id":"resp_0"}')
    client.create()
    await expect.poll(() => client.heard).toEqual([{ id: 'resp_1', input: 'hi' }])
  })

  it('answers one message after the other, however many there are', async () => {
    const sources = createSources()
    await using at = await start({ respond: sources.respond })
    using client = await openClient(at.url)
    for (let index = 0; index < 40; index += 1) client.create({ input: `${index}` })
    for (let index = 0; index < 40; index += 1) {
      await expect.poll(() => sources.calls.length, { interval: 2 }).toBe(index + 1)
      expect(sources.calls[index]?.input).toBe(`${index}`)
      sources.say(index, { type: 'response.completed', index })
      sources.end(index)
    }
    await expect.poll(() => client.heard.map(({ index }) => index)).toEqual(Array.from({ length: 40 }, (_, at) => at))
  })

  it('works on lanes side by side, and names them in their events', async () => {
    const sources = createSources()
    await using at = await start({ respond: sources.respond })
    using client = await openClient(at.url)
    for (const id of ['a', 'a', 'b']) client.create({ stream_id: id })
    await expect.poll(() => sources.calls).toHaveLength(2)
    sources.say(1, { type: 'response.completed' })
    sources.end(1)
    await expect.poll(() => client.heard).toEqual([{ type: 'response.completed', stream_id: 'b' }])
    sources.end(0)
    await expect.poll(() => sources.calls).toHaveLength(3)
    for (let index = 0; index < 16; index += 1) client.create({ stream_id: `lane-${index}` })
    await expect
      .poll(() => client.heard.at(-1))
      .toMatchObject({
        stream_id: 'lane-15',
        status: 400,
        error: { code: 'websocket_stream_limit_reached' },
      })
  })

  it('sends pings while nothing else is to say', async () => {
    await using at = await start({ server: { keepAliveMs: 20 } })
    using client = await openClient(at.url)
    expect(await new Promise((resolve) => client.webSocket.once('ping', resolve))).toHaveLength(0)
  })

  it('ends after its time with the code that clients reconnect on, once nothing is at work', async () => {
    const sources = createSources()
    await using at = await start({ respond: sources.respond, server: { maxWebSocketMs: 400 } })
    using idle = await openClient(at.url)
    using busy = await openClient(at.url)
    busy.create()
    await expect.poll(() => sources.calls).toHaveLength(1)
    expect(await idle.closed).toBe(1000)
    const limit = { type: 'error', status: 400, error: { code: 'websocket_connection_limit_reached' } }
    expect(idle.heard).toMatchObject([limit])
    await sleep(100)
    busy.create({ stream_id: 'late' })
    await expect.poll(() => busy.heard).toMatchObject([{ ...limit, stream_id: 'late' }])
    sources.say(0, { type: 'response.completed' })
    sources.end(0)
    expect(await busy.closed).toBe(1000)
    expect(busy.types()).toEqual(['error', 'response.completed'])
    expect(sources.calls).toHaveLength(1)
  })
})

describe('a client of a WebSocket', () => {
  it('that leaves cancels what is at work, and what waits is never begun', async () => {
    const sources = createSources()
    await using at = await start({ respond: sources.respond })
    using client = await openClient(at.url)
    client.create()
    client.create()
    await expect.poll(() => sources.calls).toHaveLength(1)
    sources.say(0, { type: 'response.created' })
    client.webSocket.close()
    await expect.poll(() => sources.calls[0]?.isCancelled).toBe(true)
    expect(sources.calls[0]?.context.signal.aborted).toBe(true)
    await expect.poll(() => at.sample.finished).toMatchObject([{ aborted: true, status: 200 }])
    await sleep(20)
    expect(sources.calls).toHaveLength(1)
    expect(at.sample.app.openRequests).toBe(0)
  })

  it('that reads slowly makes the source wait', async () => {
    const sources = createSources()
    await using at = await start({ respond: sources.respond })
    using client = await openClient(at.url)
    client.create()
    await expect.poll(() => sources.calls).toHaveLength(1)
    client.webSocket.pause()
    const filling = 'x'.repeat(64 * 1024)
    let sent = 0
    for (let waits = 0; waits < 3 && sent < 1000;) {
      if (sources.calls[0]?.isPaused === true) {
        waits += 1
        await sleep(20)
      } else {
        waits = 0
        sources.say(0, { type: 'x', filling })
        sent += 1
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    expect(sources.calls[0]?.isPaused).toBe(true)
    client.webSocket.resume()
    await expect.poll(() => sources.calls[0]?.isPaused).toBe(false)
    sources.end(0)
    await expect.poll(() => client.heard.length).toBe(sent)
  })

  it('that sends without reading fills no memory: no more is read from it', async () => {
    await using at = await start({ respond: echo })
    using client = await openClient(at.url)
    client.webSocket.pause()
    const asked = 3000
    const input = 'x'.repeat(10_000)
    for (let index = 0; index < asked; index += 1)
      client.create({ input, ...(index % 2 === 0 && { stream_id: `s${index}` }) })
    let before = -1
    await expect
      .poll(() => before === (before = at.sample.finished.length), { interval: 100, timeout: 5000 })
      .toBe(true)
    expect(before).toBeLessThan(asked)
    client.webSocket.resume()
    const isLast = ({ type }: Message): boolean => type === 'response.completed' || type === 'error'
    await expect.poll(() => client.heard.filter(isLast).length, { timeout: 10_000 }).toBe(asked)
  })

  it('that says too much at a time is told so by the close code', async () => {
    await using at = await start({ server: { maxBodyBytes: 1000 }, respond: echo })
    using client = await openClient(at.url)
    client.create({ input: 'x'.repeat(800) })
    await expect.poll(() => client.heard).toHaveLength(2)
    client.create({ input: 'x'.repeat(1000) })
    expect(await client.closed).toBe(1009)
  })

  it('that breaks the protocol is told so by the close code', async () => {
    await using at = await start({ respond: echo })
    const socket = connect(Number(new URL(at.base).port), '127.0.0.1')
    const received: Buffer[] = []
    socket.on('data', (chunk) => received.push(chunk))
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.write(
      'GET /v1/responses HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade\r\nupgrade: websocket\r\n' +
        'sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    )
    await expect.poll(() => Buffer.concat(received).toString('latin1')).toMatch(/^HTTP\/1\.1 101 [^]*\r\n\r\n$/)
    received.length = 0
    // A text frame without a mask.
    socket.write(Buffer.from([0x81, 0x02, 0x7b, 0x7d]))
    await closed
    expect(Buffer.concat(received)).toEqual(Buffer.from([0x88, 0x02, 0x03, 0xea]))
  })
})

describe('an upgrade', () => {
  const apiKeys = ['key-for-the-test']
  const headers = { authorization: 'Bearer key-for-the-test' }

  it('needs the key that a request needs', async () => {
    await using at = await start({ server: { apiKeys }, respond: echo })
    expect(await openRefused(at.url)).toMatchObject([401, { code: 'api_key_required' }])
    const wrong = { headers: { authorization: 'Bearer wrong' } }
    expect(await openRefused(at.url, wrong)).toMatchObject([401, { code: 'invalid_api_key' }])
    using client = await openClient(at.url, { headers })
    client.create()
    await expect.poll(() => client.heard[0]?.['by']).toMatch(/^key_/)
    await expect.poll(() => at.sample.finished.map(({ status }) => status)).toEqual([401, 401, 200])
  })

  it('is refused to foreign hosts and foreign pages', async () => {
    await using at = await start({ respond: echo })
    const rebound = await openRefused(at.url, { headers: { host: 'evil.example' } })
    expect(rebound).toMatchObject([403, { code: 'host_not_allowed' }])
    expect(await openRefused(at.url, { origin: 'https://evil.example' })).toMatchObject([
      403,
      { code: 'origin_not_allowed' },
    ])
    using own = await openClient(at.url, { origin: at.base })
    own.create()
    await expect.poll(() => own.heard).toHaveLength(2)
  })

  it('to a path without a WebSocket is a request like any other', async () => {
    await using at = await start({ respond: echo })
    expect(await openRefused(`${at.base}/v1/nothing`)).toMatchObject([404, { code: 'route_not_found' }])
    expect(await openRefused(`${at.base}/v1/chat/completions`)).toMatchObject([405, { code: 'method_not_allowed' }])
    const plain = await fetch(at.url)
    expect([plain.status, plain.headers.get('allow')]).toEqual([405, 'POST'])
  })

  it('to another protocol is ignored', async () => {
    await using at = await start()
    const body = JSON.stringify({ model: 'm', input: 'hi' })
    const status = await new Promise((resolve, reject) => {
      const offered = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': '' }
      const given = { 'content-type': 'application/json', 'content-length': body.length }
      httpRequest(at.url, { method: 'POST', headers: { ...offered, ...given } }, (response) =>
        resolve(response.resume().statusCode),
      )
        .on('error', reject)
        .end(body)
    })
    expect(status).toBe(200)
  })

  it('that is none is answered in the words of everything else', async () => {
    await using at = await start()
    const offered = { connection: 'Upgrade', upgrade: 'websocket' }
    const [status, body] = await new Promise<[number | undefined, string]>((resolve, reject) => {
      httpRequest(at.url, { headers: offered }, (response) => {
        text(response).then((all) => resolve([response.statusCode, all]), reject)
      })
        .on('error', reject)
        .end()
    })
    expect([status, JSON.parse(body)]).toMatchObject([400, { error: { code: 'invalid_value', param: 'request' } }])
  })
})

describe('a server that stops', () => {
  it('closes idle WebSockets, lets others finish, and opens no more', async () => {
    const sources = createSources()
    await using at = await start({ respond: sources.respond })
    using idle = await openClient(at.url)
    using busy = await openClient(at.url)
    busy.create()
    await expect.poll(() => sources.calls).toHaveLength(1)
    const stopped = at.sample.app.close({ drainTimeoutMs: 10_000 })
    expect(await idle.closed).toBe(1001)
    expect(await openRefused(at.url)).toMatchObject([503, { code: 'server_shutting_down' }])
    busy.create({ stream_id: 'other' })
    await expect
      .poll(() => busy.heard)
      .toMatchObject([{ type: 'error', status: 503, error: { code: 'server_shutting_down' }, stream_id: 'other' }])
    sources.say(0, { type: 'response.completed' })
    sources.end(0)
    await stopped
    await expect.poll(() => busy.types()).toEqual(['error', 'response.completed'])
    await busy.closed
  })

  it('says so to whom it does not wait for', async () => {
    const sources = createSources()
    await using at = await start({ respond: sources.respond })
    using client = await openClient(at.url)
    client.create()
    await expect.poll(() => sources.calls).toHaveLength(1)
    await at.sample.app.close({ drainTimeoutMs: 20 })
    expect(sources.calls[0]?.isCancelled).toBe(true)
    await client.closed
    expect(client.heard).toMatchObject([{ type: 'error', error: { code: 'server_shutting_down' } }])
  })
})
