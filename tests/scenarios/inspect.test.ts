import { describe, expect, test } from 'vitest'
import { VERSION } from '../../packages/server/src/kernel/version.ts'
import { chatChunks, chatReply, doors, eventsOf, withStack } from './stack-under-test.ts'

describe.each(doors)('inspection through the %s', (door) => {
  test('[R142, R143, R147, R148] tells health and version, for everybody and under admin', async () => {
    await withStack({ door }, async ({ call }) => {
      for (const base of ['/v1', '/v1alpha/admin']) {
        expect(await (await call(`GET ${base}/health`)).json()).toEqual({ status: 'OK' })
        expect(await (await call(`GET ${base}/version`)).json()).toEqual({ version: VERSION })
      }
    })
  })

  test('[R144, R149] lists the routes with their providers', async () => {
    await withStack({ door }, async ({ call }) => {
      for (const path of ['/v1/inspect/routes', '/v1alpha/admin/inspect/routes']) {
        const { data } = (await (await call(`GET ${path}`)).json()) as { data: readonly object[] }
        expect(data).toContainEqual({
          route: '/v1/chat/completions',
          method: 'POST',
          provider_types: ['remote::openai'],
        })
        expect(data).toContainEqual({
          route: '/v1/openai/v1/chat/completions',
          method: 'POST',
          provider_types: ['remote::openai'],
        })
        expect(data).toContainEqual({ route: '/v1/models/{model_id}', method: 'GET', provider_types: [] })
      }
      const alpha = (await (await call('GET /v1/inspect/routes?api_filter=v1alpha')).json()) as {
        data: readonly { route: string }[]
      }
      expect(alpha.data.every(({ route }) => route.startsWith('/v1alpha') || route === '/v1/inference/rerank')).toBe(
        true,
      )
    })
  })

  test('[R145, R146, R150, R151] shows the providers without their secrets', async () => {
    await withStack({ door }, async ({ call, upstream }) => {
      for (const base of ['/v1', '/v1alpha/admin']) {
        const { data } = (await (await call(`GET ${base}/providers`)).json()) as { data: readonly object[] }
        const shown = {
          api: 'inference',
          provider_id: 'vendor',
          provider_type: 'remote::openai',
          config: { base_url: `${upstream.url}/v1`, api_key: '********' },
          health: { status: 'OK' },
        }
        expect(data).toMatchObject([shown])
        expect(await (await call(`GET ${base}/providers/vendor`)).json()).toMatchObject(shown)
        const missing = await call(`GET ${base}/providers/nobody`)
        expect(missing.status).toBe(404)
        expect(await missing.json()).toMatchObject({ error: { code: 'provider_not_found', param: 'provider_id' } })
      }
    })
  })

  test('[B010] answers what it cannot serve with 404, 405, 400, 413 and 415', async () => {
    await withStack({ door, config: { server: { maxBodyBytes: 1000 } } }, async ({ call }) => {
      const unknown = await call('GET /v1/modls')
      expect([unknown.status, await unknown.json()]).toMatchObject([404, { error: { code: 'route_not_found' } }])
      const method = await call('DELETE /v1/embeddings')
      expect([method.status, await method.json()]).toMatchObject([405, { error: { code: 'method_not_allowed' } }])
      expect(method.headers.get('allow')).toContain('POST')
      const json = await call('POST /v1/chat/completions', '{"model":')
      expect([json.status, await json.json()]).toMatchObject([400, { error: { code: 'invalid_json' } }])
      const large = await call('POST /v1/chat/completions', { model: 'x'.repeat(2000), messages: [] })
      expect([large.status, await large.json()]).toMatchObject([413, { error: { code: 'body_too_large' } }])
      const media = await call('POST /v1/chat/completions', 'a=b', { 'content-type': 'text/plain' })
      expect([media.status, await media.json()]).toMatchObject([415, { error: { code: 'unsupported_media_type' } }])
    })
  })

  test('[B015] serves the OpenAPI document', async () => {
    await withStack({ door }, async ({ call }) => {
      const document = (await (await call('GET /openapi.json')).json()) as {
        openapi: string
        paths: Record<string, object>
      }
      expect(document.openapi).toMatch(/^3\.1/)
      expect(document.paths['/v1/chat/completions']).toHaveProperty('post')
      expect(document.paths['/v1/models/{model_id}']).toHaveProperty('get')
    })
  })
})

