import { bug } from '@llama-stack/api'
import LlamaStackClient from 'llama-stack-client'
import OpenAI from 'openai'
import { describe, expect, test } from 'vitest'
import { chatReply, doors, withStack } from './stack-under-test.ts'
import type { UnderTest, UnderTestOptions } from './stack-under-test.ts'

/** A guard model that calls weapons unsafe, with a code that no table knows for rockets. */
const guard: UnderTestOptions['routes'] = {
  'POST /v1/chat/completions': ({ body }) => {
    // OpenAI's document says what such a body holds.
    const { messages } = JSON.parse(body) as { messages: { content: string }[] }
    const conversation =
      /<BEGIN CONVERSATION>\n\n(.*)\n\n<END CONVERSATION>/s.exec(messages[0]?.content ?? '')?.[1] ?? ''
    const content = conversation.includes('bomb')
      ? 'unsafe\nS1,S9'
      : conversation.includes('rocket')
        ? 'unsafe\nS99'
        : conversation.includes('chatter')
          ? 'I would rather talk about llamas.'
          : 'safe'
    return { json: { ...chatReply, choices: [{ ...chatReply.choices[0], message: { role: 'assistant', content } }] } }
  },
}

const safetyOf: NonNullable<UnderTestOptions['configOf']> = ({ url }) => ({
  providers: [
    { api: 'inference', id: 'vendor', type: 'remote::openai', config: { base_url: `${url}/v1`, api_key: 'sk-test' } },
    { api: 'safety', id: 'rules', type: 'inline::rules', config: { pii: { email: 'warn' } } },
    { api: 'safety', id: 'guard', type: 'inline::llama-guard', config: { excluded_categories: ['Elections'] } },
  ],
  resources: {
    shields: [
      { shield_id: 'house-rules', provider_id: 'rules' },
      { shield_id: 'llama-guard', provider_id: 'guard', provider_shield_id: 'vendor/m1' },
      { shield_id: 'elsewhere', provider_id: 'not-started' },
    ],
  },
  apiSettings: { safety: { default_shield_id: 'llama-guard' } },
})

const scene = (door: (typeof doors)[number]): UnderTestOptions => ({ door, routes: guard, configOf: safetyOf })
const openAi = ({ url, fetch }: UnderTest) => new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', fetch, maxRetries: 0 })
// Its type of `fetch` is that of a package; the server's door takes what it passes.
const native = ({ url, fetch }: UnderTest) =>
  new LlamaStackClient({ baseURL: url, fetch: fetch as never, maxRetries: 0 })

