import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Server } from 'node:http'
import { isStackError } from '@llama-stack/api'
import type { UpstreamRequest } from '@llama-stack/api'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readAll } from './byte-stream.ts'
import { createUpstream } from './upstream.ts'
import { timed } from '../testing/timed.ts'

let server: Server
let base: string
const sockets = new Set<unknown>()
const events = ['data: früh\n\n', 'data: später\n\n'] as const

beforeEach(async () => {
  server = createServer((request, response) => {
    if (request.url === '/echo') {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        response.setHeader('x-method', request.method ?? '')
        response.end(Buffer.concat(chunks))
      })
    } else if (request.url === '/big') {
      response.end(Buffer.alloc(1_000_000, 'x'))
    } else if (request.url === '/cut') {
      response.write('half')
      setTimeout(() => request.socket.destroy(), 20)
    } else if (request.url === '/silent') {
      response.write('first')
    } else if (request.url === '/events') {
      // The first arrives with the head, the second after the consumer has come.
      response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' }).write(events[0])
      setTimeout(() => response.end(events[1]), 100)
    } else if (request.url === '/away') {
      response.writeHead(302, { location: '/echo' }).end()
    } else response.writeHead(404).end('no')
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterEach(() => {
  server.closeAllConnections()
  server.close()
})

const get = (path: string, more: Partial<UpstreamRequest> = {}): UpstreamRequest => ({
  method: 'GET',
  url: base + path,
  headers: {},
  chosenBy: 'operator',
  provider: 'scripted',
  ...more,
})

const text = async (stream: Parameters<typeof readAll>[0]): Promise<string> =>
  Buffer.from(await readAll(stream, 10_000_000, 'scripted')).toString()

describe('upstream', () => {
  test('sends a body and gives back status, headers and bytes', async () => {
    await using upstream = createUpstream()
    const response = await upstream.send(get('/echo', { method: 'POST', body: 'hello' }))
    expect(response.status).toBe(200)
    expect(response.headers['x-method']).toBe('POST')
    expect(await text(response.body)).toBe('hello')
  })

  test('reuses one connection for calls in a row', async () => {
    await using upstream = createUpstream()
    for (let i = 0; i < 5; i += 1) await text((await upstream.send(get('/echo', { method: 'POST', body: 'x' }))).body)
    expect(sockets.size).toBe(1)
  })

  test('holds early bytes until the consumer pipes', async () => {
    await using upstream = createUpstream()
    const response = await upstream.send(get('/big'))
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect((await text(response.body)).length).toBe(1_000_000)
  })

  test('events come as text to a consumer of texts, and as bytes to any other', async () => {
    await using upstream = createUpstream()
    expect(await text((await upstream.send(get('/events'))).body)).toBe(events.join(''))
    const response = await upstream.send(get('/events'))
    const bytes: Uint8Array[] = []
    const texts: string[] = []
    await new Promise<void>((resolve, reject) => {
      response.body.pipe({
        data: (chunk) => bytes.push(chunk),
        text: (piece) => texts.push(piece),
        end: resolve,
        fail: reject,
      })
    })
    expect(bytes).toEqual([])
    expect(texts.map((piece) => Buffer.from(piece, 'latin1').toString())).toEqual(events)
  })

  test('cancel closes the upstream socket within 100 ms', timed, async () => {
    await using upstream = createUpstream()
    const response = await upstream.send(get('/silent'))
    response.body.pipe({ data: () => undefined, end: () => undefined, fail: () => undefined })
    expect(sockets.size).toBe(1)
    response.body.cancel()
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(sockets.size).toBe(0)
  })

  test('the caller’s signal fails the stream that is being read', async () => {
    await using upstream = createUpstream()
    const controller = new AbortController()
    const response = await upstream.send(get('/silent', { signal: controller.signal }))
    const reading = readAll(response.body, 1000, 'scripted')
    controller.abort()
    await expect(reading).rejects.toMatchObject({ code: 'provider_stream_broken' })
  })

  test('an aborted signal rejects before a reply', async () => {
    await using upstream = createUpstream()
    await expect(upstream.send(get('/echo', { signal: AbortSignal.abort() }))).rejects.toMatchObject({
      code: 'provider_stream_broken',
    })
  })

  test('tells a connection cut in the middle', async () => {
    await using upstream = createUpstream()
    const response = await upstream.send(get('/cut'))
    await expect(readAll(response.body, 1000, 'scripted')).rejects.toMatchObject({ code: 'provider_stream_broken' })
  })

  test('tells a silent body', async () => {
    await using upstream = createUpstream()
    const response = await upstream.send(get('/silent', { idleTimeoutMs: 300 }))
    await expect(readAll(response.body, 1000, 'scripted')).rejects.toMatchObject({ code: 'provider_timeout' })
  })

  test('tells an address where nobody listens', async () => {
    await using upstream = createUpstream()
    const request = get('/', { url: 'http://127.0.0.1:9/v1' })
    await expect(upstream.send(request)).rejects.toMatchObject({ code: 'provider_unreachable', status: 502 })
  })

  test('follows a redirect only when asked', async () => {
    await using upstream = createUpstream()
    expect((await upstream.send(get('/away'))).status).toBe(302)
    expect((await upstream.send(get('/away', { maxRedirects: 1 }))).status).toBe(200)
  })
})

describe('a caller’s URL', () => {
  test.each([
    'http://127.0.0.1:1/',
    'http://[::1]/',
    'http://169.254.169.254/latest',
    'http://10.0.0.1',
    'http://[::ffff:127.0.0.1]/',
    'http://2130706433/',
    'file:///etc/passwd',
    'http://user:pw@example.com/',
  ])('is refused: %s', async (url) => {
    await using upstream = createUpstream()
    const error: unknown = await upstream.send(get('', { url, chosenBy: 'caller' })).catch((thrown: unknown) => thrown)
    expect(isStackError(error, 'url_blocked')).toBe(true)
  })

  test('is refused when its name resolves to loopback', async () => {
    await using upstream = createUpstream()
    const url = base.replace('127.0.0.1', 'localhost')
    await expect(upstream.send(get('', { url, chosenBy: 'caller' }))).rejects.toMatchObject({ code: 'url_blocked' })
  })

  test('may be private where the operator allows it', async () => {
    await using upstream = createUpstream({ allowPrivateUrls: true })
    expect((await upstream.send(get('/nothing', { chosenBy: 'caller' }))).status).toBe(404)
  })
})
