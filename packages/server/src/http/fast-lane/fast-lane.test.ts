import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../kernel/clock.ts'
import { openFastLane } from './fast-lane.ts'
import type { PlainRequest } from './plain-request.ts'
import type { PlainResponse } from './plain-response.ts'

type Serve = (request: PlainRequest, response: PlainResponse) => void

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

interface Lane {
  readonly server: Server
  /** How many requests Node's own server answered. */
  readonly byNode: string[]
  connect(): Promise<Client>
}

interface Client {
  readonly socket: Socket
  send(text: string): void
  /** What has come so far. */
  readonly text: () => string
}

/** Serves `/lane` in the lane with a function, everything else with Node's server. */
async function openLane(serve: Serve, timeouts: { idleMs?: number; requestMs?: number } = {}): Promise<Lane> {
  const byNode: string[] = []
  const server = createServer((request, response) => {
    byNode.push(`${request.method} ${request.url}`)
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => response.end(`node ${body}`))
  })
  const lane = openFastLane(server, {
    clock: systemClock,
    keepAliveTimeoutMs: timeouts.idleMs ?? 72_000,
    requestTimeoutMs: timeouts.requestMs ?? 300_000,
    knows: (key) => key.endsWith(' /lane'),
    serve,
    refuseLate: (socket) => socket.end('HTTP/1.1 408 Request Timeout\r\n\r\n'),
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  closing.push(() => {
    lane.closeAll()
    server.closeAllConnections()
    server.close()
  })
  const connectTo = async (): Promise<Client> => {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
    let text = ''
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1'))).on('error', () => undefined)
    await once(socket, 'connect')
    return { socket, text: () => text, send: (bytes) => socket.write(bytes, 'latin1') }
  }
  return { server, byNode, connect: connectTo }
}

const echo: Serve = (request, response) => {
  const body = `lane ${Buffer.from(request.body).toString()}`
  response.writeHead(200, { 'content-length': String(body.length) }).end(body)
}

const post = (path: string, body: string, more = ''): string =>
  `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${body.length}\r\n${more}\r\n${body}`

describe('the fast lane', () => {
  test('answers one plain request after the other', async () => {
    const lane = await openLane(echo)
    const client = await lane.connect()
    client.send(post('/lane', 'one'))
    await expect.poll(client.text).toContain('lane one')
    client.send(post('/lane', 'two'))
    await expect.poll(client.text).toContain('lane two')
    expect(client.text()).toMatch(
      /^HTTP\/1\.1 200 OK\r\ncontent-length: 8\r\ndate: .* GMT\r\nconnection: keep-alive\r\n/,
    )
    expect(lane.byNode).toEqual([])
  })

  test('waits for a body that comes in pieces', async () => {
    const lane = await openLane(echo)
    const client = await lane.connect()
    const text = post('/lane', 'pieces')
    for (const part of [text.slice(0, -5), text.slice(-5, -2), text.slice(-2)]) {
      client.send(part)
      await sleep(20)
    }
    await expect.poll(client.text).toContain('lane pieces')
    expect(lane.byNode).toEqual([])
  })

  test.each([
    ['a path that the lane does not know', post('/other', 'x'), 'node x'],
    [
      'a chunked body',
      'POST /lane HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n',
      'node x',
    ],
    ['the end of the connection', post('/lane', 'x', 'connection: close\r\n'), 'node x'],
    ['a body that is too long to wait for', post('/lane', 'x'.repeat(2_000_000)), 'node xxx'],
  ])('leaves %s to Node, with all that has come', async (_, text, answer) => {
    const lane = await openLane(echo)
    const client = await lane.connect()
    client.send(post('/lane', 'first'))
    await expect.poll(client.text).toContain('lane first')
    client.send(text)
    await expect.poll(client.text).toContain(answer)
    expect(lane.byNode).toHaveLength(1)
  })

  test('leaves a head that comes in pieces to Node', async () => {
    const lane = await openLane(echo)
    const client = await lane.connect()
    const text = post('/lane', 'x')
    client.send(text.slice(0, 20))
    await sleep(20)
    client.send(text.slice(20))
    await expect.poll(client.text).toContain('node x')
  })

  test('leaves requests that come together to Node, and answers all in order', async () => {
    const lane = await openLane(echo)
    const client = await lane.connect()
    client.send(post('/lane', 'one') + post('/lane', 'two'))
    await expect.poll(() => client.text().match(/(?:lane|node) (?:one|two)/g)).toEqual(['node one', 'node two'])
  })

  test('holds a request that comes before the reply to the one before', async () => {
    const open: PlainResponse[] = []
    const lane = await openLane((request, response) => {
      if (open.push(response) > 1) echo(request, response)
    })
    const client = await lane.connect()
    client.send(post('/lane', 'one'))
    await expect.poll(() => open).toHaveLength(1)
    client.send(post('/lane', 'two'))
    await sleep(30)
    expect(open).toHaveLength(1)
    open[0]?.writeHead(200, { 'content-length': '3' }).end('ONE')
    await expect.poll(client.text).toMatch(/ONE[^]*lane two/)
  })

  test('frames a stream in chunks and ends it', async () => {
    const lane = await openLane((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(Buffer.from('data: \u00e9\n\n'))
      response.write('data: \u00e9\n\n')
      response.end('last')
    })
    const client = await lane.connect()
    client.send(post('/lane', ''))
    await expect.poll(client.text).toContain('0\r\n\r\n')
    const end = client.text().indexOf('\r\n\r\n')
    expect(client.text().slice(0, end)).toContain('transfer-encoding: chunked')
    // What came up in one turn is one chunk.
    const events = Buffer.from('data: \u00e9\n\ndata: \u00e9\n\nlast').toString('latin1')
    expect(client.text().slice(end + 4)).toBe(`18\r\n${events}\r\n0\r\n\r\n`)
  })

  test('tells a slow client’s reply to wait, and when to go on', async () => {
    const total = 64
    let written = 0
    const lane = await openLane((_request, response) => {
      const chunk = Buffer.alloc(1_000_000)
      const more = (): void => {
        while (written < total) {
          written += 1
          if (!response.write(chunk)) return
        }
        response.off('drain', more).end()
      }
      response.writeHead(200, {}).on('drain', more)
      more()
    })
    const client = await lane.connect()
    client.socket.pause()
    client.send(post('/lane', ''))
    await expect.poll(() => written).toBeGreaterThan(0)
    await sleep(100)
    expect(written).toBeLessThan(total / 2)
    let received = 0
    client.socket.on('data', (chunk: Buffer) => (received += chunk.byteLength)).resume()
    await expect.poll(() => received, { timeout: 5000 }).toBeGreaterThan(total * 1_000_000)
  })

  test('tells the reply that its client has left', async () => {
    let closed = false
    let ended: boolean | undefined
    const lane = await openLane((_request, response) => {
      response.once('close', () => {
        closed = true
        ended = response.writableEnded
      })
    })
    const client = await lane.connect()
    client.send(post('/lane', ''))
    await sleep(20)
    client.socket.destroy()
    await expect.poll(() => closed).toBe(true)
    expect(ended).toBe(false)
  })

  test('closes the connection with a reply that says so', async () => {
    const lane = await openLane((_request, response) => {
      response.writeHead(503, { connection: 'close', 'content-length': '0' }).end()
    })
    const client = await lane.connect()
    const over = once(client.socket, 'close')
    client.send(post('/lane', ''))
    await over
    expect(client.text()).toMatch(
      /^HTTP\/1\.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n$/,
    )
  })

  test('lets nobody write a header line of its own', async () => {
    let refused: unknown
    const lane = await openLane((_request, response) => {
      try {
        response.writeHead(200, { 'x-a': 'b\r\nset-cookie: c' })
      } catch (error) {
        refused = error
        response.destroy()
      }
    })
    const client = await lane.connect()
    client.send(post('/lane', ''))
    await expect.poll(() => String(refused)).toContain('x-a')
    expect(client.text()).toBe('')
  })

  test('drops idle connections, and refuses a body that never comes', async () => {
    const lane = await openLane(echo, { idleMs: 300, requestMs: 300 })
    const [idle, late] = [await lane.connect(), await lane.connect()]
    const idleOver = once(idle.socket, 'close')
    const lateOver = once(late.socket, 'close')
    late.send(post('/lane', 'body').slice(0, -2))
    await Promise.all([idleOver, lateOver])
    expect(idle.text()).toBe('')
    expect(late.text()).toContain('408')
  })
})
