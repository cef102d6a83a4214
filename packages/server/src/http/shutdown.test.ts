import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { isStackError, value } from '@llama-stack/api'
import { bytesStream } from '../kernel/byte-stream.ts'
import { createSampleApp } from './sample-app.ts'
import type { ChatOperation } from './sample-app.ts'

const init = {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }] }),
}

/** An operation that waits for the test. */
function createGate() {
  const started = Promise.withResolvers<AbortSignal>()
  const opened = Promise.withResolvers<void>()
  const chat: ChatOperation = async (_request, { signal }) => {
    started.resolve(signal)
    await opened.promise
    return value({ done: true })
  }
  return { chat, started: started.promise, open: () => opened.resolve() }
}

describe('shutdown', () => {
  it('refuses new requests while open ones finish, and stays alive for probes', async () => {
    const gate = createGate()
    await using sample = createSampleApp({ chat: gate.chat })
    const base = await sample.listen()
    expect((await fetch(`${base}/readyz`)).status).toBe(200)
    const open = fetch(`${base}/v1/chat/completions`, init)
    await gate.started
    const closed = sample.app.close({ drainTimeoutMs: 10_000 })

    const refused = await fetch(`${base}/v1/chat/completions`, init)
    expect([refused.status, refused.headers.get('connection')]).toEqual([503, 'close'])
    expect(await refused.json()).toMatchObject({ error: { code: 'server_shutting_down' } })
    expect((await fetch(`${base}/readyz`)).status).toBe(503)
    expect((await fetch(`${base}/livez`)).status).toBe(200)
    expect((await fetch(`${base}/v1/health`)).status).toBe(200)
    expect((await sample.app.fetch('http://x/v1/chat/completions', init)).status).toBe(503)

    gate.open()
    expect(await (await open).json()).toEqual({ done: true })
    await closed
    await expect(fetch(`${base}/livez`)).rejects.toThrow('fetch failed')
    await expect(sample.app.fetch('http://x/livez')).rejects.toSatisfy((error) =>
      isStackError(error, 'server_shutting_down'),
    )
  })

  it.each([
    ['at the timeout', { drainTimeoutMs: 50 }],
    ['at once when forced', { drainTimeoutMs: 60_000, force: true }],
  ])('cuts what is still open %s, and says so', async (_name, closeOptions) => {
    const gate = createGate()
    await using sample = createSampleApp({ chat: gate.chat })
    const base = await sample.listen()
    const open = fetch(`${base}/v1/chat/completions`, init)
    const signal = await gate.started
    const start = performance.now()
    await sample.app.close(closeOptions)
    expect(performance.now() - start).toBeLessThan(1000)
    expect(signal.aborted).toBe(true)
    const response = await open
    expect(response.status).toBe(503)
    gate.open()
  })

  it('ends open streams with an error event, at once on the second call', async () => {
    const silent = { ...bytesStream([]), pipe: () => undefined }
    await using sample = createSampleApp({
      chat: () => Promise.resolve({ kind: 'stream', stream: silent, contentType: 'text/event-stream' }),
    })
    const base = await sample.listen()
    const response = await fetch(`${base}/v1/chat/completions`, init)
    const start = performance.now()
    const first = sample.app.close({ drainTimeoutMs: 60_000 })
    const second = sample.app.close({ drainTimeoutMs: 60_000 })
    expect(await response.text()).toMatch(/^data: \{"error":.*"code":"server_shutting_down"\}\}\n\n$/)
    await Promise.all([first, second])
    expect(performance.now() - start).toBeLessThan(1000)
  })

  it('is not ready while the services are not', async () => {
    let isReady = false
    await using sample = createSampleApp({ ready: () => isReady })
    const response = await sample.app.fetch('http://x/readyz')
    expect([response.status, await response.json()]).toMatchObject([503, { error: { code: 'server_not_ready' } }])
    isReady = true
    expect((await sample.app.fetch('http://x/readyz')).status).toBe(200)
  })
})

describe('listening', () => {
  it('names the port that is taken', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const { port } = other.address() as AddressInfo // a TCP server has no other
    await using sample = createSampleApp()
    await expect(sample.app.listen({ port })).rejects.toSatisfy((error) => isStackError(error, 'port_in_use'))
    await expect(sample.app.listen({ port })).rejects.toThrow(`--port ${port + 1}`)
    await new Promise((resolve) => other.close(resolve))
  })

  it('does not listen beyond the loopback without a key', async () => {
    await using open = createSampleApp()
    for (const host of ['0.0.0.0', '::', '192.168.0.1']) {
      await expect(open.app.listen({ port: 0, host })).rejects.toSatisfy((error) => isStackError(error, 'unsafe_bind'))
    }
    await using locked = createSampleApp({ server: { apiKeys: ['key-for-the-test'] } })
    const { url, port } = await locked.app.listen({ port: 0, host: '0.0.0.0' })
    expect(url).toBe(`http://0.0.0.0:${port}`)
    const response = await fetch(`http://127.0.0.1:${port}/v1/models`, { headers: { 'x-api-key': 'key-for-the-test' } })
    expect(response.status).toBe(200)
  })
})
