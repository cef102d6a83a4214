import type { ResponseStreamEvent } from 'openai/resources/responses/responses'
import { describe, expect, test } from 'vitest'
import { foldResponseEvents } from '../../packages/server/src/testing/fold-response-events.ts'
import { doors } from '../scenarios/stack-under-test.ts'
import { MODEL, openAiClients, withResponses } from './responses-rig.ts'

describe.each(doors)('through the %s [B110]', (door) => {
  describe.each(openAiClients)('%s', (_name, createClient) => {
    test('fetches, pages through the input of, and deletes what is stored', async () => {
      await withResponses({ door }, async (under) => {
        const { responses } = createClient(under)
        const first = await responses.create({ model: MODEL, input: 'One', metadata: { topic: 'numbers' } })
        const second = await responses.create({
          model: MODEL,
          previous_response_id: first.id,
          input: [
            { role: 'user', content: 'Two' },
            { role: 'user', content: 'Three' },
          ],
        })
        const fetched = await responses.retrieve(first.id)
        expect(fetched).toEqual(first)
        expect(fetched.metadata).toEqual({ topic: 'numbers' })
        const texts: unknown[] = []
        for await (const item of responses.inputItems.list(second.id, { limit: 1, order: 'asc' })) texts.push(item)
        expect(texts).toMatchObject([
          { role: 'user', content: [{ type: 'input_text', text: 'One' }] },
          { role: 'assistant' },
          { role: 'user', content: [{ type: 'input_text', text: 'Two' }] },
          { role: 'user', content: [{ type: 'input_text', text: 'Three' }] },
        ])
        await responses.delete(first.id)
        await expect(responses.retrieve(first.id)).rejects.toMatchObject({ status: 404 })
        const unstored = await responses.create({ model: MODEL, input: 'Hi', store: false })
        await expect(responses.retrieve(unstored.id)).rejects.toMatchObject({ status: 404 })
      })
    })

    test('replays the events of what is stored, into its own accumulator', async () => {
      await withResponses({ door }, async (under) => {
        const { responses } = createClient(under)
        const created = await responses.create({ model: MODEL, input: 'think of it' })
        const final = await responses.stream({ response_id: created.id }).finalResponse()
        expect(final.output).toMatchObject(created.output)
        expect(final.output_text).toBe('I heard: think of it.')
      })
    })

    test('polls what runs in the background', async () => {
      await withResponses({ door }, async (under) => {
        const { responses } = createClient(under)
        const queued = await responses.create({ model: MODEL, input: 'Hi', background: true })
        expect(queued).toMatchObject({ status: 'queued', background: true, output: [] })
        await expect.poll(async () => (await responses.retrieve(queued.id)).status).toBe('completed')
        expect((await responses.retrieve(queued.id)).output_text).toBe('I heard: Hi.')
      })
    })

    test('comes back to a stream in the background where it left it', async () => {
      await withResponses({ door }, async (under) => {
        const { responses } = createClient(under)
        const events: ResponseStreamEvent[] = []
        const stream = await responses.create({ model: MODEL, input: 'slowly', background: true, stream: true })
        for await (const event of stream) {
          events.push(event)
          if (events.length === 20) break
        }
        const id = 'response' in (events[0] ?? {}) ? (events[0] as { response: { id: string } }).response.id : ''
        const rest = await responses.retrieve(id, { stream: true, starting_after: 19 })
        for await (const event of rest) events.push(event)
        expect(events.slice(0, 3).map(({ type }) => type)).toEqual([
          'response.created',
          'response.queued',
          'response.in_progress',
        ])
        expect(events.at(-1)?.type).toBe('response.completed')
        // Events are plain objects.
        const folded = foldResponseEvents(events as unknown as Record<string, unknown>[])
        const stored = await responses.retrieve(id)
        expect(folded.response['output']).toEqual(stored.output)
        expect(stored.output_text).toMatch(/^word0 .*word99 $/)
      })
    })

    test('cancels what runs in the background, and nothing else', async () => {
      await withResponses({ door }, async (under) => {
        const { responses } = createClient(under)
        const running = await responses.create({ model: MODEL, input: 'slowly', background: true })
        const cancelled = await responses.cancel(running.id)
        expect(cancelled.status).toBe('cancelled')
        expect((await responses.retrieve(running.id)).status).toBe('cancelled')
        expect((await responses.cancel(running.id)).status).toBe('cancelled')
        const done = await responses.create({ model: MODEL, input: 'Hi' })
        await expect(responses.cancel(done.id)).rejects.toMatchObject({ status: 409, code: 'response_not_cancellable' })
      })
    })

    test('keeps conversations, with items by hand and by responses', async () => {
      await withResponses({ door }, async (under) => {
        const { conversations, responses } = createClient(under)
        const conversation = await conversations.create({
          metadata: { topic: 'names' },
          items: [{ type: 'message', role: 'user', content: 'I am Ann' }],
        })
        expect(conversation.id).toMatch(/^conv_/)
        const response = await responses.create({ model: MODEL, conversation: conversation.id, input: 'Who am I?' })
        expect(response.output_text).toBe('I heard: I am Ann / Who am I?.')
        expect(response.conversation).toEqual({ id: conversation.id })
        const streamed = responses.stream({ model: MODEL, conversation: { id: conversation.id }, input: 'Again?' })
        expect((await streamed.finalResponse()).output_text).toBe('I heard: I am Ann / Who am I? / Again?.')
        const roles: string[] = []
        for await (const item of conversations.items.list(conversation.id, { order: 'asc', limit: 2 })) {
          roles.push(item.type === 'message' ? item.role : item.type)
        }
        expect(roles).toEqual(['user', 'user', 'assistant', 'user', 'assistant'])
        const added = await conversations.items.create(conversation.id, {
          items: [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: 'More' }] }],
        })
        const id = added.data[0]?.id ?? ''
        expect(await conversations.items.retrieve(id, { conversation_id: conversation.id })).toMatchObject({ id })
        await conversations.items.delete(id, { conversation_id: conversation.id })
        const gone = conversations.items.retrieve(id, { conversation_id: conversation.id })
        await expect(gone).rejects.toMatchObject({ status: 404 })
        const renamed = await conversations.update(conversation.id, { metadata: { topic: 'people' } })
        expect(renamed.metadata).toEqual({ topic: 'people' })
        expect((await conversations.retrieve(conversation.id)).metadata).toEqual({ topic: 'people' })
        expect(await conversations.delete(conversation.id)).toMatchObject({ deleted: true })
        await expect(conversations.retrieve(conversation.id)).rejects.toMatchObject({ status: 404 })
      })
    })

    test('counts tokens and compacts', async () => {
      await withResponses({ door }, async (under) => {
        const { responses } = createClient(under)
        const counted = await responses.inputTokens.count({ model: MODEL, input: 'How many tokens is this?' })
        expect(counted.object).toBe('response.input_tokens')
        expect(counted.input_tokens).toBeGreaterThan(4)
        const compacted = await responses.compact({ model: MODEL, input: 'A long story.' })
        expect(compacted.object).toBe('response.compaction')
        expect(compacted.output.at(-1)?.type).toBe('compaction')
        const input = [...compacted.output, { role: 'user' as const, content: 'Go on' }]
        // What was compacted is an input as it is.
        const next = await responses.create({ model: MODEL, input: input as never })
        expect(next.output_text).toContain('Go on')
      })
    })
  })
})
