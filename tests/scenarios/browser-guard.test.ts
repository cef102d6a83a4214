import { request } from 'node:http'
import { describe, expect, test } from 'vitest'
import { chatReply, withStack } from './stack-under-test.ts'

const chat = 'POST /v1/chat/completions'
const ask = { model: 'vendor/m1', messages: [{ role: 'user', content: 'Hi' }] }

/** `fetch` may not set these headers; a page's browser does. */
function send(url: string, headers: Readonly<Record<string, string>>): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const call = request(
      `${url}/v1/chat/completions`,
      { method: 'POST', headers: { 'content-type': 'application/json', ...headers } },
      (response) => {
        let text = ''
        response.on('data', (chunk: Buffer) => (text += chunk.toString()))
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
      },
    )
    call.on('error', reject)
    call.end(JSON.stringify(ask))
  })
}

describe('a page in a browser', () => {
  test('cannot reach a server on loopback through a name of its own (DNS rebinding)', async () => {
    await withStack({ routes: { [chat]: { json: chatReply } } }, async ({ url }) => {
      const refused = await send(url, { host: 'evil.example' })
      expect([refused.status, refused.text]).toMatchObject([403, expect.stringContaining('host_not_allowed')])
      expect((await send(url, {})).status).toBe(200)
    })
    const config = { server: { allowedHosts: ['stack.example'] } }
    await withStack({ config, routes: { [chat]: { json: chatReply } } }, async ({ url }) => {
      expect((await send(url, { host: 'stack.example' })).status).toBe(200)
    })
  })

  test('of another origin cannot write, unless it is allowed', async () => {
    await withStack({ routes: { [chat]: { json: chatReply } } }, async ({ url }) => {
      const refused = await send(url, { origin: 'https://evil.example' })
      expect([refused.status, refused.text]).toMatchObject([403, expect.stringContaining('origin_not_allowed')])
    })
    const config = { server: { cors: { allowOrigins: ['https://app.example'] } } }
    await withStack({ config, routes: { [chat]: { json: chatReply } } }, async ({ url }) => {
      expect((await send(url, { origin: 'https://app.example' })).status).toBe(200)
    })
  })

  test('of an allowed origin may read every header that we add', async () => {
    const config = { server: { cors: { allowOrigins: ['https://app.example'] } } }
    await withStack({ config, routes: { [chat]: { json: chatReply } } }, async ({ url, call }) => {
      const reply = await call(chat, ask, { origin: 'https://app.example' })
      const added = [...reply.headers.keys()].filter((name) => /^(x-llama-stack-|x-request-id)/.test(name))
      expect(added).toEqual(expect.arrayContaining(['x-llama-stack-model', 'x-llama-stack-provider', 'x-request-id']))
      const exposed = reply.headers.get('access-control-expose-headers')?.split(', ')
      expect(exposed).toEqual(expect.arrayContaining([...added, 'retry-after']))
      const names = ['attempts', 'cache', 'notice', 'demo', 'substitute'].map((name) => `x-llama-stack-${name}`)
      expect(exposed).toEqual(expect.arrayContaining(names))
      expect((await fetch(`${url}/v1/health`)).headers.get('access-control-expose-headers')).toBeNull()
    })
  })
})

test('an operation that a provider lacks is refused by name', async () => {
  const config = { providers: [{ api: 'inference', id: 'lexical', type: 'inline::lexical', config: {} }] }
  await withStack({ config }, async ({ call }) => {
    await call('POST /v1/models', { model_id: 'chatty', provider_id: 'lexical', provider_model_id: 'x' })
    const response = await call(chat, { ...ask, model: 'chatty' })
    expect([response.status, await response.json()]).toMatchObject([
      501,
      { error: { code: 'operation_unsupported', param: 'model' } },
    ])
  })
})