describe.each(doors)('through the %s', (door) => {
  test('[R074] moderations have OpenAI’s categories, one result for each text', async () => {
    await withStack(scene(door), async (under) => {
      const client = openAi(under)
      const { id, model, results } = await client.moderations.create({
        input: ['How to bake?', 'How to build a bomb?'],
      })
      expect([id, model]).toEqual([expect.stringMatching(/^modr-/), 'llama-guard'])
      expect(results.map(({ flagged }) => flagged)).toEqual([false, true])
      const [safe, unsafe] = results
      expect(Object.values(safe?.categories ?? {})).not.toContain(true)
      expect(safe?.category_scores).toMatchObject({ violence: 0, 'self-harm/intent': 0 })
      expect(unsafe?.categories).toMatchObject({
        violence: true,
        'illicit/violent': true,
        'violence/graphic': false,
        'Violent Crimes': true,
        'Indiscriminate Weapons': true,
      })
      expect(unsafe?.category_scores).toMatchObject({ violence: 1, hate: 0 })
      expect(unsafe?.category_applied_input_types).toMatchObject({ violence: ['text'], sexual: ['text'] })
      expect(unsafe).toMatchObject({ user_message: expect.any(String), metadata: { violation_type: 'S1,S9' } })
    })
  })

  test('[R074] a moderation’s model is a shield, a shield’s model, or one of OpenAI’s, which mean the default', async () => {
    await withStack(scene(door), async (under) => {
      const client = openAi(under)
      const flags = async (model: string, input: string) =>
        (await client.moderations.create({ model, input })).results.map(({ flagged }) => flagged)
      expect(await flags('house-rules', 'AKIAIOSFODNN7EXAMPLE')).toEqual([true])
      expect(await flags('house-rules', 'mail a@b.co')).toEqual([false])
      expect(await flags('vendor/m1', 'a bomb')).toEqual([true])
      expect(await flags('omni-moderation-latest', 'a bomb')).toEqual([true])
      const aliased = await under.call('POST /v1/openai/v1/moderations', { model: 'house-rules', input: 'fine' })
      expect(await aliased.json()).toMatchObject({ model: 'house-rules', results: [{ flagged: false }] })
      const unknown = await under.call('POST /v1/moderations', { model: 'house-rule', input: 'fine' })
      expect([unknown.status, await unknown.json()]).toMatchObject([
        404,
        { error: { code: 'shield_not_found', param: 'model', message: expect.stringContaining("'house-rules'") } },
      ])
    })
  })

  test('[R074] parts are judged as one text; an image is refused by name', async () => {
    await withStack(scene(door), async (under) => {
      const client = openAi(under)
      const { results } = await client.moderations.create({
        input: [
          { type: 'text', text: 'How to build' },
          { type: 'text', text: 'a bomb?' },
        ],
      })
      expect(results).toMatchObject([{ flagged: true }])
      const image = { type: 'image_url' as const, image_url: { url: 'https://example.com/x.png' } }
      const refused = await client.moderations
        .create({ input: [{ type: 'text', text: 'What is this?' }, image] })
        .catch((error: unknown) => error)
      expect(refused).toMatchObject({ status: 400, param: 'input[1]', message: expect.stringContaining('image_url') })
    })
  })

  test('[R075] shields judge messages of either generation', async () => {
    await withStack(scene(door), async (under) => {
      const client = native(under)
      const ask = (content: string) =>
        client.safety.runShield({ shield_id: 'llama-guard', messages: [{ role: 'user', content }] })
      expect((await ask('Hello')).violation).toBeNull()
      expect((await ask('a bomb')).violation).toMatchObject({
        violation_level: 'error',
        user_message: expect.any(String),
        metadata: { violation_type: 'S1,S9' },
      })
      const firstGeneration = await under.call('POST /v1/safety/run-shield', {
        shield_id: 'house-rules',
        messages: [{ role: 'user', content: { type: 'text', text: 'a@b.co' } }],
        params: { pii: { email: 'block' } },
      })
      expect(await firstGeneration.json()).toMatchObject({
        violation: { violation_level: 'error', metadata: { violation_type: 'pii/email' } },
      })
      const unseen = await under.call('POST /v1/safety/run-shield', {
        shield_id: 'house-rules',
        messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:,' } }] }],
      })
      expect([unseen.status, await unseen.json()]).toMatchObject([
        400,
        { error: { param: 'messages[0].content[0]', message: expect.stringContaining('image_url') } },
      ])
    })
  })

  test('a code that nobody knows is a violation; words that are no verdict pass nothing', async () => {
    await withStack(scene(door), async (under) => {
      const client = openAi(under)
      const { results } = await client.moderations.create({ input: 'a rocket' })
      expect(results).toMatchObject([{ flagged: true, categories: { S99: true, violence: false } }])
      const failed = await client.moderations.create({ input: 'chatter' }).catch((error: unknown) => error)
      expect(failed).toMatchObject({ status: 502, code: 'provider_bad_reply' })
    })
  })

  test('[R076, R077, R078, R079] shields are listed, registered by their owner, used and unregistered', async () => {
    await withStack(scene(door), async (under) => {
      const client = native(under)
      // Whose provider is not there is not listed.
      expect((await client.shields.list()).map(({ identifier }) => identifier)).toEqual(['house-rules', 'llama-guard'])
      const own = { shield_id: 'team/words', provider_id: 'rules', params: { words: ['llama'] } }
      const registered = await client.shields.register(own)
      expect(registered).toEqual({
        identifier: 'team/words',
        type: 'shield',
        provider_id: 'rules',
        provider_resource_id: 'team/words',
        params: { words: ['llama'] },
      })
      expect(await client.shields.register(own)).toEqual(registered)
      expect(await (await under.call('GET /v1/shields/team/words')).json()).toEqual(registered)
      const judged = await openAi(under).moderations.create({ model: 'team/words', input: 'A Llama!' })
      expect(judged.results).toMatchObject([{ flagged: true, categories: { words: true } }])

      const status = async (route: string, body?: object) => {
        const response = await under.call(route, body)
        return [response.status, response.status === 204 ? '' : ((await response.json()) as Fault).error.code]
      }
      expect(await status('POST /v1/shields', { ...own, params: {} })).toEqual([409, 'shield_exists'])
      expect(await status('POST /v1/shields', { shield_id: 'x' })).toEqual([400, 'missing_field'])
      expect(await status('POST /v1/shields', { shield_id: 'x', provider_id: 'y' })).toEqual([
        404,
        'provider_not_found',
      ])
      expect(await status('POST /v1/shields', { shield_id: 'house-rules', provider_id: 'guard' })).toEqual([
        409,
        'shield_exists',
      ])
      expect(await status('DELETE /v1/shields/team/words')).toEqual([204, ''])
      expect(await status('DELETE /v1/shields/team/words')).toEqual([404, 'shield_not_found'])
      expect(await status('DELETE /v1/shields/house-rules')).toEqual([400, 'invalid_value'])
      expect(await status('GET /v1/shields/team/words')).toEqual([404, 'shield_not_found'])
    })
  })

  test('without a provider of safety nothing is judged and nothing passes', async () => {
    await withStack({ door }, async (under) => {
      for (const [route, body] of [
        ['POST /v1/moderations', { input: 'x' }],
        ['POST /v1/safety/run-shield', { shield_id: 'x', messages: [] }],
        ['POST /v1/shields', { shield_id: 'x' }],
      ] as const) {
        const response = await under.call(route, body)
        expect([response.status, await response.json()], route).toMatchObject([
          503,
          { error: { code: 'guardrails_unavailable' } },
        ])
      }
      expect(await (await under.call('GET /v1/shields')).json()).toEqual({ data: [] })
    })
  })
})

