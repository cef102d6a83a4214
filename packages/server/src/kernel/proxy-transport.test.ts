import { createServer, request as forward } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { NetworkOptions } from '@llama-stack/api'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readAll } from './byte-stream.ts'
import { createUpstream } from './upstream.ts'

let origin: Server
let proxy: Server
const forwarded: string[] = []
const portOf = (server: Server): number => (server.address() as AddressInfo).port

beforeAll(async () => {
  origin = createServer((request, response) => {
    if (request.url === '/cut') {
      response.write('half')
      setTimeout(() => request.socket.destroy(), 20)
      return
    }
    response.setHeader('x-team', request.headers['x-team'] ?? '').setHeader('set-cookie', ['a', 'b'])
    request.pipe(response)
  })
  // A forwarding proxy is asked for the whole URL.
  proxy = createServer((request, response) => {
    const { url = '', method, headers } = request
    forwarded.push(url)
    const onward = forward(url, { method, headers }, (reply) => {
      response.writeHead(reply.statusCode ?? 0, reply.headers)
      reply.on('error', () => response.destroy()).pipe(response)
    })
    request.pipe(onward)
  })
  for (const server of [origin, proxy]) await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})

afterAll(() => {
  for (const server of [origin, proxy]) {
    server.closeAllConnections()
    server.close()
  }
})

async function call(settings: NonNullable<NetworkOptions['proxy']>, path = '/echo') {
  await using transport = createUpstream()
  const upstream = transport.with({ proxy: settings, headers: { 'x-team': 'blue' } })
  const response = await upstream.send({
    method: 'POST',
    url: `http://127.0.0.1:${portOf(origin)}${path}`,
    headers: {},
    body: 'ping',
    chosenBy: 'operator',
    provider: 'scripted',
  })
  const text = Buffer.from(await readAll(response.body, 100, 'scripted')).toString()
  return { status: response.status, headers: response.headers, text }
}

const proxyUrl = (): string => `http://127.0.0.1:${portOf(proxy)}`

test('a call goes through the configured proxy', async () => {
  forwarded.length = 0
  const reply = await call({ http: proxyUrl() })
  expect(reply).toMatchObject({ status: 200, text: 'ping', headers: { 'x-team': 'blue', 'set-cookie': 'a, b' } })
  expect(forwarded).toEqual([`http://127.0.0.1:${portOf(origin)}/echo`])
})

test('a call to an exempt host goes straight', async () => {
  forwarded.length = 0
  const reply = await call({ url: proxyUrl(), no_proxy: ['127.0.0.1'] })
  expect(reply).toMatchObject({ status: 200, text: 'ping', headers: { 'x-team': 'blue' } })
  expect(forwarded).toEqual([])
})

test('a call to a scheme without a proxy goes straight', async () => {
  forwarded.length = 0
  expect(await call({ https: proxyUrl() })).toMatchObject({ status: 200, text: 'ping' })
  expect(forwarded).toEqual([])
})

test('a stream that breaks behind the proxy is told', async () => {
  await expect(call({ url: proxyUrl() }, '/cut')).rejects.toMatchObject({ code: 'provider_stream_broken' })
})

test('a proxy that is not there is told', async () => {
  await expect(call({ url: 'http://127.0.0.1:9' })).rejects.toMatchObject({ code: 'provider_unreachable' })
})
