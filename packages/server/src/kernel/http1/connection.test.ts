import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import type { UpstreamRequest } from '@llama-stack/api'
import { afterEach, describe, expect, test } from 'vitest'
import { readAll } from '../byte-stream.ts'
import { joinBody } from '../request-body.ts'
import { createUpstream } from '../upstream.ts'

/** A raw server: each connection is handed to the script as it comes. */
const servers: Server[] = []

afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve))
})

interface Scripted {
  readonly url: string
  /** Every connection so far. */
  readonly sockets: Socket[]
  /** Every whole request so far, as it came. */
  readonly requests: string[]
  readonly open: () => number
}

type Answer = (socket: Socket, request: string, number: number) => void

async function serve(answer: Answer): Promise<Scripted> {
  const sockets: Socket[] = []
  const requests: string[] = []
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.push(socket)
    let text = ''
    socket.on('error', () => undefined)
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1')
      for (;;) {
        const end = requestEnd(text)
        if (end === undefined) return
        const request = text.slice(0, end)
        text = text.slice(end)
        requests.push(request)
        answer(socket, request, requests.length)
      }
    })
  })
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const open = (): number => sockets.filter((socket) => !socket.destroyed).length
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/x`, sockets, requests, open }
}

function requestEnd(text: string): number | undefined {
  const head = text.indexOf('\r\n\r\n')
  if (head === -1) return undefined
  const end = head + 4 + Number(/content-length: (\d+)/.exec(text)?.[1] ?? 0)
  return text.length >= end ? end : undefined
}

const ok = (body: string): string => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`

const post = (url: string, more: Partial<UpstreamRequest> = {}): UpstreamRequest => ({
  method: 'POST',
  url,
  headers: { 'content-type': 'text/plain' },
  body: 'ping',
  chosenBy: 'operator',
  provider: 'scripted',
  ...more,
})

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

async function call(upstream: ReturnType<typeof createUpstream>, request: UpstreamRequest): Promise<string> {
  const response = await upstream.send(request)
  return Buffer.from(await readAll(response.body, 1e9, 'scripted')).toString()
}

async function until(holds: () => boolean): Promise<void> {
  for (let left = 100; !holds() && left > 0; left -= 1) await wait(20)
  expect(holds()).toBe(true)
}

