/** Ollama behind the whole stack: its list, its names, its own options, and models that have to be fetched. */
import { describe, expect, test } from 'vitest'
import type { ScriptedRoute } from '../../packages/server/src/testing/scripted-upstream.ts'
import { chatReply, doors, eventsOf, withStack } from './stack-under-test.ts'
import type { UnderTest, UnderTestOptions } from './stack-under-test.ts'

const tags = {
  models: [
    { name: 'llama3.2:latest', capabilities: ['completion', 'tools'], details: { context_length: 131_072 } },
    {
      name: 'my-embedder:latest',
      capabilities: ['embedding'],
      details: { context_length: 512, embedding_length: 384 },
    },
  ],
}

async function withOllama(
  routes: Readonly<Record<string, ScriptedRoute>>,
  scenario: (under: UnderTest) => Promise<void>,
  more: Pick<UnderTestOptions, 'door'> & { readonly settings?: object } = {},
): Promise<void> {
  const all = { 'GET /api/tags': { json: tags }, ...routes }
  const configOf: UnderTestOptions['configOf'] = ({ url }) => ({
    providers: [{ api: 'inference', id: 'ollama', type: 'remote::ollama', config: { url, ...more.settings } }],
  })
  await withStack({ ...(more.door && { door: more.door }), routes: all, configOf }, scenario)
}

const ask = (model: string, more: object = {}) => ({ model, messages: [{ role: 'user', content: 'Hi' }], ...more })

describe.each(doors)('Ollama through the %s', (door) => {
  test('[R038] its models are listed with what they can do', async () => {
    await withOllama(
      {},
      async ({ call }) => {
        const listed = (await (await call('GET /v1/models')).json()) as { data: { id: string; metadata: object }[] }
        expect(listed.data.map(({ id, metadata }) => [id, metadata])).toEqual([
          [
            'ollama/llama3.2:latest',
            {
              context_length: 131_072,
              capabilities: ['completion', 'tools'],
              input_modalities: ['text'],
              tools: true,
              reasoning: false,
            },
          ],
          ['ollama/my-embedder:latest', { context_length: 512, embedding_dimension: 384, capabilities: ['embedding'] }],
        ])
        expect(await (await call('GET /v1/models/ollama/llama3.2')).json()).toMatchObject({
          id: 'ollama/llama3.2:latest',
        })
      },
      { door },
    )
  })

  test.each(['ollama/llama3.2', 'llama3.2', 'ollama/llama3.2:latest', 'auto'])(
    '[R001] %s is llama3.2:latest',
    async (model) => {
      await withOllama(
        { 'POST /v1/chat/completions': { json: chatReply } },
        async ({ call, upstream }) => {
          const reply = await (await call('POST /v1/chat/completions', ask(model))).json()
          expect(reply).toMatchObject({ model })
          expect(upstream.requests.at(-1)?.json()).toMatchObject({ model: 'llama3.2:latest' })
        },
        { door },
      )
    },
  )

  test('[R001] a name without its tag has the type of its model', async () => {
    await withOllama(
      {},
      async ({ call }) => {
        const response = await call('POST /v1/chat/completions', ask('ollama/my-embedder'))
        expect(response.status).toBe(400)
        expect(await response.json()).toMatchObject({ error: { code: 'model_type_mismatch' } })
      },
      { door },
    )
  })

  test('[R001] keep_alive and options reach it, and the stream comes back as OpenAI’s, kept like any other', async () => {
    const lines = [
      { model: 'llama3.2:latest', message: { role: 'assistant', content: 'Hel' }, done: false },
      { model: 'llama3.2:latest', message: { content: 'lo!' }, done: false },
      {
        model: 'llama3.2:latest',
        message: { content: '' },
        done: true,
        done_reason: 'stop',
        prompt_eval_count: 3,
        eval_count: 2,
      },
    ]
    const native: ScriptedRoute = { frames: lines.map((line) => `${JSON.stringify(line)}\n`) }
    const settings = { keep_alive: '1h' }
    await withOllama(
      { 'POST /api/chat': native },
      async ({ call, upstream }) => {
        const body = ask('ollama/llama3.2', { stream: true, options: { num_ctx: 8192 } })
        const events = await eventsOf(await call('POST /v1/chat/completions', body))
        expect(events.at(-1)).toBe('[DONE]')
        const chunks = events.slice(0, -1).map((event) => JSON.parse(event) as { id: string; model: string })
        expect(chunks.map(({ model }) => model)).toEqual(lines.map(() => 'ollama/llama3.2'))
        expect(chunks).toMatchObject([
          { choices: [{ delta: { content: 'Hel' } }] },
          { choices: [{ delta: { content: 'lo!' } }] },
          { choices: [{ finish_reason: 'stop' }] },
        ])
        expect(upstream.requests.at(-1)?.json()).toMatchObject({ keep_alive: '1h', options: { num_ctx: 8192 } })
        const kept = await call(`GET /v1/chat/completions/${chunks[0]?.id}`)
        expect(await kept.json()).toMatchObject({ choices: [{ message: { content: 'Hello!' } }] })
      },
      { door, settings },
    )
  })

  test('[R040] registering resolves names, fetches embedding models and refuses what is not there', async () => {
    const pull: ScriptedRoute = { frames: ['{"status":"pulling manifest"}\n', '{"status":"success"}\n'] }
    await withOllama(
      { 'POST /api/pull': pull },
      async ({ call, upstream }) => {
        const register = (body: object) => call('POST /v1/models', body)
        const alias = await register({ model_id: 'fast', provider_id: 'ollama', provider_model_id: 'llama3.2' })
        expect(await alias.json()).toMatchObject({ identifier: 'fast', provider_resource_id: 'llama3.2:latest' })
        const embedder = { model_id: 'all-minilm', model_type: 'embedding', metadata: { embedding_dimension: 384 } }
        expect(await (await register(embedder)).json()).toMatchObject({ id: 'ollama/all-minilm' })
        expect(upstream.requests.at(-1)).toMatchObject({ path: '/api/pull' })
        const missing = await register({ model_id: 'qwen3:32b' })
        expect(missing.status).toBe(400)
        expect(await missing.text()).toContain('llama models pull qwen3:32b')
      },
      { door },
    )
  })
})

test('an Ollama that is not there is a warning and no reason not to start', async () => {
  const settings = { url: 'http://127.0.0.1:9' }
  await withOllama(
    {},
    async ({ call }) => {
      expect(await (await call('GET /v1/models')).json()).toMatchObject({ data: [] })
      const health = (await (await call('GET /v1/providers/ollama')).json()) as { health: { status: string } }
      expect(health.health.status).toBe('Error')
    },
    { settings },
  )
})
