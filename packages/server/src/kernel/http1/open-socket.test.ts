import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:https'
import type { Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import type { NetworkOptions } from '@llama-stack/api'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readAll } from '../byte-stream.ts'
import { createUpstream } from '../upstream.ts'

function hasOpenSsl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const missing = !hasOpenSsl()
if (missing) console.warn('skipped: TLS to upstreams, because the openssl command that makes the certificate is absent')

describe.skipIf(missing)('TLS (needs the openssl command)', () => {
  const folder = mkdtempSync(join(tmpdir(), 'open-socket-'))
  const key = join(folder, 'key.pem')
  const cert = join(folder, 'cert.pem')
  let server: Server
  let url: string
  const handshakes: { name: unknown; resumed: boolean; protocol: unknown; client: boolean }[] = []

  beforeAll(async () => {
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
    execFileSync('openssl', ['req', '-x509', ...kind, ...subject, '-keyout', key, '-out', cert], { stdio: 'ignore' })
    const options = { key: readFileSync(key), cert: readFileSync(cert), requestCert: true, rejectUnauthorized: false }
    server = createServer(options, (request, response) => {
      if (request.url === '/big') response.end(Buffer.alloc(3_000_000, 'x'))
      else response.setHeader('connection', request.url === '/close' ? 'close' : 'keep-alive').end('secret')
    })
    server.on('secureConnection', (socket: TLSSocket) => {
      const { servername: name, alpnProtocol: protocol } = socket
      const client = Object.keys(socket.getPeerCertificate()).length > 0
      handshakes.push({ name, resumed: socket.isSessionReused(), protocol, client })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = `https://localhost:${(server.address() as AddressInfo).port}`
  })

  afterAll(() => {
    server?.closeAllConnections()
    server?.close()
    rmSync(folder, { recursive: true })
  })

  async function get(of: string, tls: NetworkOptions['tls'], times = 1): Promise<string> {
    await using transport = createUpstream()
    const upstream = transport.with(tls === undefined ? {} : { tls })
    let text = ''
    for (let left = times; left > 0; left -= 1) {
      const response = await upstream.send({
        method: 'GET',
        url: of,
        headers: {},
        chosenBy: 'operator',
        provider: 'scripted',
      })
      text = Buffer.from(await readAll(response.body, 1e9, 'scripted')).toString()
      handshakes.length = Math.min(handshakes.length, 10)
    }
    return text
  }

  test('refuses a certificate that nobody vouches for', async () => {
    await expect(get(url, undefined)).rejects.toMatchObject({ code: 'provider_unreachable' })
  })

  test('accepts it where its authority is configured, and says whom it looks for', async () => {
    handshakes.length = 0
    expect(await get(url, { verify: cert })).toBe('secret')
    expect(handshakes).toEqual([{ name: 'localhost', resumed: false, protocol: 'http/1.1', client: false }])
  })

  test('accepts any where nothing is verified', async () => {
    expect(await get(url, { verify: false })).toBe('secret')
  })

  test('refuses a certificate of another name', async () => {
    const address = url.replace('localhost', '127.0.0.2')
    await expect(get(address, { verify: cert })).rejects.toMatchObject({ code: 'provider_unreachable' })
  })

  test('shows the client’s certificate', async () => {
    handshakes.length = 0
    await get(url, { verify: cert, client_cert: cert, client_key: key })
    expect(handshakes[0]?.client).toBe(true)
  })

  test('keeps one connection for calls in a row', async () => {
    handshakes.length = 0
    await get(url, { verify: cert }, 5)
    expect(handshakes.length).toBe(1)
  })

  test('resumes the session on the next connection', async () => {
    handshakes.length = 0
    await get(`${url}/close`, { verify: cert }, 3)
    expect(handshakes.map(({ resumed }) => resumed)).toEqual([false, true, true])
  })

  test('carries large bodies whole', async () => {
    expect(await get(`${url}/big`, { verify: cert }, 2)).toBe('x'.repeat(3_000_000))
  })

  test.each<[about: string, tls: NonNullable<NetworkOptions['tls']>]>([
    ['a file that is not there', { verify: '/nowhere/ca.pem' }],
    ['a cipher that does not exist', { ciphers: ['NO-SUCH-CIPHER'] }],
  ])('tells the operator about %s', async (_about, tls) => {
    await expect(get(url, tls)).rejects.toMatchObject({
      code: 'provider_unreachable',
      message: expect.stringContaining('network.tls'),
    })
    await expect(get(url, tls)).rejects.not.toMatchObject({ message: expect.stringContaining('nowhere') })
  })
})

test('a server that does not speak TLS is told', async () => {
  const { createServer: createPlain } = await import('node:net')
  const plain = createPlain((socket) => {
    socket.on('error', () => undefined)
    socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')
  })
  await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve))
  await using upstream = createUpstream()
  const url = `https://127.0.0.1:${(plain.address() as AddressInfo).port}/`
  const sending = upstream.send({ method: 'GET', url, headers: {}, chosenBy: 'operator', provider: 'scripted' })
  await expect(sending).rejects.toMatchObject({ code: 'provider_unreachable' })
  plain.close()
})