describe('what is sent', () => {
  test.each<[about: string, body: NonNullable<UpstreamRequest['body']>]>([
    ['ASCII', 'ping'],
    ['nothing', ''],
    ['characters of several bytes', 'h\u00e9 \u{1F600}'],
    ['bytes', Buffer.from([0, 255, 10, 13])],
    ['a long text', 'abc'.repeat(100_000)],
    ['a long text of several bytes each', '\u00e9\u4e2d'.repeat(50_000)],
    ['many bytes', Buffer.alloc(300_000, 7)],
    ['pieces', [Buffer.from('h\u00e9'), Buffer.alloc(0), Buffer.from([0, 255])]],
    ['long pieces', [Buffer.alloc(40_000, 7), Buffer.alloc(40_000, 8)]],
  ])('arrives: %s', async (_about, body) => {
    const server = await serve((socket) => socket.write(ok('pong')))
    await using upstream = createUpstream()
    expect(await call(upstream, post(server.url, { body, headers: { 'x-name': '\u00e9' } }))).toBe('pong')
    const [request = ''] = server.requests
    const sent = Buffer.from(joinBody(body)).toString('latin1')
    expect(request).toMatch(/^POST \/v1\/x HTTP\/1\.1\r\nhost: 127\.0\.0\.1:\d+\r\n/)
    expect(request).toContain('\r\nx-name: \u00e9\r\n')
    expect(request).toContain(`content-length: ${sent.length}\r\n\r\n`)
    expect(request.endsWith(`\r\n\r\n${sent}`)).toBe(true)
  })

  test('bodies stay what they are while they wait for their connections', async () => {
    const server = await serve((socket, request) => socket.write(ok(String(request.length))))
    await using upstream = createUpstream()
    const bodies = Array.from({ length: 200 }, (_, index) => [
      Buffer.alloc(30_000, index),
      Buffer.alloc(20_000, 255 - index),
    ])
    await Promise.all(bodies.map((body) => call(upstream, post(server.url, { body }))))
    const sent = server.requests.map((request) => request.slice(request.indexOf('\r\n\r\n') + 4))
    expect(sent.toSorted()).toEqual(bodies.map((body) => Buffer.concat(body).toString('latin1')).toSorted())
  })

  test('a POST without a body has a length, a GET has none', async () => {
    const server = await serve((socket) => socket.write(ok('')))
    await using upstream = createUpstream()
    const { body: _body, ...bare } = post(server.url)
    await call(upstream, bare)
    await call(upstream, { ...bare, method: 'GET' })
    expect(server.requests[0]).toContain('content-length: 0\r\n\r\n')
    expect(server.requests[1]).not.toContain('content-length')
  })

  test('a URL cannot add lines to a request', async () => {
    const server = await serve((socket) => socket.write(ok('')))
    await using upstream = createUpstream()
    await call(upstream, post(`${server.url}/a b\r\nx-admin: 1\u00e9?q=\u0000#part`))
    expect(server.requests[0]).toMatch(/^POST \/v1\/x\/a%20bx-admin:%201%C3%A9\?q=%00 HTTP\/1\.1\r\n/)
  })

  test('a header cannot add lines to a request', async () => {
    await using upstream = createUpstream()
    const request = post('http://127.0.0.1:9/', { headers: { authorization: 'Bearer x\r\nx-admin: 1' } })
    await expect(upstream.send(request)).rejects.toMatchObject({ code: 'invalid_value', status: 400 })
  })
})

