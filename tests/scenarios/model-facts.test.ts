import { defineProvider } from '@llama-stack/api'
import type { ProviderModel } from '@llama-stack/api'
import * as z from 'zod'
import { describe, expect, test } from 'vitest'
import { chatReply, doors, withStack } from './stack-under-test.ts'
import type { UnderTest } from './stack-under-test.ts'

const chat = 'POST /v1/chat/completions'

interface Shown {
  readonly custom_metadata: Readonly<Record<string, unknown>>
  readonly metadata: Readonly<Record<string, unknown>>
}

const show = async (call: UnderTest['call'], id: string): Promise<Shown> =>
  (await (await call(`GET /v1/models/${id}`)).json()) as Shown

/** A vendor whose models are published, at its own address. */
const published = (models: readonly ProviderModel[]) =>
  defineProvider({
    api: 'inference',
    type: 'test::published',
    description: 'Serves models that everybody knows.',
    config: z.strictObject({}),
    create: () => ({ catalog: 'openai', models: () => Promise.resolve(models) }),
  })

const listed = (id: string, metadata: ProviderModel['metadata'] = {}): ProviderModel => ({ id, type: 'llm', metadata })

describe.each(doors)('what is known of a model through the %s [B046]', (door) => {
  test('comes from what its owner says, then its provider, then the table; and says so', async () => {
    const own = { api: 'inference', id: 'known', type: 'test::published', config: {} }
    const models = [
      {
        model_id: 'mine',
        provider_id: 'known',
        provider_model_id: 'gpt-4o',
        metadata: { tools: false, note: 'ours', reasoning: 'much' },
      },
    ]
    const more = {
      providers: [published([listed('gpt-4o', { context_length: 64_000, tools: true }), listed('gpt-4o-mini')])],
    }
    await withStack({ door, config: { providers: [own], models }, more }, async ({ call }) => {
      const fromTable = { from: 'table', as_of: '2026-07-02' }
      const mine = await show(call, 'mine')
      expect(mine.custom_metadata).toMatchObject({
        note: 'ours',
        tools: false,
        context_length: 64_000,
        max_output_tokens: 16_384,
        // Another form than that of a fact is not one.
        reasoning: false,
        price: { currency: 'USD', input: 2_500_000, cached_input: 1_250_000, output: 10_000_000 },
        fact_sources: {
          tools: { from: 'configuration' },
          context_length: { from: 'provider' },
          max_output_tokens: fromTable,
          price: fromTable,
          reasoning: fromTable,
        },
      })
      expect(mine.metadata).toEqual({ tools: false, note: 'ours', reasoning: 'much' })
      expect((await show(call, 'known/gpt-4o')).custom_metadata).toMatchObject({
        tools: true,
        fact_sources: { tools: { from: 'provider' } },
      })
      const { data } = (await (await call('GET /v1/models')).json()) as { data: readonly Shown[] }
      expect(data.map(({ custom_metadata: { context_length: length } }) => length)).toEqual([64_000, 64_000, 128_000])
    })
  })

  test('is what the lists of vendors tell', async () => {
    const row = {
      id: 'maker/model',
      context_length: 131_072,
      architecture: { input_modalities: ['text', 'file'], output_modalities: ['text'] },
      top_provider: { max_completion_tokens: 8192 },
      supported_parameters: ['tools', 'structured_outputs'],
      pricing: { prompt: '0.00000005', completion: '0.0000001', input_cache_read: '0.00000001' },
    }
    const configOf = ({ url }: { readonly url: string }) => ({
      providers: [
        {
          api: 'inference',
          id: 'router',
          type: 'remote::openrouter',
          config: { base_url: `${url}/api/v1`, api_key: 'x' },
        },
      ],
    })
    const routes = { 'GET /api/v1/models': { json: { data: [row] } } }
    await withStack({ door, configOf, routes }, async ({ call }) => {
      const { custom_metadata: known } = await show(call, 'router/maker/model')
      expect(known).toMatchObject({
        context_length: 131_072,
        max_output_tokens: 8192,
        input_modalities: ['text', 'pdf'],
        output_modalities: ['text'],
        tools: true,
        structured_output: true,
        reasoning: false,
        price: { currency: 'USD', input: 50_000, cached_input: 10_000, output: 100_000 },
      })
      const sources = Object.values(known['fact_sources'] as Record<string, object>)
      expect(sources).toEqual(Array.from({ length: 8 }, () => ({ from: 'provider' })))
    })
  })

  test('is not what was published of a name, where the address is the operator’s own', async () => {
    const routes = { 'GET /v1/models': { json: { data: [{ id: 'gpt-4' }] } } }
    await withStack({ door, routes }, async ({ call }) => {
      expect((await show(call, 'vendor/gpt-4')).custom_metadata).not.toHaveProperty('context_length')
    })
  })
})

