import { describe, expect, test } from 'vitest'
import { chatReply, doors, withStack } from './stack-under-test.ts'

const chat = 'POST /v1/chat/completions'
const words = (count: number): string => Array.from({ length: count }, (_, index) => `word${index}`).join(' ')
const saying = (content: unknown, more: object = {}) => ({
  model: 'vendor/m1',
  messages: [{ role: 'user', content }],
  ...more,
})

/** A server whose list tells how much its models take, and that counts the reply too. */
const vllm = ({ url }: { readonly url: string }) => ({
  providers: [{ api: 'inference', id: 'vendor', type: 'remote::vllm', config: { base_url: `${url}/v1` } }],
})
const routes = {
  'GET /v1/models': {
    json: {
      object: 'list',
      data: [
        { id: 'm1', object: 'model', max_model_len: 1000 },
        { id: 'm2', object: 'model', max_model_len: 2000 },
      ],
    },
  },
  [chat]: { json: chatReply },
  'POST /v1/completions': {
    json: { ...chatReply, object: 'text_completion', choices: [{ index: 0, text: 'ok', finish_reason: 'stop' }] },
  },
}

describe.each(doors)('a request that cannot fit, through the %s [B048]', (door) => {
  test('is refused before it is sent, with the numbers', async () => {
    await withStack({ door, routes, configOf: vllm }, async ({ call, upstream }) => {
      const sent = () => upstream.requests.filter(({ method }) => method === 'POST').length
      const response = await call(chat, saying(words(1001)))
      expect(response.status).toBe(400)
      expect(await response.json()).toMatchObject({
        error: {
          code: 'context_length_exceeded',
          type: 'invalid_request_error',
          param: 'messages',
          message: expect.stringMatching(/at least 1001 tokens; model 'vendor\/m1' takes 1000/) as string,
        },
      })
      const withReply = await call(chat, saying(words(600), { max_tokens: 401 }))
      expect(await withReply.json()).toMatchObject({
        error: { message: expect.stringContaining('at least 600 tokens and its reply may have 401 more') as string },
      })
      const prompt = await call('POST /v1/completions', { model: 'vendor/m1', prompt: ['short', words(1001)] })
      expect(await prompt.json()).toMatchObject({ error: { code: 'context_length_exceeded', param: 'prompt' } })
      const ids = await call('POST /v1/completions', {
        model: 'vendor/m1',
        prompt: Array.from({ length: 1001 }, () => 7),
      })
      expect(ids.status).toBe(400)
      const streamed = await call(chat, saying(words(1001), { stream: true }))
      expect([streamed.status, streamed.headers.get('content-type')]).toEqual([400, expect.stringContaining('json')])
      expect(sent()).toBe(0)
      expect((await call(chat, saying(words(1000)))).status).toBe(200)
      expect((await call(chat, saying(words(600), { max_tokens: 400 }))).status).toBe(200)
      expect(sent()).toBe(2)
    })
  })

  test.each([
    [
      'a picture',
      saying([
        { type: 'text', text: 'What is it?' },
        { type: 'image_url', image_url: { url: `data:image/png;base64,${'A'.repeat(400_000)}` } },
      ]),
    ],
    ['many blanks', saying(`a${' '.repeat(50_000)}b`)],
    ['long words', saying('x'.repeat(100_000))],
    [
      'old thoughts',
      {
        model: 'vendor/m1',
        messages: [
          { role: 'assistant', content: `<think>${words(5000)}</think>Yes.` },
          { role: 'user', content: 'Why?' },
        ],
      },
    ],
    ['a wish to be cut', saying(words(5000), { truncate_prompt_tokens: 900 })],
    [
      'tools that a template may shorten',
      saying('Hi', { tools: [{ type: 'function', function: { name: 'f', description: words(5000) } }] }),
    ],
  ])('is not one with %s', async (_, body) => {
    await withStack({ door, routes, configOf: vllm }, async ({ call }) => {
      expect((await call(chat, body)).status).toBe(200)
    })
  })

  test('goes to the target that has room for it', async () => {
    const configOf = (place: { readonly url: string }) => ({
      ...vllm(place),
      aliases: { both: { targets: [{ model: 'vendor/m1' }, { model: 'vendor/m2' }] } },
    })
    await withStack({ door, routes, configOf }, async ({ call, upstream }) => {
      const model = 'both'
      expect((await call(chat, { ...saying('Hi'), model })).headers.get('x-llama-stack-model')).toBe('m1')
      const long = await call(chat, { ...saying(words(1500)), model })
      expect([long.status, long.headers.get('x-llama-stack-model')]).toEqual([200, 'm2'])
      const count = upstream.requests.length
      const tooLong = await call(chat, { ...saying(words(2500)), model })
      expect(await tooLong.json()).toMatchObject({
        error: { message: expect.stringContaining("model 'vendor/m2' takes 2000") as string },
      })
      expect(upstream.requests.length).toBe(count)
    })
  })

  test('is judged by what the operator says, and by the prompt alone where replies end early', async () => {
    const models = [
      { model_id: 'small', provider_id: 'vendor', provider_model_id: 'm1', metadata: { context_length: 100 } },
    ]
    await withStack({ door, routes: { [chat]: { json: chatReply } }, config: { models } }, async ({ call }) => {
      const model = 'small'
      expect((await call(chat, { ...saying(words(101)), model })).status).toBe(400)
      expect((await call(chat, { ...saying(words(90)), model, max_tokens: 500 })).status).toBe(200)
      expect((await call(chat, { ...saying(words(500)), model: 'vendor/m1' })).status).toBe(200)
    })
  })
})