describe('a connection', () => {
  test('serves 2,000 calls in a row', async () => {
    const server = await serve((socket) => socket.write(ok('pong')))
    await using upstream = createUpstream()
    for (let left = 2000; left > 0; left -= 1) expect(await call(upstream, post(server.url))).toBe('pong')
    expect(server.sockets.length).toBe(1)
  })

  test('is left for a new one when the server says that it closes', async () => {
    const server = await serve((socket) =>
      socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\npong'),
    )
    await using upstream = createUpstream()
    expect(await call(upstream, post(server.url))).toBe('pong')
    expect(await call(upstream, post(server.url))).toBe('pong')
    expect(server.sockets.length).toBe(2)
  })

  test('that was closed while it was idle is replaced before a call fails', async () => {
    const server = await serve((socket, _request, number) => {
      // The second call reaches a connection that is closed at this very moment.
      if (number === 2) socket.destroy()
      else socket.write(ok(`pong ${number}`))
    })
    await using upstream = createUpstream()
    expect(await call(upstream, post(server.url))).toBe('pong 1')
    expect(await call(upstream, post(server.url))).toBe('pong 3')
    expect(server.sockets.length).toBe(2)
  })

  test('that closes is told at once where a call must not be repeated', async () => {
    const server = await serve((socket, _request, number) => {
      if (number === 2) socket.destroy()
      else socket.write(ok('pong'))
    })
    await using upstream = createUpstream()
    await call(upstream, post(server.url))
    const sent = upstream.send(post(server.url, { once: true }))
    await expect(sent).rejects.toMatchObject({ code: 'provider_unreachable' })
    expect(server.requests.length).toBe(2)
  })

  test('that closes again is told: a call is repeated once', async () => {
    const server = await serve((socket, _request, number) => {
      if (number === 1) socket.write(ok('pong'))
      else socket.destroy()
    })
    await using upstream = createUpstream()
    await call(upstream, post(server.url))
    await expect(upstream.send(post(server.url))).rejects.toMatchObject({ code: 'provider_unreachable' })
    expect(server.requests.length).toBe(3)
  })

  test('that is new and closes at once is told without a second try', async () => {
    const server = await serve((socket) => socket.destroy())
    await using upstream = createUpstream()
    await expect(upstream.send(post(server.url))).rejects.toMatchObject({ code: 'provider_unreachable' })
    expect(server.requests.length).toBe(1)
  })

  test('that breaks after a first byte is told without a second try', async () => {
    const server = await serve((socket, _request, number) => {
      if (number === 1) socket.write(ok('pong'))
      else socket.end('HTTP/1.1 200')
    })
    await using upstream = createUpstream()
    await call(upstream, post(server.url))
    await expect(upstream.send(post(server.url))).rejects.toMatchObject({ code: 'provider_unreachable' })
    expect(server.requests.length).toBe(2)
  })

  test('that breaks after long work is told without a second try', async () => {
    const server = await serve((socket, _request, number) => {
      if (number === 1) socket.write(ok('pong'))
      else setTimeout(() => socket.destroy(), 2800)
    })
    await using upstream = createUpstream()
    await call(upstream, post(server.url))
    await expect(upstream.send(post(server.url))).rejects.toMatchObject({ code: 'provider_unreachable' })
    expect(server.requests.length).toBe(2)
  })

  test('with bytes after its reply is given up, and they reach nobody', async () => {
    const server = await serve((socket, _request, number) => {
      socket.write(ok(`pong ${number}`) + ok('smuggled'))
    })
    await using upstream = createUpstream()
    expect(await call(upstream, post(server.url))).toBe('pong 1')
    expect(await call(upstream, post(server.url))).toBe('pong 2')
    expect(server.sockets.length).toBe(2)
  })

  test('with bytes while it is idle is given up, and they reach nobody', async () => {
    const server = await serve((socket, _request, number) => {
      socket.write(ok(`pong ${number}`))
      setTimeout(() => socket.write(ok('smuggled')), 20)
    })
    await using upstream = createUpstream()
    expect(await call(upstream, post(server.url))).toBe('pong 1')
    await until(() => server.open() === 0)
    expect(await call(upstream, post(server.url))).toBe('pong 2')
  })

  test('is closed a second before the server would close it', async () => {
    const server = await serve((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nKeep-Alive: timeout=2\r\nContent-Length: 0\r\n\r\n')
    })
    await using upstream = createUpstream()
    await call(upstream, post(server.url))
    await wait(800)
    expect(server.open()).toBe(1)
    await wait(1000)
    expect(server.open()).toBe(0)
  })

  test('is not kept where the server keeps it for less than that second', async () => {
    const server = await serve((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 0\r\n\r\n')
    })
    await using upstream = createUpstream()
    await call(upstream, post(server.url))
    await until(() => server.open() === 0)
    expect(server.requests.length).toBe(1)
  })

  test('is not reused while a part of the request is unsent', async () => {
    const server = await serve(() => undefined)
    const [raw] = servers
    raw?.on('connection', (socket) => {
      socket.pause()
      socket.write(ok('too long'))
    })
    await using upstream = createUpstream()
    expect(await call(upstream, post(server.url, { body: Buffer.alloc(20_000_000) }))).toBe('too long')
    expect(await call(upstream, post(server.url, { body: Buffer.alloc(20_000_000) }))).toBe('too long')
    expect(server.sockets.length).toBe(2)
    for (const socket of server.sockets) socket.destroy()
  })
})