/** A vendor whose model calls tools if it is not made to, follows schemas, and sees nothing. */
const capable = ({ body }: { readonly body: string }) => {
  const asked = JSON.parse(body) as { tools?: object; tool_choice?: string; response_format?: object }
  const say = (message: object) => ({
    json: { ...chatReply, choices: [{ index: 0, message: { role: 'assistant', ...message }, finish_reason: 'stop' }] },
  })
  if (asked.tool_choice !== undefined)
    return { status: 400, json: { error: { message: 'tool_choice is not supported' } } }
  const call = { id: 'c1', type: 'function', function: { name: 'get_temperature', arguments: '{"city":"Oslo"}' } }
  if (asked.tools !== undefined) return say({ content: null, tool_calls: [call] })
  if (asked.response_format !== undefined) return say({ content: '{"words":"Good morning","code":4711}' })
  if (body.includes('image_url')) return say({ content: 'Probably red and green.' })
  return say({ content: 'yes', reasoning_content: 'They want a yes.' })
}

describe.each(doors)('trying a model out through the %s [B047]', (door) => {
  test('finds what it can do, and remembers it over a restart', async () => {
    await withStack({ door, routes: { [chat]: capable } }, async ({ call, directory, upstream, stack }) => {
      const probed = await call('POST /v1alpha/admin/models/vendor/m1/probe')
      expect(probed.status).toBe(200)
      expect(await probed.json()).toMatchObject({
        model: { id: 'vendor/m1', custom_metadata: { tools: true } },
        probes: {
          tools: { supported: true, evidence: expect.stringContaining('get_temperature') as string },
          structured_output: { supported: true },
          vision: { supported: false, evidence: 'Probably red and green.' },
          reasoning: { supported: true },
        },
      })
      const known = (await show(call, 'vendor/m1')).custom_metadata
      const today = { from: 'probe', as_of: new Date().toISOString().slice(0, 10) }
      expect(known).toMatchObject({
        tools: true,
        structured_output: true,
        input_modalities: ['text'],
        reasoning: true,
        fact_sources: { tools: today, structured_output: today, input_modalities: today, reasoning: today },
      })
      expect(upstream.requests.filter(({ method }) => method === 'POST')).toHaveLength(5)
      await stack.close()
      await withStack({ directory }, async ({ call: later }) => {
        expect((await show(later, 'vendor/m1')).custom_metadata).toMatchObject({ tools: true, reasoning: true })
      })
    })
  })

  test('says no where the vendor refuses, and learns nothing where it fails', async () => {
    let isDown = false
    const routes = {
      [chat]: ({ body }: { body: string }) => {
        if (isDown) return { status: 401, json: { error: { message: 'bad key' } } }
        if (/"tools"|response_format|image_url/.test(body))
          return { status: 400, json: { error: { message: 'text only' } } }
        return { json: chatReply }
      },
    }
    const config = { reliability: { retries: 0 } }
    await withStack({ door, routes, config }, async ({ call }) => {
      const { probes } = (await (await call('POST /v1alpha/admin/models/vendor/m1/probe')).json()) as { probes: object }
      const no = { supported: false, evidence: 'text only' }
      expect(probes).toEqual({ tools: no, structured_output: no, vision: no })
      isDown = true
      const failed = await call('POST /v1alpha/admin/models/vendor/m1/probe')
      expect([failed.status, await failed.json()]).toMatchObject([401, { error: { code: 'provider_authentication' } }])
      expect((await show(call, 'vendor/m1')).custom_metadata).toMatchObject({ tools: false, structured_output: false })
    })
  })

  test('is for chat models that there are', async () => {
    await withStack({ door }, async ({ call }) => {
      const embedding = await call('POST /v1alpha/admin/models/vendor/text-embedding-3-small/probe')
      expect([embedding.status, await embedding.json()]).toMatchObject([
        400,
        { error: { code: 'model_type_mismatch' } },
      ])
      expect((await call('POST /v1alpha/admin/models/vendor/nothing/probe')).status).toBe(404)
    })
  })
})
