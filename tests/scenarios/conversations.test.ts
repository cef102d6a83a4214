import OpenAI from 'openai'
import { describe, expect, test } from 'vitest'
import { doors, withStack } from './stack-under-test.ts'
import type { UnderTest } from './stack-under-test.ts'

const openAi = ({ url, fetch }: UnderTest) => new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', fetch, maxRetries: 0 })

type Item = OpenAI.Responses.ResponseInputItem

const turns = (count: number): Item[] =>
  Array.from({ length: count }, (_, index) => ({ role: 'user', content: `turn ${index}`, type: 'message' }))

/** What an error says, without its words. */
async function refusal(call: Promise<unknown>): Promise<object> {
  const error: unknown = await call.catch((reason: unknown) => reason)
  if (!(error instanceof OpenAI.APIError)) return { error }
  return { status: Number(error.status), code: String(error.code), param: error.param }
}

describe.each(doors)('through the %s', (door) => {
  test('[R020, R021, R022, R023] a conversation is created, read, changed and deleted by the SDK of OpenAI', async () => {
    await withStack({ door }, async (under) => {
      const { conversations } = openAi(under)
      const created = await conversations.create({ metadata: { topic: 'llamas' }, items: turns(1) })
      expect(created).toMatchObject({ object: 'conversation', metadata: { topic: 'llamas' } })
      expect(created.id).toMatch(/^conv_[0-9a-f]{48}$/)
      expect(await conversations.retrieve(created.id)).toEqual(created)
      const changed = await conversations.update(created.id, { metadata: { topic: 'alpacas' } })
      expect(changed).toEqual({ ...created, metadata: { topic: 'alpacas' } })
      expect(await conversations.delete(created.id)).toEqual({
        id: created.id,
        object: 'conversation.deleted',
        deleted: true,
      })
      const gone = { status: 404, code: 'conversation_not_found', param: 'conversation_id' }
      expect(await refusal(conversations.retrieve(created.id))).toEqual(gone)
      expect(await refusal(conversations.delete(created.id))).toEqual(gone)
      expect(await refusal(conversations.items.create(created.id, { items: turns(1) }))).toEqual(gone)
    })
  })

  test('[R024, R025, R026, R027] its items are added, paged through, read and deleted', async () => {
    await withStack({ door }, async (under) => {
      const { conversations } = openAi(under)
      const { id } = await conversations.create({})
      const added = await conversations.items.create(id, { items: turns(20) })
      await conversations.items.create(id, {
        items: [
          { type: 'function_call', call_id: 'call_1', name: 'weather', arguments: '{"city":"Bonn"}' },
          { type: 'function_call_output', call_id: 'call_1', output: 'sunny' },
          { role: 'assistant', content: 'It is sunny.', type: 'message' },
        ],
      })
      expect([added.first_id, added.last_id, added.has_more]).toEqual([added.data[0]?.id, added.data[19]?.id, false])
      const seen = []
      for await (const item of conversations.items.list(id, { limit: 7, order: 'asc' })) seen.push(item)
      expect(seen).toHaveLength(23)
      expect(seen.slice(0, 20)).toEqual(added.data)
      expect(seen.slice(20)).toMatchObject([
        { type: 'function_call', status: 'completed', id: expect.stringMatching(/^fc_/) },
        { type: 'function_call_output', output: 'sunny', id: expect.stringMatching(/^fco_/) },
        {
          type: 'message',
          role: 'assistant',
          status: 'completed',
          content: [{ type: 'output_text', text: 'It is sunny.', annotations: [], logprobs: [] }],
        },
      ])
      const [first] = seen
      const firstId = first?.id ?? ''
      expect(await conversations.items.retrieve(firstId, { conversation_id: id })).toEqual(first)
      expect(await conversations.items.delete(firstId, { conversation_id: id })).toMatchObject({ id })
      expect(await refusal(conversations.items.retrieve(firstId, { conversation_id: id }))).toEqual({
        status: 404,
        code: 'item_not_found',
        param: 'item_id',
      })
      // Newest first, and 20 of them, unless something else is asked for.
      const page = await conversations.items.list(id)
      expect(page.data.map((item) => item.id)).toEqual(
        seen
          .toReversed()
          .slice(0, 20)
          .map((item) => item.id),
      )
    })
  })

  test('shows of an item what is asked for', async () => {
    await withStack({ door }, async (under) => {
      const { conversations } = openAi(under)
      const image_url = 'data:image/png;base64,AAAA'
      const { id } = await conversations.create({
        items: [{ role: 'user', type: 'message', content: [{ type: 'input_image', image_url, detail: 'low' }] }],
      })
      const bare = await conversations.items.list(id)
      expect(bare.data).toMatchObject([{ content: [{ type: 'input_image', detail: 'low' }] }])
      expect(JSON.stringify(bare.data)).not.toContain(image_url)
      const full = await conversations.items.list(id, { include: ['message.input_image.image_url'] })
      expect(full.data).toMatchObject([{ content: [{ image_url }] }])
    })
  })

  test('says what is wrong with a request, whatever sent it', async () => {
    await withStack({ door }, async (under) => {
      const refused = async (route: string, body: object): Promise<object> => {
        const response = await under.call(route, body)
        const { error } = (await response.json()) as { error: { code: string; param: string } }
        return [response.status, error.code, error.param]
      }
      const pairs = Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`k${index}`, 'v']))
      expect(await refused('POST /v1/conversations', { metadata: pairs })).toEqual([400, 'invalid_value', 'metadata'])
      const long = await refused('POST /v1/conversations', { metadata: { a: 'x'.repeat(513) } })
      expect(long).toEqual([400, 'invalid_value', 'metadata.a'])
      const many = await refused('POST /v1/conversations', { items: turns(21) })
      expect(many).toEqual([400, 'invalid_value', 'items'])
      const odd = await refused('POST /v1/conversations', { items: [{ role: 'user', content: 'x', id: 'no id' }] })
      expect(odd).toEqual([400, 'invalid_value', 'items[0].id'])
      const twice = [1, 2].map((content) => ({ role: 'user', content: `${content}`, id: 'msg_1' }))
      expect(await refused('POST /v1/conversations', { items: twice })).toEqual([400, 'invalid_value', 'items'])
    })
  })

  test('is served on the path of the first generation too', async () => {
    await withStack({ door }, async (under) => {
      const created = await under.call('POST /v1/openai/v1/conversations', { items: turns(2) })
      const { id } = (await created.json()) as { id: string }
      const listed = await under.call(`GET /v1/openai/v1/conversations/${id}/items?order=asc&limit=1`)
      expect(await listed.json()).toMatchObject({ object: 'list', data: [{ role: 'user' }], has_more: true })
    })
  })

  test('keeps every item of writers who append at the same time', async () => {
    await withStack({ door }, async (under) => {
      const { conversations } = openAi(under)
      const { id } = await conversations.create({})
      await Promise.all(
        Array.from({ length: 10 }, (_, index) =>
          conversations.items.create(id, {
            items: ['a', 'b'].map((part) => ({ role: 'user', type: 'message', content: `${index}${part}` })),
          }),
        ),
      )
      const seen = []
      for await (const item of conversations.items.list(id, { limit: 3, order: 'asc' }))
        seen.push(/"text":"(\d+[ab])"/.exec(JSON.stringify(item))?.[1] ?? '')
      expect(seen).toHaveLength(20)
      for (let index = 0; index < 20; index += 2) expect(seen[index + 1]).toBe(seen[index]?.replace('a', 'b'))
      expect(new Set(seen).size).toBe(20)
    })
  })
})

test('a conversation outlives the server that it was created by', async () => {
  await withStack({ door: 'fetch' }, async (first) => {
    const { conversations } = openAi(first)
    const { id } = await conversations.create({ items: turns(3) })
    await first.stack.close()
    await withStack({ door: 'fetch', directory: first.directory }, async (second) => {
      const page = await openAi(second).conversations.items.list(id, { order: 'asc' })
      expect(page.data).toHaveLength(3)
    })
  })
})
