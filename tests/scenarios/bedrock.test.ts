import { describe, expect, test } from 'vitest'
import { toExceptionFrame, toJsonEventFrame } from '../../packages/server/src/testing/event-stream-frame.ts'
import type { ScriptedReply, ScriptedRequest } from '../../packages/server/src/testing/scripted-upstream.ts'
import { verifySigV4 } from '../../packages/server/src/testing/verify-sigv4.ts'
import { doors, eventsOf, withStack } from './stack-under-test.ts'
import type { UnderTestOptions } from './stack-under-test.ts'

const MODEL = 'anthropic.claude-3-haiku-20240307-v1:0'
const STREAM = `POST /model/${encodeURIComponent(MODEL)}/converse-stream`
const chats = 'POST /v1/chat/completions'
const ask = { model: `bedrock/${MODEL}`, messages: [{ role: 'user', content: 'Hello' }], stream: true }

const listing = {
  modelSummaries: [
    {
      modelId: MODEL,
      inputModalities: ['TEXT'],
      outputModalities: ['TEXT'],
      inferenceTypesSupported: ['ON_DEMAND'],
      modelLifecycle: { status: 'ACTIVE' },
    },
  ],
}

const begin = [
  toJsonEventFrame('messageStart', { role: 'assistant' }),
  toJsonEventFrame('contentBlockDelta', { contentBlockIndex: 0, delta: { text: 'Hi ☔' } }),
]
const end = [
  toJsonEventFrame('messageStop', { stopReason: 'end_turn' }),
  toJsonEventFrame('metadata', { usage: { inputTokens: 3, outputTokens: 2, totalTokens: 5 } }),
]

function signed(reply: ScriptedReply) {
  return (request: ScriptedRequest): ScriptedReply => {
    const verdict = verifySigV4(request, { AKIASCENE: 'scene secret' })
    return verdict.valid ? reply : { status: 403, json: { message: verdict.problem } }
  }
}

/** A configuration as simple as the first generation's: what is not in it is in the variables. */
function under(options: Pick<UnderTestOptions, 'door' | 'routes'>, env: Readonly<Record<string, string>>) {
  return {
    ...options,
    more: { env: { AWS_EC2_METADATA_DISABLED: 'true', ...env } },
    configOf: ({ url }: { url: string }) => ({
      providers: [
        {
          api: 'inference',
          id: 'bedrock',
          type: 'remote::bedrock',
          config: { base_url: url, control_url: url, region_name: 'us-west-2' },
        },
      ],
    }),
  } satisfies UnderTestOptions
}

const keys = { AWS_ACCESS_KEY_ID: 'AKIASCENE', AWS_SECRET_ACCESS_KEY: 'scene secret' }

const routes = (frames: readonly Uint8Array[]) => ({
  'GET /foundation-models': signed({ json: listing }),
  'GET /inference-profiles': signed({ json: { inferenceProfileSummaries: [] } }),
  [STREAM]: signed({ headers: { 'content-type': 'application/vnd.amazon.eventstream' }, frames }),
})

describe.each(doors)('Bedrock through the %s', (door) => {
  test('is listed, and streams as OpenAI’s API does', async () => {
    await withStack(under({ door, routes: routes([...begin, ...end]) }, keys), async ({ call }) => {
      const models = (await (await call('GET /v1/models')).json()) as { data: { id: string }[] }
      expect(models.data.map(({ id }) => id)).toEqual([`bedrock/${MODEL}`])
      const response = await call(chats, { ...ask, stream_options: { include_usage: true } })
      expect(response.headers.get('content-type')).toContain('text/event-stream')
      const events = (await response.text()).trim().split('\n\n')
      expect(events.at(-1)).toBe('data: [DONE]')
      const chunks = events.slice(0, -1).map((event) => JSON.parse(event.slice('data: '.length)) as object)
      expect(chunks).toMatchObject([
        { model: ask.model, choices: [{ delta: { role: 'assistant' } }] },
        { choices: [{ delta: { content: 'Hi ☔' } }] },
        { choices: [{ delta: {}, finish_reason: 'stop' }] },
        { choices: [], usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } },
      ])
    })
  })

  test('has the request log know the tokens of a stream whose client did not ask', async () => {
    await withStack(under({ door, routes: routes([...begin, ...end]) }, keys), async ({ call, stack }) => {
      const events = await eventsOf(await call(chats, ask))
      expect(events).toHaveLength(4)
      expect(events.join('')).not.toContain('usage')
      const log = stack.requestLog({ id: 'local' })
      await expect
        .poll(async () => (await log.list({ limit: 1, order: 'desc' })).rows)
        .toMatchObject([{ providerId: 'bedrock', inputTokens: 3, outputTokens: 2, totalTokens: 5 }])
    })
  })

  test('tells of a failure within a stream', async () => {
    const frames = [...begin, toExceptionFrame('throttlingException', { message: 'Too many tokens.' })]
    await withStack(under({ door, routes: routes(frames) }, keys), async ({ call }) => {
      const text = await (await call(chats, ask)).text()
      expect(text).toContain('Hi ☔')
      expect(text).toContain('Too many tokens.')
      expect(text).not.toContain('[DONE]')
    })
  })

  test('is off without credentials, costs nothing, and says what to set', async () => {
    await withStack(under({ door, routes: {} }, {}), async ({ call, upstream }) => {
      const providers = await (await call('GET /v1/providers')).json()
      expect(JSON.stringify(providers)).toContain('off: no credentials; set AWS_ACCESS_KEY_ID')
      const response = await call(chats, { ...ask, stream: false })
      expect(response.status).toBe(400)
      expect(await response.json()).toMatchObject({ error: { code: 'provider_key_missing' } })
      expect(upstream.requests).toEqual([])
    })
  })
})
