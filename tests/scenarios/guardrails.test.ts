import OpenAI from 'openai'
import { describe, expect, test } from 'vitest'
import { chatChunks, doors, withStack } from './stack-under-test.ts'
import type { UnderTest, UnderTestOptions } from './stack-under-test.ts'

const words = ['Your ', 'card is 41', '11 1111 11', '11 1111', ', as ', 'you ', 'know.']

/** The same answer for who does not want it streamed. */
const whole = {
  id: 'chatcmpl-9',
  object: 'chat.completion',
  created: 1_700_000_000,
  model: 'm1',
  choices: [
    { index: 0, message: { role: 'assistant', content: words.join('') }, finish_reason: 'stop', logprobs: null },
  ],
}

const scene = (door: (typeof doors)[number]): UnderTestOptions => ({
  door,
  routes: {
    'POST /v1/chat/completions': ({ body }) =>
      body.includes('"stream":true') ? { events: chatChunks(words) } : { json: whole },
  },
  configOf: ({ url }) => ({
    providers: [
      { api: 'inference', id: 'vendor', type: 'remote::openai', config: { base_url: `${url}/v1`, api_key: 'sk-test' } },
      { api: 'safety', id: 'rules', type: 'inline::rules', config: { message: 'Let us not.' } },
    ],
    resources: {
      shields: [
        { shield_id: 'house', provider_id: 'rules' },
        { shield_id: 'lenient', provider_id: 'rules', params: { pii: false } },
      ],
    },
  }),
})

const openAi = ({ url, fetch }: UnderTest) => new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', fetch, maxRetries: 0 })

/** The types of the events, what was shown of the text, and the refusal. */
async function ask(under: UnderTest, guardrails: readonly (string | object)[], input = 'Which card?') {
  // An extension of OpenAI's request, which its types do not have.
  const request = { model: 'vendor/m1', input, stream: true as const, guardrails } as const
  let shown = ''
  let refusal = ''
  let status: string | undefined
  for await (const event of await openAi(under).responses.create(request)) {
    if (event.type === 'response.output_text.delta') shown += event.delta
    if (event.type === 'response.refusal.done') refusal = event.refusal
    if (event.type === 'response.completed') status = event.response.status
  }
  return { shown, refusal, status }
}

describe.each(doors)('a response under guardrails, through the %s', (door) => {
  test('shows nothing of what a shield will not let pass, and refuses instead', async () => {
    await withStack(scene(door), async (under) => {
      expect(await ask(under, ['house'])).toEqual({
        shown: 'Your card is ',
        refusal: 'Let us not.',
        status: 'completed',
      })
      const request = { model: 'vendor/m1', input: 'Which card?', guardrails: [{ type: 'house' }] }
      const { output } = await openAi(under).responses.create(request)
      expect(JSON.stringify(output)).toContain('Let us not.')
      expect(JSON.stringify(output)).not.toMatch(/4111|1111/)
    })
  })

  test('is whole where the shield has nothing against it', async () => {
    await withStack(scene(door), async (under) => {
      expect(await ask(under, ['lenient'])).toEqual({ shown: words.join(''), refusal: '', status: 'completed' })
    })
  })

  test('is refused before a model is asked, where its input may not pass', async () => {
    await withStack(scene(door), async (under) => {
      const outcome = await ask(under, ['lenient', 'house'], 'Mine is 4111 1111 1111 1111')
      expect(outcome).toEqual({ shown: '', refusal: 'Let us not.', status: 'completed' })
      expect(under.upstream.requests.filter(({ method }) => method === 'POST')).toEqual([])
    })
  })

  test('names a shield that is not there', async () => {
    await withStack(scene(door), async (under) => {
      const refused = await ask(under, ['hause']).catch((error: unknown) => error)
      expect(refused).toMatchObject({
        status: 404,
        code: 'shield_not_found',
        message: expect.stringContaining("'house'"),
      })
    })
    await withStack({ door }, async (under) => {
      const refused = await ask(under, ['house']).catch((error: unknown) => error)
      expect(refused).toMatchObject({ status: 503, code: 'guardrails_unavailable' })
    })
  })
})
