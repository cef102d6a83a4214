import { describe, expect, test } from 'vitest'
import { chatReply, doors, withStack } from './stack-under-test.ts'

const ask = { model: 'vendor/m1', messages: [{ role: 'user', content: 'Hi' }] }
const chat = 'POST /v1/chat/completions'

interface Listed {
  readonly data: readonly { readonly id: string }[]
}

describe.each(doors)('models through the %s', (door) => {
  test('[R038, R039] are listed for both generations and fetched by ids with slashes', async () => {
    await withStack({ door }, async ({ call }) => {
      for (const path of ['/v1/models', '/v1/openai/v1/models']) {
        const { data } = (await (await call(`GET ${path}`)).json()) as Listed
        expect(data.map(({ id }) => id)).toEqual(['vendor/m1', 'vendor/text-embedding-3-small'])
      }
      const model = await (await call('GET /v1/models/vendor/text-embedding-3-small')).json()
      expect(model).toMatchObject({
        id: 'vendor/text-embedding-3-small',
        object: 'model',
        custom_metadata: { model_type: 'embedding', provider_id: 'vendor', embedding_dimension: 1536 },
        identifier: 'vendor/text-embedding-3-small',
        provider_resource_id: 'text-embedding-3-small',
        model_type: 'embedding',
      })
      const missing = await call('GET /v1/models/vendor/text-embeding-3-small')
      expect(missing.status).toBe(404)
      expect(await missing.json()).toMatchObject({
        error: {
          code: 'model_not_found',
          message: expect.stringContaining("Did you mean 'vendor/text-embedding-3-small'?") as string,
        },
      })
    })
  })

  test('[R040, R041] are registered as aliases, used, kept over a restart and unregistered', async () => {
    await withStack({ door, routes: { [chat]: { json: chatReply } } }, async ({ call, upstream }) => {
      const alias = { model_id: 'best', provider_id: 'vendor', provider_model_id: 'm9' }
      const registered = await call('POST /v1/models', alias)
      expect(registered.status).toBe(200)
      expect(await registered.json()).toMatchObject({ identifier: 'best', provider_resource_id: 'm9' })
      expect((await call('POST /v1/models', alias)).status).toBe(200)
      const clash = await call('POST /v1/models', { ...alias, provider_model_id: 'm8' })
      expect(clash.status).toBe(409)
      expect(await clash.json()).toMatchObject({ error: { code: 'model_exists', param: 'model_id' } })
      await call(chat, { ...ask, model: 'best' })
      expect(upstream.requests.at(-1)?.json()).toMatchObject({ model: 'm9' })
      expect(await (await call('DELETE /v1/models/best')).json()).toEqual({
        id: 'best',
        object: 'model',
        deleted: true,
      })
      expect((await call('DELETE /v1/models/best')).status).toBe(404)
    })
  })

  test.each([
    [{ model_id: 'e', provider_id: 'vendor', model_type: 'embedding' }, 'metadata.embedding_dimension'],
    [{ model_id: 'e', provider_id: 'nobody' }, 'provider_id'],
    [{ provider_id: 'vendor' }, 'model_id'],
  ])('are not registered when something is missing: %j', async (body, param) => {
    await withStack({ door }, async ({ call }) => {
      const response = await call('POST /v1/models', body)
      expect(response.status).toBeGreaterThanOrEqual(400)
      expect(await response.json()).toMatchObject({ error: { param } })
    })
  })
})

test('names of the configuration are listed as models that can be called, and say what they stand for', async () => {
  const aliases = {
    fast: 'm1',
    chat: { strategy: 'order' as const, targets: ['vendor/gone', 'm1'].map((model) => ({ model, weight: 1 })) },
    vectors: 'text-embedding-3-small',
    'vendor/m1': 'vendor/text-embedding-3-small',
    nobody: 'elsewhere/m1',
  }
  const embedding = { object: 'embedding', index: 0, embedding: [1] }
  const usage = { prompt_tokens: 1, total_tokens: 1 }
  const vectors = { json: { object: 'list', data: [embedding], model: 'text-embedding-3-small', usage } }
  const routes = { [chat]: { json: chatReply }, 'POST /v1/embeddings': vectors }
  await withStack({ routes, config: { aliases } }, async ({ call }) => {
    type Row = { id: string; model_type: string; custom_metadata: { alias_of?: string[] } }
    const { data } = (await (await call('GET /v1/models')).json()) as { data: readonly Row[] }
    expect(data.map(({ id, model_type: type, custom_metadata: { alias_of: of } }) => [id, type, of])).toEqual([
      ['vendor/m1', 'embedding', ['vendor/text-embedding-3-small']],
      ['vendor/text-embedding-3-small', 'embedding', undefined],
      ['fast', 'llm', ['m1']],
      ['chat', 'llm', ['vendor/gone', 'm1']],
      ['vectors', 'embedding', ['text-embedding-3-small']],
    ])
    for (const row of data) {
      const { id, model_type: type } = row
      expect(await (await call(`GET /v1/models/${id}`)).json()).toEqual(row)
      const asked =
        type === 'llm' ? call(chat, { ...ask, model: id }) : call('POST /v1/embeddings', { model: id, input: 'a' })
      expect((await asked).status).toBe(200)
    }
    expect((await call('GET /v1/models/nobody')).status).toBe(404)
  })
})

