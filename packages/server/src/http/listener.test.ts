import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { RequestOptions } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bug } from '@llama-stack/api'
import type { StackError } from '@llama-stack/api'
import { systemClock } from '../kernel/clock.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { TlsSettings } from './http-settings.ts'
import { isLoopback, openListener } from './listener.ts'
import type { Listener } from './listener.ts'

interface Answer {
  readonly status: number | undefined
  readonly text: string
}

/** One request over a connection of its own. */
function ask(url: string, options: RequestOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const send = url.startsWith('https:') ? httpsRequest : httpRequest
    const asking = send(url, { agent: false, ...options }, (incoming) => {
      let text = ''
      incoming.setEncoding('utf8').on('data', (part: string) => (text += part))
      incoming.on('end', () => resolve({ status: incoming.statusCode, text }))
      incoming.on('error', reject)
    })
    asking.on('error', reject).end()
  })
}

/** Serves everything with one handler; nothing is left to the fast lane. */
function toDispatcher(serve: Dispatcher['serve'] = () => undefined): Dispatcher {
  return { serve, knows: () => false, servePlain: () => bug('the fast lane knows no route here') }
}

async function withListener(tls: TlsSettings | undefined, run: (listener: Listener) => Promise<void>): Promise<void> {
  const listener = await openListener(
    toDispatcher((_request, response) => response.end('hello')),
    { port: 0 },
    { clock: systemClock, keyRequired: false, ...(tls === undefined ? {} : { tls }) },
  )
  try {
    await run(listener)
  } finally {
    await listener.close()
  }
}

describe('a plain listener', () => {
  test('says where it listens, and is gone once closed', async () => {
    let url = ''
    await withListener(undefined, async (listener) => {
      ;({ url } = listener)
      expect(url).toBe(`http://127.0.0.1:${listener.port}`)
      expect(await ask(url)).toEqual({ status: 200, text: 'hello' })
    })
    await expect(ask(url)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  test('refuses a port that is taken, and an open address without a key', async () => {
    await withListener(undefined, async ({ port }) => {
      const again = openListener(toDispatcher(), { port }, { clock: systemClock, keyRequired: false })
      await expect(again).rejects.toMatchObject({ code: 'port_in_use', details: { port } })
    })
    const open = openListener(toDispatcher(), { port: 0, host: '0.0.0.0' }, { clock: systemClock, keyRequired: false })
    await expect(open).rejects.toMatchObject({ code: 'unsafe_bind' })
  })

  test('knows which addresses others can reach', () => {
    expect(['127.0.0.1', '127.8.8.8', '::1', 'localhost'].filter((host) => !isLoopback(host))).toEqual([])
    expect(['0.0.0.0', '::', '10.0.0.1', '127.example', 'localhost.example'].filter(isLoopback)).toEqual([])
  })
})

const hasOpenssl = spawnSync('openssl', ['version']).status === 0
if (!hasOpenssl) console.warn('TLS of the listener is not tested: there is no openssl command')

/** The alert may come before or after the connection is closed. */
const refused: unknown = expect.stringMatching(/^(ECONNRESET|EPIPE|ERR_SSL_)/)

describe.skipIf(!hasOpenssl)('a listener with TLS (needs the openssl command)', () => {
  let folder: string
  const file = (name: string): string => join(folder, name)

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'listener-'))
    for (const name of ['server', 'client', 'stranger']) {
      const key = [
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-keyout',
        file(`${name}.key`),
      ]
      const names = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1']
      const made = ['req', '-x509', '-days', '2', ...key, ...names, '-out', file(`${name}.crt`)]
      execFileSync('openssl', made, { stdio: 'pipe' })
    }
  })
  afterAll(() => rm(folder, { recursive: true }))

  const server = (): TlsSettings => ({ certFile: file('server.crt'), keyFile: file('server.key') })
  const trusting = (): RequestOptions => ({ ca: readFileSync(file('server.crt')) })
  const as = (name: string): RequestOptions => ({
    ...trusting(),
    cert: readFileSync(file(`${name}.crt`)),
    key: readFileSync(file(`${name}.key`)),
  })

  test('serves whoever trusts its certificate, and nobody in the clear', async () => {
    await withListener(server(), async ({ url, port }) => {
      expect(url).toBe(`https://127.0.0.1:${port}`)
      expect(await ask(url, trusting())).toEqual({ status: 200, text: 'hello' })
      await expect(ask(url)).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
      await expect(ask(`http://127.0.0.1:${port}`)).rejects.toMatchObject({ code: 'ECONNRESET' })
    })
  })

  test('hands what asks for a WebSocket over to whoever takes it', async () => {
    const listener = await openListener(
      toDispatcher((_request, response) => response.end('hello')),
      { port: 0 },
      {
        clock: systemClock,
        keyRequired: false,
        tls: server(),
        webSockets: {
          accepts: ({ url }) => url === '/socket',
          open: (_request, socket) => socket.end('HTTP/1.1 418 Taken\r\ncontent-length: 5\r\n\r\ntaken'),
          drain: () => undefined,
          closeAll: () => undefined,
        },
      },
    )
    const asking = { ...trusting(), headers: { connection: 'Upgrade', upgrade: 'websocket' } }
    expect(await ask(`${listener.url}/socket`, asking)).toEqual({ status: 418, text: 'taken' })
    expect(await ask(`${listener.url}/other`, asking)).toEqual({ status: 200, text: 'hello' })
    await listener.close()
  })

  test('lets in only clients with a certificate of its authority, where one is set', async () => {
    await withListener({ ...server(), caFile: file('client.crt') }, async ({ url }) => {
      expect(await ask(url, as('client'))).toEqual({ status: 200, text: 'hello' })
      await expect(ask(url, trusting())).rejects.toMatchObject({ code: refused })
      await expect(ask(url, as('stranger'))).rejects.toMatchObject({ code: refused })
      // A refusal costs the others nothing.
      expect(await ask(url, as('client'))).toMatchObject({ status: 200 })
    })
  })

  test.each([
    { setting: 'tls_certfile', given: { certFile: 'nowhere.crt' }, path: 'nowhere.crt' },
    { setting: 'tls_keyfile', given: { keyFile: 'nowhere.key' }, path: 'nowhere.key' },
    { setting: 'tls_cafile', given: { caFile: '.' }, path: '.' },
    { setting: 'tls_keyfile', given: { keyFile: 'client.key' }, path: 'server.crt' },
    { setting: 'tls_certfile', given: { certFile: 'server.key' }, path: 'server.key' },
  ])('does not start with $given, and says where to look', async ({ setting, given, path }) => {
    const named = Object.fromEntries(Object.entries(given).map(([key, name]) => [key, file(name)]))
    const opening = openListener(
      toDispatcher(),
      { port: 0 },
      { clock: systemClock, keyRequired: false, tls: { ...server(), ...named } },
    )
    const failure: unknown = await opening.catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'config_invalid', details: { file: 'the configuration' } })
    const { message } = failure as StackError
    expect(message).toContain(`server.${setting}`)
    expect(message).toContain(file(path))
  })
})
