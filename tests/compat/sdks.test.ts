import LlamaStackClient from 'llama-stack-client'
import OpenAI from 'openai'
import OpenAI6 from 'openai6'
import { describe, expect, test } from 'vitest'
import { chatChunks, chatReply, doors, withStack } from '../scenarios/stack-under-test.ts'
import type { UnderTest } from '../scenarios/stack-under-test.ts'

/** Bodies travel as the SDK wrote them, and one of them writes its JSON with spaces. */
const isStreamed = ({ body }: { body: string }): boolean => /"stream":\s*true/.test(body)

const routes = {
  'POST /v1/chat/completions': (request: { body: string }) =>
    isStreamed(request) ? { events: chatChunks(['Hel', 'lo', ' there']) } : { json: chatReply },
  'POST /v1/embeddings': ({ body }: { body: string }) => ({
    json: {
      object: 'list',
      data: [
        {
          object: 'embedding',
          index: 0,
          embedding: body.includes('base64')
            ? Buffer.from(Float32Array.from([1, 2]).buffer).toString('base64')
            : [1, 2],
        },
      ],
      model: 'text-embedding-3-small',
      usage: { prompt_tokens: 1, total_tokens: 1 },
    },
  }),
}
const messages = [{ role: 'user' as const, content: 'Hi' }]

const openAiClients = [
  [
    'openai 7',
    ({ url, fetch }: UnderTest) => new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', fetch, maxRetries: 0 }),
  ],
  [
    'openai 6',
    // Both majors have the members that are called here.
    ({ url, fetch }: UnderTest) =>
      new OpenAI6({ baseURL: `${url}/v1`, apiKey: 'none', fetch, maxRetries: 0 }) as unknown as OpenAI,
  ],
] as const

describe.each(doors)('through the %s [B028]', (door) => {
  describe.each(openAiClients)('%s', (_name, createClient) => {
    test('chats, streamed and not', async () => {
      await withStack({ door, routes }, async (under) => {
        const client = createClient(under)
        const completion = await client.chat.completions.create({ model: 'vendor/m1', messages })
        expect(completion.choices[0]?.message.content).toBe('Hello!')
        const stream = await client.chat.completions.create({ model: 'vendor/m1', messages, stream: true })
        let text = ''
        for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? ''
        expect(text).toBe('Hello there')
      })
    })

    test('lists models, embeds, and reads what was stored', async () => {
      await withStack({ door, routes }, async (under) => {
        const client = createClient(under)
        const ids: string[] = []
        for await (const model of client.models.list()) ids.push(model.id)
        expect(ids).toContain('vendor/m1')
        const embedded = await client.embeddings.create({ model: 'vendor/text-embedding-3-small', input: 'Hi' })
        expect(embedded.data[0]?.embedding).toEqual([1, 2])
        await client.chat.completions.create({ model: 'vendor/m1', messages, store: true, metadata: { a: 'b' } })
        const stored: string[] = []
        for await (const completion of client.chat.completions.list({ limit: 1 })) stored.push(completion.id)
        expect(stored).toEqual(['chatcmpl-1'])
        const changed = await client.chat.completions.update('chatcmpl-1', { metadata: { a: 'c' } })
        expect(changed.metadata).toEqual({ a: 'c' })
        expect(await client.chat.completions.delete('chatcmpl-1')).toMatchObject({ deleted: true })
      })
    })

    test('gets typed errors', async () => {
      await withStack({ door, routes }, async (under) => {
        const client = createClient(under)
        const failed = client.chat.completions.create({ model: 'nobody', messages })
        await expect(failed).rejects.toMatchObject({
          status: 404,
          code: 'model_not_found',
          param: 'model',
          type: 'invalid_request_error',
        })
      })
    })

    test('leaves a stream in its middle', async () => {
      const slow = {
        'POST /v1/chat/completions': { events: chatChunks(Array.from({ length: 100 }, () => 'x')), gapMs: 20 },
      }
      await withStack({ door, routes: slow }, async (under) => {
        const client = createClient(under)
        const stream = await client.chat.completions.create({ model: 'vendor/m1', messages, stream: true })
        for await (const _chunk of stream) break
        await new Promise((resolve) => setTimeout(resolve, 150))
        expect(under.upstream.requests.at(-1)?.aborted).toBe(true)
      })
    })
  })

  test('llama-stack-client chats, streams and lists models', async () => {
    await withStack({ door, routes }, async ({ url, fetch }) => {
      const client = new LlamaStackClient({ baseURL: url, fetch: fetch as never, maxRetries: 0 })
      const models = await client.models.list()
      expect(JSON.stringify(models)).toContain('vendor/m1')
      const completion = await client.chat.completions.create({ model: 'vendor/m1', messages })
      expect(JSON.stringify(completion)).toContain('Hello!')
      const stream = await client.chat.completions.create({ model: 'vendor/m1', messages, stream: true })
      let text = ''
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? ''
      expect(text).toBe('Hello there')
    })
  })
})