describe('routing', () => {
  test.each(['m1', 'vendor/m1', 'vendor/never-listed', 'auto', 'alias', 'stand-in'])(
    'finds a provider for %s',
    async (model) => {
      const config = {
        aliases: { alias: 'vendor/m1' },
        models: [{ model_id: 'stand-in', provider_id: 'all', provider_model_id: 'auto' }],
      }
      await withStack({ routes: { [chat]: { json: chatReply } }, config }, async ({ call, upstream }) => {
        const response = await call(chat, { ...ask, model })
        expect(response.status).toBe(200)
        expect(await response.json()).toMatchObject({ model })
        const expected = model === 'vendor/never-listed' ? 'never-listed' : 'm1'
        expect(upstream.requests.at(-1)?.json()).toMatchObject({ model: expected })
      })
    },
  )

  test('says which models are meant when two providers have the same', async () => {
    await withStack({}, async ({ upstream }) => {
      const provider = (id: string) => ({
        api: 'inference',
        id,
        type: 'remote::openai',
        config: { base_url: `${upstream.url}/v1`, api_key: 'x' },
      })
      await withStack({ config: { providers: [provider('one'), provider('two')] } }, async ({ call }) => {
        const response = await call(chat, { ...ask, model: 'm1' })
        expect(response.status).toBe(400)
        expect(await response.json()).toMatchObject({
          error: { code: 'model_ambiguous', message: expect.stringContaining('one/m1, two/m1') as string },
        })
      })
    })
  })

  test('[B025] serves before a slow listing is there, and keeps the old list while a new one fails', async () => {
    let listings = 0
    const routes = {
      [chat]: { json: chatReply },
      'GET /v1/models': () => {
        listings += 1
        return listings === 1
          ? { json: { object: 'list', data: [{ id: 'm1', object: 'model' }] }, delayMs: 300 }
          : { status: 500, json: { error: { message: 'down' } } }
      },
    }
    await withStack({ routes }, async ({ call, stack }) => {
      expect((await call(chat, { ...ask, model: 'm1' })).status).toBe(200)
      await stack.refreshModels()
      await stack.refreshModels()
      const { data } = (await (await call('GET /v1/models')).json()) as Listed
      expect(data.map(({ id }) => id)).toEqual(['vendor/m1'])
    })
  })

  test('[B026] prefers any real model to a demo model, and labels the demo', async () => {
    const demo = { api: 'inference', id: 'demo', type: 'inline::demo', config: {} }
    await withStack({ config: { providers: [demo] } }, async ({ call }) => {
      const response = await call(chat, { ...ask, model: 'auto' })
      expect(response.headers.get('x-llama-stack-demo')).toBe('1')
      expect(await response.json()).toMatchObject({ model: 'auto', id: expect.stringContaining('demo') as string })
    })
    await withStack({ routes: { [chat]: { json: chatReply } } }, async ({ upstream, call: _call }) => {
      const real = {
        api: 'inference',
        id: 'vendor',
        type: 'remote::openai',
        config: { base_url: `${upstream.url}/v1`, api_key: 'x' },
      }
      await withStack({ config: { providers: [demo, real] } }, async ({ call }) => {
        const response = await call(chat, { ...ask, model: 'auto' })
        expect(response.headers.get('x-llama-stack-demo')).toBeNull()
      })
    })
  })

  test('[B026] names the model that auto stands for, as calls find it', async () => {
    await withStack({ routes: { [chat]: { json: chatReply } } }, async ({ stack, upstream, call }) => {
      expect(await stack.findAuto()).toBe('vendor/m1')
      expect((await call(chat, { ...ask, model: 'auto' })).status).toBe(200)
      expect(upstream.requests.at(-1)?.json()).toMatchObject({ model: 'm1' })
    })
    const demo = { api: 'inference', id: 'demo', type: 'inline::demo', config: {} }
    const off = { api: 'inference', id: 'vendor', type: 'remote::groq', config: {} }
    await withStack({ config: { providers: [off, demo] } }, async ({ stack }) => {
      expect(await stack.findAuto()).toMatch(/^demo\//)
    })
    await withStack({ config: { providers: [off] } }, async ({ stack }) => {
      expect(await stack.findAuto()).toBeUndefined()
    })
  })

  test('says how to send a key when there is none', async () => {
    const config = { providers: [{ api: 'inference', id: 'vendor', type: 'remote::groq', config: {} }] }
    await withStack({ config }, async ({ call }) => {
      const response = await call(chat, ask)
      expect(response.status).toBe(400)
      expect(await response.json()).toMatchObject({
        error: { code: 'provider_key_missing', message: expect.stringContaining('groq_api_key') as string },
      })
    })
  })
})