describe('the request log [B027]', () => {
  test('says who asked what, who served it, and what it took', async () => {
    const chat = 'POST /v1/chat/completions'
    const usage = {
      ...chatChunks([])[0],
      choices: [],
      usage: { prompt_tokens: 4, completion_tokens: 3, total_tokens: 7 },
    }
    const routes = {
      [chat]: ({ body }: { body: string }) =>
        body.includes('"stream":true') ? { events: [...chatChunks(['a']), usage] } : { json: chatReply },
    }
    await withStack({ routes }, async ({ call, stack }) => {
      const ask = { model: 'vendor/m1', messages: [{ role: 'user', content: 'Hi' }] }
      await (await call(chat, ask, { 'user-agent': 'a-test' })).text()
      await eventsOf(await call(chat, { ...ask, stream: true }))
      await (await call(chat, { ...ask, model: 'nobody' })).text()
      await new Promise((resolve) => setTimeout(resolve, 20))
      const { rows } = await stack.requestLog({ id: 'local' }).list({ limit: 10, order: 'asc' })
      expect(rows).toMatchObject([
        {
          operation: 'createChatCompletion',
          route: '/v1/chat/completions',
          method: 'POST',
          status: 200,
          errorCode: null,
          model: 'vendor/m1',
          providerId: 'vendor',
          providerModel: 'm1',
          streamed: false,
          demo: false,
          client: 'a-test',
          inputTokens: 5,
          outputTokens: 2,
          totalTokens: 7,
          attempts: [{ providerId: 'vendor', model: 'm1', errorCode: null }],
        },
        { streamed: true, status: 200, inputTokens: 4, outputTokens: 3, totalTokens: 7 },
        { status: 404, errorCode: 'model_not_found', model: 'nobody', providerId: null },
      ])
      for (const { durationMs } of rows) expect(durationMs).toBeGreaterThan(0)
      expect((await stack.requestLog({ id: 'somebody-else' }).list({ limit: 10, order: 'asc' })).rows).toEqual([])
    })
  })

  const demo = {
    api: 'inference',
    id: 'demo',
    type: 'inline::demo',
    config: { first_token_ms: 0, token_interval_ms: 0 },
  }
  const hello = { messages: [{ role: 'user', content: 'Hello' }] }
  const gemini =
    'POST /v1/projects/acme/locations/global/publishers/google/models/gemini-2.5-flash:streamGenerateContent'
  const said = {
    candidates: [{ content: { role: 'model', parts: [{ text: 'Hi.' }] }, finishReason: 'STOP' }],
    usageMetadata: { promptTokenCount: 4, candidatesTokenCount: 3, totalTokenCount: 7 },
  }

  const scripted = { model: 'demo/scripted' }
  const native = { model: 'vertex/gemini-2.5-flash' }

  test.each([
    { from: 'demo', path: '/v1/chat/completions', ask: { ...scripted, ...hello }, counts: { outputTokens: 30 } },
    { from: 'demo', path: '/v1/completions', ask: { ...scripted, prompt: 'Hello' }, counts: { outputTokens: 30 } },
    {
      from: 'vertex',
      path: '/v1/chat/completions',
      ask: { ...native, ...hello },
      counts: { inputTokens: 4, outputTokens: 3, totalTokens: 7 },
    },
  ])(
    'knows the tokens of a stream of $from at $path, and the client only where it asked',
    async ({ from, path, ask, counts }) => {
      const configOf = ({ url }: { url: string }) => {
        const config = { base_url: url, project: 'acme', access_token: 'given', skip_model_availability: true }
        return { providers: [demo, { api: 'inference', id: 'vertex', type: 'remote::vertexai', config }] }
      }
      await withStack({ configOf, routes: { [gemini]: { events: [said], done: false } } }, async ({ call, stack }) => {
        const plain = await eventsOf(await call(`POST ${path}`, { ...ask, stream: true }))
        expect(plain.join('')).not.toContain('usage')
        const asking = { ...ask, stream: true, stream_options: { include_usage: true } }
        const counted = await eventsOf(await call(`POST ${path}`, asking))
        expect(counted).toHaveLength(plain.length + 1)
        expect(JSON.parse(counted.at(-2) ?? '')).toMatchObject({
          choices: [],
          usage: { total_tokens: expect.any(Number) },
        })
        const log = stack.requestLog({ id: 'local' })
        await expect
          .poll(async () => (await log.list({ limit: 2, order: 'asc' })).rows)
          .toMatchObject([
            { providerId: from, ...counts },
            { providerId: from, ...counts },
          ])
      })
    },
  )
})