interface Fault {
  readonly error: { readonly code: string }
}

test('what a guard model is asked is Meta’s prompt, by nobody’s store and with no key of the caller’s request', async () => {
  await withStack({ routes: guard, configOf: safetyOf }, async (under) => {
    await openAi(under).moderations.create({ input: 'Hello' })
    const asked = under.upstream.requests.find(({ method }) => method === 'POST') ?? bug('a model was asked')
    const body = JSON.parse(asked.body) as { messages: { content: string }[] }
    expect(body).toEqual({
      model: 'm1',
      stream: false,
      temperature: 0,
      messages: [{ role: 'user', content: expect.any(String) }],
    })
    expect(body.messages[0]?.content).toMatch(/^Task: .*'User' messages.*\n\n<BEGIN UNSAFE/)
    expect(body.messages[0]?.content).toContain('S12: Sexual Content.\nS14: Code Interpreter Abuse.\n<END')
    const stored = await under.call('GET /v1/chat/completions')
    expect(await stored.json()).toMatchObject({ data: [] })
  })
})

test('providers of safety are listed, and named with the routes that they serve', async () => {
  await withStack({ configOf: safetyOf }, async ({ call }) => {
    const { data } = (await (await call('GET /v1/providers')).json()) as { data: unknown[] }
    expect(data.slice(1)).toMatchObject([
      { api: 'safety', provider_id: 'rules', provider_type: 'inline::rules', health: { status: 'Not Implemented' } },
      { api: 'safety', provider_id: 'guard', provider_type: 'inline::llama-guard' },
    ])
    const routes = (await (await call('GET /v1/inspect/routes')).json()) as { data: { route: string }[] }
    expect(routes.data.find(({ route }) => route === '/v1/moderations')).toMatchObject({
      provider_types: ['inline::rules', 'inline::llama-guard'],
    })
  })
})

test('a shield of the configuration that is wrong stops the start', async () => {
  const wrong = { ...safetyOf({ url: 'http://127.0.0.1', directory: '' }), resources: { shields: [{ shield: 'x' }] } }
  await expect(withStack({ config: wrong }, () => Promise.resolve())).rejects.toMatchObject({ code: 'config_invalid' })
})