describe('what is received', () => {
  test('chunks, extensions and trailers, after a 100', async () => {
    const server = await serve((socket) => {
      socket.write('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n')
      setTimeout(() => socket.write('4;x=y\r\npo'), 10)
      setTimeout(() => socket.write('ng\r\n0\r\nX-Sum: 1\r\n\r\n'), 20)
    })
    await using upstream = createUpstream()
    const response = await upstream.send(post(server.url))
    expect(response.status).toBe(201)
    expect(Buffer.from(await readAll(response.body, 10, 'scripted')).toString()).toBe('pong')
    await call(upstream, post(server.url))
    expect(server.sockets.length).toBe(1)
  })

  test('what was given away is not overwritten by later reads of any connection', async () => {
    const server = await serve((socket, request) => {
      const letter = request.at(-1) ?? ''
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
      let left = 50
      const timer = setInterval(() => {
        socket.write(`64\r\n${letter.repeat(100)}\r\n`)
        left -= 1
        if (left > 0) return
        clearInterval(timer)
        socket.write('0\r\n\r\n')
      }, 1)
    })
    await using upstream = createUpstream()
    const letters = Array.from('abcdefgh')
    const bodies = await Promise.all(letters.map((letter) => call(upstream, post(server.url, { body: letter }))))
    expect(bodies).toEqual(letters.map((letter) => letter.repeat(5000)))
  })

  test('a body that ends with its connection', async () => {
    const server = await serve((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\npong'))
    await using upstream = createUpstream()
    expect(await call(upstream, post(server.url))).toBe('pong')
  })

  test('a 204', async () => {
    const server = await serve((socket) => socket.write('HTTP/1.1 204 No Content\r\n\r\n'))
    await using upstream = createUpstream()
    expect(await call(upstream, post(server.url))).toBe('')
    expect(await call(upstream, post(server.url))).toBe('')
    expect(server.sockets.length).toBe(1)
  })

  test('a chunk that is cut is told', async () => {
    const server = await serve((socket) => {
      socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf')
    })
    await using upstream = createUpstream()
    const response = await upstream.send(post(server.url))
    await expect(readAll(response.body, 100, 'scripted')).rejects.toMatchObject({ code: 'provider_stream_broken' })
  })

  test('a chunk that is wrong is told', async () => {
    const server = await serve((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nlonger')
    })
    await using upstream = createUpstream()
    const response = await upstream.send(post(server.url))
    await expect(readAll(response.body, 100, 'scripted')).rejects.toMatchObject({ code: 'provider_stream_broken' })
  })

  test('another protocol is told at once', async () => {
    const server = await serve((socket) => socket.write('SSH-2.0-OpenSSH_9.2\r\n'))
    await using upstream = createUpstream()
    await expect(upstream.send(post(server.url))).rejects.toMatchObject({ code: 'provider_bad_reply', status: 502 })
  })
})

describe('time', () => {
  test('a server that does not answer is told', async () => {
    const server = await serve(() => undefined)
    await using upstream = createUpstream()
    const sending = upstream.send(post(server.url, { headersTimeoutMs: 200 }))
    await expect(sending).rejects.toMatchObject({ code: 'provider_timeout' })
    await until(() => server.open() === 0)
  })

  test('headers that trickle do not stretch the limit', async () => {
    const server = await serve((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n')
      const timer = setInterval(() => socket.write('a: b\r\n'), 50)
      socket.on('close', () => clearInterval(timer))
    })
    await using upstream = createUpstream()
    const sending = upstream.send(post(server.url, { headersTimeoutMs: 300 }))
    await expect(sending).rejects.toMatchObject({ code: 'provider_timeout' })
  })

  test('a body may take any time as long as it goes on', async () => {
    const server = await serve((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n')
      let left = 12
      const timer = setInterval(() => {
        socket.write('x')
        left -= 1
        if (left === 0) clearInterval(timer)
      }, 100)
    })
    await using upstream = createUpstream()
    expect(await call(upstream, post(server.url, { idleTimeoutMs: 500 }))).toBe('x'.repeat(12))
  })

  test('a reader that pauses is not the server’s silence', async () => {
    const server = await serve((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nx`)
      setTimeout(() => socket.write('y'), 50)
    })
    await using upstream = createUpstream()
    const response = await upstream.send(post(server.url, { idleTimeoutMs: 250 }))
    response.body.pause()
    const reading = readAll(response.body, 10, 'scripted')
    await wait(1200)
    response.body.resume()
    expect(Buffer.from(await reading).toString()).toBe('xy')
  })
})

describe('back-pressure', () => {
  test('a paused reader gets nothing more and stops the server; resumed, it gets all', async () => {
    const total = 40_000_000
    const server = await serve((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`)
      socket.write(Buffer.alloc(total, 'x'))
    })
    await using upstream = createUpstream()
    const { body } = await upstream.send(post(server.url))
    let received = 0
    let pauses = 0
    let paused = false
    await new Promise<void>((resolve, reject) => {
      body.pipe({
        data(chunk) {
          if (paused) reject(new Error('data came while the stream was paused'))
          received += chunk.byteLength
          if (received < (pauses + 1) * 10_000_000) return
          pauses += 1
          paused = true
          body.pause()
          const before = received
          setTimeout(() => {
            expect(received).toBe(before)
            paused = false
            body.resume()
          }, 50)
        },
        end: resolve,
        fail: reject,
      })
    })
    expect(received).toBe(total)
    expect(pauses).toBe(4)
  })

  test('a reply that nobody reads stops the server', async () => {
    const total = 40_000_000
    const server = await serve((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`)
      socket.write(Buffer.alloc(total, 'x'))
    })
    await using upstream = createUpstream()
    const { body } = await upstream.send(post(server.url))
    await wait(300)
    expect(server.sockets[0]?.writableLength).toBeGreaterThan(10_000_000)
    expect((await readAll(body, total, 'scripted')).byteLength).toBe(total)
  })
})

describe('giving up', () => {
  test('before the reply, the call fails and the connection closes', async () => {
    const server = await serve(() => undefined)
    await using upstream = createUpstream()
    const controller = new AbortController()
    const sending = upstream.send(post(server.url, { signal: controller.signal }))
    await until(() => server.requests.length === 1)
    controller.abort()
    await expect(sending).rejects.toMatchObject({ code: 'provider_stream_broken' })
    await until(() => server.open() === 0)
  })

  test('before the stream is read, whoever reads it later is told', async () => {
    const server = await serve((socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'))
    await using upstream = createUpstream()
    const controller = new AbortController()
    const { body } = await upstream.send(post(server.url, { signal: controller.signal }))
    controller.abort()
    await expect(readAll(body, 100, 'scripted')).rejects.toMatchObject({ code: 'provider_stream_broken' })
  })

  test('after the end, nothing happens to the next call on the connection', async () => {
    const server = await serve((socket) => socket.write(ok('pong')))
    await using upstream = createUpstream()
    const controller = new AbortController()
    const { body } = await upstream.send(post(server.url, { signal: controller.signal }))
    await readAll(body, 100, 'scripted')
    const next = upstream.send(post(server.url))
    controller.abort()
    body.pause()
    body.cancel()
    const response = await next
    expect(Buffer.from(await readAll(response.body, 100, 'scripted')).toString()).toBe('pong')
    expect(server.sockets.length).toBe(1)
  })

  test('500 calls at once, then the end of the transport: no socket and no timer is left', async () => {
    const server = await serve((socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'))
    const timersBefore = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
    const upstream = createUpstream()
    const responses = await Promise.all(Array.from({ length: 500 }, () => upstream.send(post(server.url))))
    expect(server.open()).toBe(500)
    const failures = responses.map(({ body }) => readAll(body, 100, 'scripted').catch((error: unknown) => error))
    await upstream[Symbol.asyncDispose]()
    for (const failure of await Promise.all(failures)) expect(failure).toMatchObject({ code: 'server_shutting_down' })
    await until(() => server.open() === 0)
    expect(process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length).toBeLessThanOrEqual(
      timersBefore,
    )
    await expect(upstream.send(post(server.url))).rejects.toMatchObject({ code: 'server_shutting_down' })
  })
})
