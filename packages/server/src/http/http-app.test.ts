import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { StackError } from '@llama-stack/api'
import type { JsonObject, Log } from '@llama-stack/api'
import { silentLog } from '../kernel/log.ts'
import { createSampleApp } from './sample-app.ts'
import type { SampleOptions } from './sample-app.ts'

type Call = (
  path: string,
  init?: { method?: string; headers?: Record<string, string>; body?: string | Uint8Array },
) => Promise<Response>

/** Every test runs through both doors. */
const doors = ['socket', 'stack.fetch'] as const

async function openDoor(door: (typeof doors)[number], options: SampleOptions = {}) {
  const sample = createSampleApp(options)
  const base = door === 'socket' ? await sample.listen() : 'http://127.0.0.1'
  const fetchDoor: (url: string, init?: object) => Promise<Response> = door === 'socket' ? fetch : sample.app.fetch
  const call: Call = (path, init = {}) => fetchDoor(base + path, init)
  const post = (path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
    call(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
  return { sample, base, call, post, [Symbol.asyncDispose]: () => sample[Symbol.asyncDispose]() }
}

const errorOf = async (response: Response): Promise<Record<string, unknown>> => {
  const { error } = (await response.json()) as { error: Record<string, unknown> }
  return error
}

const chat = { model: 'm', messages: [{ role: 'user', content: 'hi' }] }

describe.each(doors)('routing through %s', (door) => {
  it('answers a path, its alias and both with a trailing slash alike', async () => {
    await using at = await openDoor(door)
    for (const path of ['/v1/chat/completions', '/v1/openai/v1/chat/completions', '/v1/chat/completions/']) {
      const response = await at.post(path, chat)
      expect(response.status).toBe(200)
      expect(await response.json()).toMatchObject({ request: chat })
    }
  })

  it('takes slashes, encoded or not, in a {name*} parameter', async () => {
    await using at = await openDoor(door)
    for (const id of ['together/meta-llama/X', 'together%2Fmeta-llama%2FX', 'together/meta-llama/X/']) {
      expect(await (await at.call(`/v1/models/${id}`)).json()).toEqual({ model_id: 'together/meta-llama/X' })
    }
    expect(await (await at.call('/v1/traces/a/b/spans/c/d')).json()).toEqual({ trace_id: 'a/b', span_id: 'c/d' })
    expect(await (await at.call('/v1/traces/a/b')).json()).toEqual({ trace_id: 'a/b' })
  })

  it('reads the query by its schema, in the spelling of the OpenAI SDK too', async () => {
    await using at = await openDoor(door)
    expect(await (await at.call('/v1/models?limit=7&all=true&include[]=a&include[]=b&x=1')).json()).toEqual({
      limit: 7,
      all: true,
      include: ['a', 'b'],
    })
    const error = await errorOf(await at.call('/v1/models?limit=1000'))
    expect(error).toMatchObject({ code: 'invalid_value', param: 'limit' })
    expect(error['message']).toContain('got 1000')
  })

  it('names the nearest route for an unknown path', async () => {
    await using at = await openDoor(door)
    const response = await at.post('/v1/chat/completion', chat)
    expect(response.status).toBe(404)
    const error = await errorOf(response)
    expect(Object.keys(error)).toEqual(['message', 'type', 'param', 'code'])
    expect(error).toMatchObject({ type: 'invalid_request_error', param: null, code: 'route_not_found' })
    expect(error['message']).toContain('Did you mean POST /v1/chat/completions?')
    expect((await errorOf(await at.call('/chat/completions', { method: 'POST' })))['message']).toContain(
      '/v1/chat/completions',
    )
    expect((await errorOf(await at.call('/something/else/entirely/and/long')))['message']).not.toContain('Did you mean')
  })

  it('answers 405 with what the path allows', async () => {
    await using at = await openDoor(door)
    const response = await at.call('/v1/things/7', { method: 'POST' })
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')?.split(', ').toSorted()).toEqual(['DELETE', 'PUT'])
    expect(await errorOf(response)).toMatchObject({ code: 'method_not_allowed' })
  })

  it('answers HEAD without a body and 204 without a body', async () => {
    await using at = await openDoor(door)
    const head = await at.call('/v1/models', { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
    expect(head.headers.get('content-length')).toBe('12')
    const gone = await at.call('/v1/things/7', { method: 'DELETE' })
    expect([gone.status, await gone.text()]).toEqual([204, ''])
  })

  it('answers a path that cannot be decoded with 400', async () => {
    await using at = await openDoor(door)
    const response = await at.call('/v1/things/%E0%A4%A', { method: 'DELETE' })
    expect(response.status).toBe(400)
    expect(await errorOf(response)).toMatchObject({ code: 'invalid_value', param: 'path' })
  })
})

describe.each(doors)('requests through %s', (door) => {
  it('keeps unknown fields and the order of keys, and fills in defaults', async () => {
    await using at = await openDoor(door)
    const sent = { zebra: 1, ...chat, apple: { b: 1, a: null }, temperature: null }
    const { request } = (await (await at.post('/v1/chat/completions', sent)).json()) as { request: object }
    expect(JSON.stringify(request)).toBe(JSON.stringify(sent))
    const put = await at.call('/v1/things/path', {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: '{"id":"body","extra":1}',
    })
    expect(put.status).toBe(201)
    expect(await put.json()).toEqual({ id: 'path', extra: 1, size: 3 })
  })

  it.each([
    ['{"model": "m", }', 400, { code: 'invalid_json' }],
    ['[1]', 400, { code: 'invalid_value', param: 'body' }],
    ['', 400, { code: 'missing_field', param: 'model' }],
    ['{"model":"m"}', 400, { code: 'missing_field', param: 'messages' }],
  ])('refuses the body %s', async (body, status, expected) => {
    await using at = await openDoor(door)
    const response = await at.post('/v1/chat/completions', body)
    expect(response.status).toBe(status)
    expect(await errorOf(response)).toMatchObject(expected)
  })

  it('wants JSON, and takes a body without a content type for it', async () => {
    await using at = await openDoor(door)
    const body = new TextEncoder().encode(JSON.stringify(chat))
    const init = { method: 'POST', body }
    expect((await at.call('/v1/chat/completions', init)).status).toBe(200)
    for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'nonsense']) {
      const response = await at.call('/v1/chat/completions', { ...init, headers: { 'content-type': type } })
      expect(response.status).toBe(415)
      expect(await errorOf(response)).toMatchObject({ code: 'unsupported_media_type' })
    }
    const vendor = await at.call('/v1/chat/completions', {
      ...init,
      headers: { 'content-type': 'application/vnd.x+json; charset=utf-8' },
    })
    expect(vendor.status).toBe(200)
  })

  it('inflates bodies, within the limit', async () => {
    await using at = await openDoor(door, { server: { maxBodyBytes: 10_000 } })
    const send = (body: Uint8Array, encoding: string): Promise<Response> =>
      at.call('/v1/chat/completions', {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-encoding': encoding },
        body,
      })
    const json = JSON.stringify(chat)
    expect((await send(gzipSync(json), 'gzip')).status).toBe(200)
    expect((await send(zstdCompressSync(json), 'zstd')).status).toBe(200)
    expect((await send(zstdCompressSync(Buffer.alloc(1_000_000, 32)), 'zstd')).status).toBe(413)
    expect((await send(Buffer.from(json), 'gzip')).status).toBe(400)
    expect((await send(Buffer.from(json), 'compress')).status).toBe(415)
  })

  it('refuses a body over the limit', async () => {
    await using at = await openDoor(door, { server: { maxBodyBytes: 1000 } })
    const response = await at.post('/v1/chat/completions', { ...chat, padding: 'x'.repeat(5000) })
    expect(response.status).toBe(413)
    expect(await errorOf(response)).toMatchObject({ code: 'body_too_large' })
  })

  it('reads the provider data of both generations and keeps its own keys out', async () => {
    await using at = await openDoor(door)
    const data = JSON.stringify({ together_api_key: 'k', __test_id: 'tests/x.py::y', __authenticated_user: 'root' })
    for (const name of ['X-LlamaStack-Provider-Data', 'x-ogx-provider-data']) {
      const reply = await (
        await at.post('/v1/chat/completions', chat, { [name]: data, 'X-LlamaStack-Client-Version': '0.0.1' })
      ).json()
      expect(reply).toMatchObject({ providerData: { together_api_key: 'k' }, testId: 'tests/x.py::y' })
      expect(JSON.stringify(reply)).not.toContain('root')
    }
    const ignored = await at.post('/v1/chat/completions', chat, { 'x-ogx-provider-data': '{broken' })
    expect(await ignored.json()).toMatchObject({ providerData: {}, testId: null })
  })

  it('returns a request id: the sane one of the client, or its own', async () => {
    await using at = await openDoor(door)
    const own = await at.post('/v1/chat/completions', chat)
    expect(own.headers.get('x-request-id')).toMatch(/^req_\w{24}$/)
    const given = await at.post('/v1/chat/completions', chat, { 'x-request-id': 'abc-1' })
    expect(given.headers.get('x-request-id')).toBe('abc-1')
    expect(await given.json()).toMatchObject({ requestId: 'abc-1' })
    const odd = await at.call('/nowhere', { headers: { 'x-request-id': 'a b\u00ff' } })
    expect(odd.headers.get('x-request-id')).toMatch(/^req_/)
  })
})

describe.each(doors)('callers through %s', (door) => {
  it('accepts a key in the header of each SDK family, and tells nothing about a wrong one', async () => {
    await using at = await openDoor(door, { server: { apiKeys: ['first-key-1234', 'second-key-5678'] } })
    for (const header of [
      { authorization: 'Bearer second-key-5678' },
      { 'x-api-key': 'second-key-5678' },
      { 'x-goog-api-key': 'second-key-5678' },
    ]) {
      const response = await at.post('/v1/chat/completions', chat, header)
      expect(response.status).toBe(200)
      const { principal } = (await response.json()) as { principal: { id: string } }
      expect(principal.id).toMatch(/^key_[0-9a-f]{16}$/)
    }
    const without = await at.post('/v1/chat/completions', chat)
    expect([without.status, without.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
    expect(await errorOf(without)).toMatchObject({ code: 'api_key_required', type: 'authentication_error' })
    const wrong = await errorOf(await at.post('/v1/chat/completions', chat, { authorization: 'Bearer third-key-9999' }))
    expect(wrong['code']).toBe('invalid_api_key')
    expect(wrong['message']).toContain('…9999')
    expect(wrong['message']).not.toContain('third')
    expect((await at.call('/v1/health')).status).toBe(200)
  })

  it('is open for everyone when no key is set', async () => {
    await using at = await openDoor(door)
    const response = await at.post('/v1/chat/completions', chat, { authorization: 'Bearer whatever' })
    expect(await response.json()).toMatchObject({ principal: { id: 'local' } })
  })

  it('refuses writes from pages of other origins, and lets the allowed ones read', async () => {
    await using closed = await openDoor(door)
    const foreign = await closed.post('/v1/chat/completions', chat, { origin: 'https://evil.example' })
    expect(foreign.status).toBe(403)
    expect(foreign.headers.get('access-control-allow-origin')).toBeNull()
    expect((await closed.post('/v1/chat/completions', chat, { origin: closed.base })).status).toBe(200)

    await using open = await openDoor(door, { server: { cors: { allowOrigins: ['https://app.example'] } } })
    const allowed = await open.post('/v1/chat/completions', chat, { origin: 'https://app.example' })
    expect([allowed.status, allowed.headers.get('access-control-allow-origin')]).toEqual([200, 'https://app.example'])
    const preflight = await open.call('/v1/chat/completions', {
      method: 'OPTIONS',
      headers: { origin: 'https://app.example', 'access-control-request-headers': 'authorization' },
    })
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-headers')).toBe('authorization')
    expect(preflight.headers.get('allow')).toBe('POST, OPTIONS')
  })
})

describe.each(doors)('failures through %s', (door) => {
  const failing = (error: unknown): SampleOptions => ({ chat: () => Promise.reject(error) })

  it('passes a provider failure on, with what the vendor said', async () => {
    const error = new StackError('provider_rate_limited', {
      provider: 'together',
      reason: 'Slow down.',
      status: 429,
      vendorCode: 'rate_limited',
      vendorType: 'requests',
      vendorParam: 'model',
      retryAfterMs: 1200,
    })
    await using at = await openDoor(door, failing(error))
    const response = await at.post('/v1/chat/completions', chat)
    expect([response.status, response.headers.get('retry-after'), response.headers.get('x-should-retry')]).toEqual([
      429,
      '2',
      null,
    ])
    expect(await errorOf(response)).toEqual({
      message: 'Slow down.',
      type: 'requests',
      param: 'model',
      code: 'rate_limited',
    })
  })

  it('tells clients not to retry what cannot succeed', async () => {
    await using at = await openDoor(
      door,
      failing(new StackError('recording_not_found', { request: 'x', nearest: 'y' })),
    )
    const response = await at.post('/v1/chat/completions', chat)
    expect([response.status, response.headers.get('x-should-retry')]).toEqual([500, 'false'])
  })

  it('shows nothing of a mistake of ours but the request id', async () => {
    const lines: JsonObject[] = []
    const log: Log = { ...silentLog, error: (message, fields) => lines.push({ message, ...fields }) }
    await using at = await openDoor(door, { ...failing(new RangeError('secret detail')), log })
    const response = await at.post('/v1/chat/completions', chat)
    expect(response.status).toBe(500)
    const text = await response.text()
    expect(text).toContain('internal_error')
    expect(text).not.toContain('secret detail')
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatchObject({ requestId: response.headers.get('x-request-id'), operation: 'chatCompletion' })
    expect(JSON.stringify(lines[0])).toContain('RangeError: secret detail')
  })

  it('reports each request once when it is over', async () => {
    await using at = await openDoor(door)
    await (await at.post('/v1/openai/v1/chat/completions', chat)).text()
    await (await at.call('/nowhere')).text()
    await expect.poll(() => at.sample.finished).toHaveLength(2)
    const [good, bad] = at.sample.finished
    expect(good).toMatchObject({
      operation: 'chatCompletion',
      tag: 'sample',
      path: '/v1/openai/v1/chat/completions',
      route: '/v1/chat/completions',
      status: 200,
      aborted: false,
      principal: { id: 'local' },
    })
    expect(good?.durationMs).toBeGreaterThan(0)
    expect(bad).toMatchObject({ path: '/nowhere', status: 404, errorCode: 'route_not_found', aborted: false })
  })
})

describe('the socket', () => {
  it('refuses Host headers that do not name the loopback', async () => {
    await using at = await openDoor('socket', { server: { allowedHosts: ['stack.lan'] } })
    const { port } = new URL(at.base)
    const statusFor = (host: string): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        httpRequest({ port, path: '/v1/health', headers: { host } }, (response) => {
          response.resume()
          resolve(response.statusCode)
        })
          .on('error', reject)
          .end()
      })
    for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.nip.io', '10.0.0.1'])
      expect(await statusFor(host)).toBe(403)
    for (const host of [`localhost:${port}`, '127.0.0.1', '[::1]:80', 'app.localhost', 'stack.lan:80'])
      expect(await statusFor(host)).toBe(200)
  })

  it('answers an endless chunked upload with 413, readable to its sender, and closes', async () => {
    await using at = await openDoor('socket', { server: { maxBodyBytes: 100_000 } })
    const { port } = new URL(at.base)
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(port), '127.0.0.1')
      let received = ''
      socket.on('data', (chunk) => (received += chunk.toString()))
      socket.on('error', reject)
      socket.on('close', () => resolve(received))
      socket.write(
        'POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n',
      )
      const piece = `${(50_000).toString(16)}\r\n${'x'.repeat(50_000)}\r\n`
      for (let count = 0; count < 40; count += 1) socket.write(piece)
      socket.write('0\r\n\r\n')
    })
    expect(answer).toMatch(/^HTTP\/1\.1 413 /)
    expect(answer.toLowerCase()).toContain('connection: close')
    expect(answer).toContain('"code":"body_too_large"')
  })

  it('answers what is no request in the shape of every other error', async () => {
    await using at = await openDoor('socket')
    const send = (text: string): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = connect(Number(new URL(at.base).port), '127.0.0.1')
        let received = ''
        socket
          .on('data', (chunk) => (received += chunk.toString()))
          .on('close', () => resolve(received))
          .on('error', reject)
        socket.write(text)
      })
    const nonsense = await send('this is not HTTP\r\n\r\n')
    expect(nonsense).toMatch(/^HTTP\/1\.1 400 /)
    expect(nonsense).toContain('"param":"request","code":"invalid_value"')
    const long = await send(`GET /v1/health HTTP/1.1\r\nhost: localhost\r\nx: ${'y'.repeat(70_000)}\r\n\r\n`)
    expect(long).toMatch(/^HTTP\/1\.1 431 /)
    const data = JSON.stringify({ key: 'k'.repeat(30_000) })
    expect((await at.post('/v1/chat/completions', chat, { 'x-ogx-provider-data': data })).status).toBe(200)
  })

  // A long body is announced to the pipeline before it is there; a short one is a request once it is whole.
  it.each([
    [3_000_000, 1],
    [50, 0],
  ])('survives a client that leaves in the middle of a body of %i bytes', async (length, finished) => {
    await using at = await openDoor('socket')
    const socket = connect(Number(new URL(at.base).port), '127.0.0.1')
    const head = 'POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n'
    await new Promise<void>((resolve) => {
      socket.write(`${head}content-length: ${length}\r\n\r\n{"model"`, () => resolve())
    })
    socket.destroy()
    await expect.poll(() => at.sample.finished).toHaveLength(finished)
    expect(at.sample.finished.map(({ aborted }) => aborted)).toEqual(finished === 1 ? [true] : [])
    expect((await at.call('/v1/health')).status).toBe(200)
  })
})
