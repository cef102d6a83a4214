import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingHttpHeaders, Server } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parsePlainHead } from './plain-request.ts'

const HOST = 'host: localhost'

function head(...lines: readonly string[]): string {
  return lines.join('\r\n')
}

describe('parsePlainHead', () => {
  test('reads what most clients send', () => {
    const text = head(
      'POST /v1/chat/completions?x=1 HTTP/1.1',
      'Host:  localhost:8321 ',
      'Content-Length: 12',
      'x-a:\tb c',
    )
    expect(parsePlainHead(text)).toEqual({
      method: 'POST',
      url: '/v1/chat/completions?x=1',
      key: 'POST /v1/chat/completions?x=1',
      headers: { host: 'localhost:8321', 'content-length': '12', 'x-a': 'b c' },
      contentLength: 12,
    })
    expect(parsePlainHead(head('GET / HTTP/1.1', HOST, 'Connection: Keep-Alive'))?.contentLength).toBe(0)
  })

  test('takes any name for a header', () => {
    expect(parsePlainHead(head('GET / HTTP/1.1', HOST, '__proto__: x'))?.headers['__proto__']).toBe('x')
    expect(parsePlainHead(head('GET / HTTP/1.1', HOST, 'constructor: x'))?.headers['constructor']).toBe('x')
  })

  test.each([
    ['another version', head('GET / HTTP/1.0', HOST)],
    ['another method', head('PATCH / HTTP/1.1', HOST)],
    ['an absolute URL', head('GET http://localhost/ HTTP/1.1', HOST)],
    ['a space in the path', head('GET /a b HTTP/1.1', HOST)],
    ['a letter beyond ASCII in the path', head('GET /\u00e9 HTTP/1.1', HOST)],
    ['no host', head('GET / HTTP/1.1', 'a: b')],
    ['two hosts', head('GET / HTTP/1.1', HOST, HOST)],
    ['two lengths', head('POST / HTTP/1.1', HOST, 'content-length: 1', 'Content-Length: 1')],
    ['a list of lengths', head('POST / HTTP/1.1', HOST, 'content-length: 1, 1')],
    ['a signed length', head('POST / HTTP/1.1', HOST, 'content-length: +1')],
    ['a length with a leading zero', head('POST / HTTP/1.1', HOST, 'content-length: 01')],
    ['a hexadecimal length', head('POST / HTTP/1.1', HOST, 'content-length: 0x1')],
    ['an empty length', head('POST / HTTP/1.1', HOST, 'content-length:')],
    ['a GET with a body', head('GET / HTTP/1.1', HOST, 'content-length: 1')],
    ['a transfer coding', head('POST / HTTP/1.1', HOST, 'transfer-encoding: chunked')],
    ['a transfer coding beside a length', head('POST / HTTP/1.1', HOST, 'content-length: 1', 'transfer-encoding: x')],
    ['an upgrade', head('GET / HTTP/1.1', HOST, 'connection: upgrade', 'upgrade: websocket')],
    ['an expectation', head('POST / HTTP/1.1', HOST, 'expect: 100-continue', 'content-length: 1')],
    ['a close', head('GET / HTTP/1.1', HOST, 'connection: close')],
    ['a repeated header', head('GET / HTTP/1.1', HOST, 'a: b', 'A: c')],
    ['a folded header', head('GET / HTTP/1.1', HOST, 'a: b', ' c')],
    ['a space before the colon', head('GET / HTTP/1.1', HOST, 'content-length : 1')],
    ['a space before the name', head('GET / HTTP/1.1', HOST, ' a: b')],
    ['no colon', head('GET / HTTP/1.1', HOST, 'nonsense')],
    ['an empty name', head('GET / HTTP/1.1', HOST, ': x')],
    ['a bare line feed', head('GET / HTTP/1.1', HOST, 'a: b\ntransfer-encoding: chunked')],
    ['a bare carriage return', head('GET / HTTP/1.1', HOST, 'a: b\rc')],
    ['a zero byte', head('GET / HTTP/1.1', HOST, 'a: b\u0000c')],
    ['more than 63 headers', head('GET / HTTP/1.1', HOST, ...Array.from({ length: 63 }, (_, n) => `x-${n}: y`))],
  ])('leaves %s to Node', (_, text) => {
    expect(parsePlainHead(text)).toBeUndefined()
  })
})

describe('the grammar', () => {
  let server: Server
  let seen: { method: string | undefined; url: string | undefined; headers: IncomingHttpHeaders }[] = []
  beforeAll(async () => {
    server = createServer((request, response) => {
      const { method, url, headers } = request
      seen.push({ method, url, headers })
      request.resume().on('end', () => response.end())
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
  })
  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })

  async function askNode(text: string, body: string): Promise<void> {
    seen = []
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
    socket.write(`${text}\r\n\r\n${body}`, 'latin1')
    await once(socket, 'data')
    socket.destroy()
  }

  const piece = fc.oneof(
    fc.constantFrom('content-length', 'Content-Length: 3', 'host', 'a', 'b', ': ', ':', ' ', '\t', ',', '\u00e9', '\n'),
    fc.constantFrom('transfer-encoding', 'connection: keep-alive', 'chunked', 'x-y: z', '0', '3', '"', '\r', '\u0000'),
  )
  const line = fc.array(piece, { maxLength: 4 }).map((parts) => parts.join(''))

  test('is read by Node in the very same way', async () => {
    const request = fc.record({
      method: fc.constantFrom('GET', 'POST', 'DELETE'),
      path: fc.stringMatching(/^\/[!-~]{0,12}$/),
      lines: fc.array(line, { maxLength: 4 }),
    })
    await fc.assert(
      fc.asyncProperty(request, async ({ method, path, lines }) => {
        const text = head(`${method} ${path} HTTP/1.1`, HOST, ...lines)
        const plain = parsePlainHead(text)
        if (plain === undefined) return
        await askNode(text, 'x'.repeat(plain.contentLength))
        expect(seen).toEqual([{ method: plain.method, url: plain.url, headers: { ...plain.headers } }])
      }),
      { numRuns: 1500 },
    )
  }, 30_000)
})
