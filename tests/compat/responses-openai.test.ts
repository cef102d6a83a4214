import { zodResponsesFunction, zodTextFormat } from 'openai/helpers/zod'
import type { ResponseInput, ResponseStreamEvent } from 'openai/resources/responses/responses'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { TINY_PNG } from '../../packages/server/src/testing/mcp-test-tools.ts'
import { doors } from '../scenarios/stack-under-test.ts'
import { MODEL, openAiClients, withResponses } from './responses-rig.ts'

const add = {
  type: 'function' as const,
  name: 'add',
  description: 'Adds two numbers.',
  parameters: { type: 'object', properties: { a: { type: 'number' }, b: { type: 'number' } }, required: ['a', 'b'] },
  strict: false,
}
const Trip = z.object({ city: z.string(), days: z.number() })

describe.each(doors)('through the %s [B110]', (door) => {
  describe.each(openAiClients)('%s', (_name, createClient) => {
    test('creates a response, and reads its text and usage', async () => {
      await withResponses({ door }, async (under) => {
        const response = await createClient(under).responses.create({
          model: MODEL,
          input: 'Hi',
          instructions: 'Be kind.',
        })
        expect(response).toMatchObject({
          object: 'response',
          status: 'completed',
          output_text: 'I heard: Hi.',
          error: null,
          incomplete_details: null,
          usage: { input_tokens: 10, output_tokens: 5, total_tokens: 15, input_tokens_details: { cached_tokens: 2 } },
        })
        expect(response.id).toMatch(/^resp_[0-9a-f]+$/)
        expect(under.chats()[0]?.messages[0]).toMatchObject({ role: 'system', content: 'Be kind.' })
      })
    })

    test('accumulates a stream, and hears every event', async () => {
      await withResponses({ door }, async (under) => {
        const heard: string[] = []
        let text = ''
        const stream = createClient(under)
          .responses.stream({ model: MODEL, input: 'think of it' })
          .on('event', ({ type }) => heard.push(type))
          .on('response.output_text.delta', ({ delta, snapshot }) => {
            text += delta
            expect(snapshot).toBe(text)
          })
        const numbers: number[] = []
        for await (const event of stream) numbers.push(event.sequence_number)
        const final = await stream.finalResponse()
        expect(numbers).toEqual(numbers.map((_, index) => index))
        expect(final.output_text).toBe('I heard: think of it.')
        expect(text).toBe(final.output_text)
        expect([...new Set(heard)]).toEqual([
          'response.created',
          'response.in_progress',
          'response.output_item.added',
          'response.content_part.added',
          'response.reasoning_text.delta',
          'response.reasoning_text.done',
          'response.content_part.done',
          'response.output_item.done',
          'response.output_text.delta',
          'response.output_text.done',
          'response.completed',
        ])
        expect(final.output.map(({ type }) => type)).toEqual(['reasoning', 'message'])
        expect(final.output[0]).toMatchObject({ content: [{ type: 'reasoning_text', text: 'Let me see.' }] })
        expect(final.usage?.output_tokens_details.reasoning_tokens).toBe(1)
      })
    })

    test('calls its functions, in parallel and streamed, and gives the outputs back', async () => {
      await withResponses({ door }, async (under) => {
        const client = createClient(under)
        const asked = { role: 'user' as const, content: 'call add {"a":1,"b":2} call add {"a":3,"b":4}' }
        const input: ResponseInput = [asked]
        const snapshots: string[] = []
        const stream = client.responses
          .stream({ model: MODEL, input, tools: [add] })
          .on('response.function_call_arguments.delta', ({ snapshot }) => snapshots.push(snapshot))
        const called = await stream.finalResponse()
        expect(snapshots.at(-1)).toBe('{"a":3,"b":4}')
        // What a client sends back is what it got, item by item.
        input.push(...(called.output as ResponseInput))
        for (const item of called.output) {
          if (item.type !== 'function_call') continue
          // The model of the rules writes JSON.
          const { a, b } = JSON.parse(item.arguments) as { a: number; b: number }
          input.push({ type: 'function_call_output', call_id: item.call_id, output: String(a + b) })
        }
        const answered = await client.responses.create({ model: MODEL, input, tools: [add], store: false })
        expect(answered.output_text).toBe('The tools said: 3 and 7')
      })
    })

    test('parses calls of functions that a schema describes', async () => {
      await withResponses({ door }, async (under) => {
        const tool = zodResponsesFunction({ name: 'plan', parameters: Trip })
        const input = 'call plan {"city":"Paris","days":2}'
        const parsed = await createClient(under).responses.parse({ model: MODEL, input, tools: [tool] })
        expect(parsed.output[0]).toMatchObject({
          type: 'function_call',
          name: 'plan',
          parsed_arguments: { city: 'Paris', days: 2 },
        })
      })
    })

    test('parses an answer in the form of a schema, streamed and not', async () => {
      await withResponses({ door }, async (under) => {
        const client = createClient(under)
        const request = {
          model: MODEL,
          input: 'write {"city":"Paris","days":2}',
          text: { format: zodTextFormat(Trip, 'trip') },
        }
        const parsed = await client.responses.parse(request)
        expect(parsed.output_parsed).toEqual({ city: 'Paris', days: 2 })
        expect(parsed.text?.format).toMatchObject({ type: 'json_schema', name: 'trip', strict: true })
        const final = await client.responses.stream(request).finalResponse()
        expect(final.output_parsed).toEqual({ city: 'Paris', days: 2 })
        expect(under.chats()[0]?.response_format).toMatchObject({ type: 'json_schema' })
      })
    })

    test('goes on from a previous response', async () => {
      await withResponses({ door }, async (under) => {
        const client = createClient(under)
        const first = await client.responses.create({ model: MODEL, input: 'call add {"a":1,"b":2}', tools: [add] })
        const call = first.output.find((item) => item.type === 'function_call')
        const second = await client.responses
          .stream({
            model: MODEL,
            previous_response_id: first.id,
            input: [{ type: 'function_call_output', call_id: call?.call_id ?? '', output: 'three' }],
          })
          .finalResponse()
        expect(second.output_text).toBe('The tools said: three')
        const third = await client.responses.create({ model: MODEL, previous_response_id: second.id, input: 'Thanks' })
        expect(third.output_text).toBe('I heard: call add {"a":1,"b":2} / Thanks.')
        expect(third.previous_response_id).toBe(second.id)
      })
    })

    test('shows images', async () => {
      await withResponses({ door }, async (under) => {
        const url = `data:image/png;base64,${TINY_PNG}`
        const response = await createClient(under).responses.create({
          model: MODEL,
          input: [
            {
              role: 'user',
              content: [
                { type: 'input_text', text: 'Look' },
                { type: 'input_image', image_url: url, detail: 'low' },
              ],
            },
          ],
        })
        expect(response.output_text).toBe('I heard: Look. I saw 1 image.')
        expect(under.chats()[0]?.messages[0]?.content).toContainEqual({
          type: 'image_url',
          image_url: { url, detail: 'low' },
        })
      })
    })

    test('gets typed errors, before a stream too', async () => {
      await withResponses({ door }, async (under) => {
        const client = createClient(under)
        const expected = { status: 404, code: 'model_not_found', type: 'invalid_request_error', param: 'model' }
        await expect(client.responses.create({ model: 'nobody', input: 'Hi' })).rejects.toMatchObject(expected)
        const stream = client.responses.create({ model: 'nobody', input: 'Hi', stream: true })
        await expect(stream).rejects.toMatchObject(expected)
        const unknown = client.responses.create({ model: MODEL, input: 'Hi', previous_response_id: 'resp_none' })
        await expect(unknown).rejects.toMatchObject({ status: 404 })
      })
    })

    test('leaves a stream in its middle', async () => {
      await withResponses({ door }, async (under) => {
        const client = createClient(under)
        const stream = await client.responses.create({ model: MODEL, input: 'slowly', stream: true, store: false })
        const events: ResponseStreamEvent[] = []
        for await (const event of stream) {
          events.push(event)
          if (event.type === 'response.output_text.delta') break
        }
        await expect.poll(() => under.upstream.requests.at(-1)?.aborted).toBe(true)
      })
    })
  })
})
