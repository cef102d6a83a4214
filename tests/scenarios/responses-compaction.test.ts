/** Conversations that are made shorter: on request, and by themselves. */
import type { CompactedResponse, ResponseObject } from '@llama-stack/api'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { defineTool } from '../../packages/server/src/index.ts'
import { DEFAULT_SUMMARY_PROMPT } from '../../packages/server/src/services/responses/compaction/summary-request.ts'
import {
  ask as askServer,
  getResponse,
  idOf,
  readAll,
  readAlong,
  readUntil,
  withDurableServer,
} from './durable-scene.ts'
import { withResponses } from './responses-scene.ts'
import type { ResponsesScene } from './responses-scene.ts'
import { calls, says, wholly } from './scripted-model.ts'
import { doors } from './stack-under-test.ts'

const USAGE = {
  input_tokens: 10,
  input_tokens_details: { cached_tokens: 4 },
  output_tokens: 5,
  output_tokens_details: { reasoning_tokens: 2 },
  total_tokens: 15,
}

async function compact(scene: ResponsesScene, request: object): Promise<CompactedResponse> {
  const reply = await scene.call('POST /v1/responses/compact', { model: 'vendor/m1', ...request })
  if (reply.status !== 200) throw new Error(`${reply.status}: ${await reply.text()}`)
  return (await reply.json()) as CompactedResponse
}

const management = [{ type: 'compaction' as const, compact_threshold: 1000 }]

const LONG = 'Tell me all of it. '.repeat(250)
const LONG_ANSWER = 'Well. '.repeat(1000)

/** A first turn of some two thousand tokens. */
async function grow(scene: ResponsesScene, more: object = {}) {
  scene.model.answers(LONG, says(LONG_ANSWER))
  return scene.ask({ input: LONG, ...more })
}

/** Gives some six hundred tokens. */
const dump = defineTool({
  name: 'dump',
  description: 'Gives much',
  parameters: z.looseObject({}),
  execute: () => 'Well. '.repeat(300),
})

const lookup = { type: 'function', name: 'lookup', parameters: { type: 'object', properties: {} } }

describe.each(doors)('through the %s', (door) => {
  test('[R019] [B122] an input is compacted, and what comes of it is an input', async () => {
    await withResponses({ door }, async (scene) => {
      scene.model.answers(DEFAULT_SUMMARY_PROMPT, wholly('They met in Oslo.'))
      const talk = [
        { role: 'user', content: 'Where did we meet?' },
        { role: 'assistant', content: 'In Oslo.' },
        { role: 'user', content: 'When?' },
      ]
      const compacted = await compact(scene, { input: talk })
      expect(compacted).toMatchObject({
        object: 'response.compaction',
        output: [
          { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Where did we meet?' }] },
          { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'When?' }] },
          { type: 'compaction', encrypted_content: expect.not.stringContaining('Oslo') },
        ],
        usage: USAGE,
      })
      expect(scene.model.asked.at(-1)).toMatchObject({ stream: false, messages: [...talk, { role: 'user' }] })

      scene.model.answers('And then?', says('Then we left.'))
      const next = [...compacted.output, { role: 'user', content: 'And then?' }]
      expect(await scene.ask({ input: next as never })).toMatchObject({ status: 'completed' })
      expect(scene.model.asked.at(-1)?.messages).toEqual([
        { role: 'user', content: expect.anything() },
        { role: 'user', content: expect.anything() },
        { role: 'assistant', content: 'They met in Oslo.' },
        { role: 'user', content: 'And then?' },
      ])
    })
  })

  test('[R019] [B122] what a response continues is compacted with it, calls of tools told in words', async () => {
    await withResponses({ door }, async (scene) => {
      scene.model.answers('Look it up', calls({ id: 'c1', name: 'lookup', arguments: { q: 1 } }), says('It is 2.'))
      const first = await scene.ask({ input: 'Look it up', tools: [lookup] })
      const output = [{ type: 'function_call_output', call_id: 'c1', output: '2' }] as const
      const second = await scene.ask({ input: [...output], previous_response_id: first.id, tools: [lookup] })
      scene.model.answers(DEFAULT_SUMMARY_PROMPT, wholly('It was 2.'))
      const compacted = await compact(scene, { previous_response_id: second.id, prompt_cache_key: 'k' })
      expect(compacted.output.map(({ type }) => type)).toEqual(['message', 'compaction'])
      const { messages, ...others } = scene.model.asked.at(-1) ?? { messages: [] }
      expect(Object.keys(others).toSorted()).toEqual(['model', 'prompt_cache_key', 'stream'])
      expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user', 'assistant', 'user'])
      expect(JSON.stringify(messages)).toContain('[Call of the tool lookup with')
    })
  })

  test('[R019] [B122] instructions are for the summary; what cannot be read is refused', async () => {
    await withResponses({ door }, async (scene) => {
      const prompt = `Mind the dates.\n\n${DEFAULT_SUMMARY_PROMPT}`
      scene.model.answers(prompt, wholly('In May.'))
      await compact(scene, { input: 'When?', instructions: 'Mind the dates.' })
      expect(scene.model.asked.at(-1)?.messages.at(-1)).toEqual({ role: 'user', content: prompt })
      const refusals = [
        [{ input: [{ type: 'compaction', id: 'cmp_1', encrypted_content: 'lscmp2.AAAA' }] }, 400, 'invalid_value'],
        [{ previous_response_id: 'resp_none' }, 404, 'previous_response_not_found'],
        [{}, 400, 'missing_field'],
      ] as const
      for (const [request, status, code] of refusals) {
        const reply = await scene.call('POST /v1/responses/compact', { model: 'vendor/m1', ...request })
        expect([reply.status, await reply.json()]).toMatchObject([status, { error: { code } }])
      }
    })
  })

  test('[B122] a history that has grown to its threshold is compacted, and stays so for whatever continues it', async () => {
    await withResponses({ door }, async (scene) => {
      const first = await grow(scene)
      scene.model.answers(DEFAULT_SUMMARY_PROMPT, wholly('They spoke at length.'))
      scene.model.answers('And now?', says('Now this.'))
      const request = { input: 'And now?', previous_response_id: first.id, context_management: management }
      const { response, headers } = await scene.stream(request)
      expect(response.output.map(({ type }) => type)).toEqual(['compaction', 'message'])
      expect(response.usage).toMatchObject({ input_tokens: 20, output_tokens: 10, total_tokens: 30 })
      expect(headers.get('x-llama-stack-adjusted')).toBe('emulated:context_management=summary')
      const short = [
        { role: 'assistant', content: 'They spoke at length.' },
        { role: 'user', content: 'And now?' },
      ]
      expect(scene.model.asked.at(-1)?.messages).toEqual(short)
      expect(await scene.fetchResponse(response.id)).toEqual(response)

      scene.model.answers('Go on', says('On.'))
      const asked = scene.model.asked.length
      await scene.ask({ input: 'Go on', previous_response_id: response.id, context_management: management })
      // It is short enough now.
      expect(scene.model.asked).toHaveLength(asked + 1)
      const continued = [...short, { role: 'assistant', content: 'Now this.' }, { role: 'user', content: 'Go on' }]
      expect(scene.model.asked.at(-1)?.messages).toEqual(continued)
      // Compacted once more, what is in the summary already is not said again.
      const again = await compact(scene, { previous_response_id: response.id })
      expect(again.output).toMatchObject([{ content: [{ text: 'And now?' }] }, { type: 'compaction' }])
      // All that was said can still be looked at.
      const listed = await scene.call(`GET /v1/responses/${response.id}/input_items`)
      expect(await listed.json()).toMatchObject({ data: [{ role: 'user' }, { role: 'assistant' }, { role: 'user' }] })
    })
  })

  test('[B122] a conversation goes on from what stands for its beginning, and so does a client that keeps it itself', async () => {
    await withResponses({ door }, async (scene) => {
      const made = await scene.call('POST /v1/conversations', {})
      const { id: conversation } = (await made.json()) as { id: string }
      const first = await grow(scene, { conversation })
      scene.model.answers(DEFAULT_SUMMARY_PROMPT, wholly('They spoke at length.'))
      scene.model.answers('And now?', says('Now this.'))
      const second = await scene.ask({ input: 'And now?', conversation, context_management: management })
      scene.model.answers('Go on', says('On.'))
      await scene.ask({ input: 'Go on', conversation })
      const told = [
        { role: 'assistant', content: 'They spoke at length.' },
        { role: 'user', content: 'And now?' },
        { role: 'assistant', content: 'Now this.' },
        { role: 'user', content: 'Go on' },
      ]
      expect(scene.model.asked.at(-1)?.messages).toEqual(told)

      // As OpenAI's guide has it: what came before the item may be sent along, or left out.
      const tail = [...second.output, { role: 'user', content: 'Go on' }]
      for (const before of [[{ role: 'user', content: 'Gone' }, ...first.output], []]) {
        const kept = await scene.ask({ input: [...before, ...tail] as never })
        const sent = scene.model.asked.at(-1)?.messages ?? []
        expect(sent.map(({ role }) => role)).toEqual(told.map(({ role }) => role))
        expect(sent.slice(0, 2)).toEqual(told.slice(0, 2))
        await scene.ask({ input: 'Go on', previous_response_id: kept.id })
        expect(scene.model.asked.at(-1)?.messages.slice(0, 4)).toEqual(sent)
      }
    })
  })

  test('[B122] a history grows to its threshold within a response too', async () => {
    await withResponses({ door, more: { tools: [dump] } }, async (scene) => {
      scene.model.answers(DEFAULT_SUMMARY_PROMPT, wholly('There was much.'))
      scene.model.answers('Dump', calls({ name: 'dump' }), calls({ name: 'dump', arguments: { n: 2 } }), says('Done.'))
      const { response } = await scene.stream({ input: 'Dump', context_management: management })
      expect(response.output.map(({ type }) => type)).toEqual(['mcp_call', 'mcp_call', 'compaction', 'message'])
      expect(scene.model.asked.at(-1)?.messages.map(({ role }) => role)).toEqual([
        'user',
        'assistant',
        'assistant',
        'tool',
      ])
    })
  })

  test('[B122] a history is not compacted again and again where what is sent beside it is long', async () => {
    await withResponses({ door }, async (scene) => {
      scene.model.answers('Hi', says('Hello.'))
      const instructions = LONG
      const first = await scene.ask({ input: 'Hi', instructions, context_management: management })
      scene.model.answers('Go', says('Gone.'))
      const next = { input: 'Go', instructions, previous_response_id: first.id, context_management: management }
      expect((await scene.ask(next)).output.map(({ type }) => type)).toEqual(['message'])
      expect(scene.model.asked).toHaveLength(2)
    })
  })

  test('[B122] where no summary comes, the response goes on with the whole history', async () => {
    await withResponses({ door, config: { reliability: { retries: 0 } } }, async (scene) => {
      const first = await grow(scene)
      scene.model.answers(DEFAULT_SUMMARY_PROMPT, { status: 500, json: { error: { message: 'Out.' } } })
      scene.model.answers('And now?', says('Now this.'))
      const next = { input: 'And now?', previous_response_id: first.id, context_management: management }
      const { output, status } = await scene.ask(next)
      expect([status, output.map(({ type }) => type)]).toEqual(['completed', ['message']])
      expect(scene.model.asked.at(-1)?.messages).toHaveLength(3)
    })
  })

  test('[B122] without a threshold the context of the model decides; where nobody knows it, that is told', async () => {
    const m1 = { model_id: 'vendor/m1', provider_id: 'vendor', provider_model_id: 'm1', model_type: 'llm' as const }
    const known = { models: [{ ...m1, metadata: { context_length: 3000 } }] }
    const always = [{ type: 'compaction' as const }]
    await withResponses({ door, config: known }, async (scene) => {
      const first = await grow(scene)
      scene.model.answers(DEFAULT_SUMMARY_PROMPT, wholly('Much.'))
      const next = { input: 'And now?', previous_response_id: first.id, context_management: always }
      expect((await scene.ask(next)).output.map(({ type }) => type)).toEqual(['compaction', 'message'])
    })
    await withResponses({ door }, async (scene) => {
      const { headers } = await scene.stream({ input: 'Hi', context_management: always })
      expect(headers.get('x-llama-stack-adjusted')).toBe('dropped:context_management')
      const strict = { 'x-llama-stack-strict': 'true' }
      const refused = await scene.refusal({ input: 'Hi', context_management: always }, strict)
      expect(refused).toMatchObject({ status: 400, code: 'parameter_dropped', param: 'context_management' })
    })
  })
})

test('[B122] the operator says who summarises, how, and when', async () => {
  const compaction = {
    summarizationPrompt: 'Sum it up.',
    summaryPrefix: 'Until now: ',
    summarizationModel: 'vendor/m2',
    defaultCompactThreshold: 1000,
  }
  await withResponses({ door: 'socket', config: { responses: { compaction } } }, async (scene) => {
    const { id } = await grow(scene)
    scene.model.answers('Sum it up.', wholly('They talked.'))
    scene.model.answers('On', says('Fine.'))
    const asked = scene.model.asked.length
    await scene.ask({ input: 'On', previous_response_id: id, context_management: [{ type: 'compaction' }] })
    expect(scene.model.asked.slice(asked)).toMatchObject([
      { model: 'm2', messages: [{}, {}, { role: 'user', content: 'Sum it up.' }] },
      { model: 'm1', messages: [{ role: 'assistant', content: 'Until now: They talked.' }, { content: 'On' }] },
    ])
  })
})

test('[B122] a server that takes a response up again goes on with what it was compacted to', async () => {
  await withDurableServer(async (scene) => {
    const first = await scene.start()
    scene.model.answers(LONG, says(LONG_ANSWER))
    const { id } = (await (await askServer(first, { input: LONG })).json()) as ResponseObject
    scene.model.answers(DEFAULT_SUMMARY_PROMPT, wholly('They spoke at length.'))
    scene.model.answers('And now?', calls({ name: 'write', arguments: { text: 'one' } }), says('Now this.'))
    const request = { input: 'And now?', previous_response_id: id, context_management: management }
    const reply = await askServer(first, { ...request, tools: [scene.tool], background: true, stream: true })
    const seen = await readUntil(reply, (text) => text.includes('mcp_call.in_progress'))
    await expect.poll(() => scene.effects).toEqual(['one'])
    await first.kill()
    const second = await scene.start()
    const responseId = idOf(seen[0])
    await readAll(await readAlong(second, responseId))
    const { output } = await getResponse(second, responseId)
    expect(output.map(({ type }) => type)).toEqual(['mcp_list_tools', 'compaction', 'mcp_call', 'message'])
    const told = [
      { content: 'They spoke at length.' },
      { content: 'And now?' },
      { role: 'assistant' },
      { role: 'tool' },
    ]
    expect(scene.model.asked.at(-1)?.messages).toMatchObject(told)
    expect(scene.model.asked.at(-1)?.messages).toHaveLength(told.length)
  })
}, 60_000)

describe.each(doors)('truncation, through the %s', (door) => {
  const m1 = { model_id: 'vendor/m1', provider_id: 'vendor', provider_model_id: 'm1', model_type: 'llm' as const }
  const small = { models: [{ ...m1, metadata: { context_length: 500 } }], reliability: { retries: 0 } }

  test('[B123] leaves out the oldest turns of what is too long, for the model and not for what is kept', async () => {
    await withResponses({ door, config: small }, async (scene) => {
      const first = await grow(scene, { model: 'vendor/larger' })
      scene.model.answers('Again', says('Yes.'))
      const next = { input: 'Again', previous_response_id: first.id }
      expect(await scene.refusal(next)).toMatchObject({ status: 400, code: 'context_length_exceeded' })
      const { response, headers } = await scene.stream({ ...next, truncation: 'auto' })
      expect([response.status, headers.get('x-llama-stack-adjusted')]).toEqual(['completed', 'emulated:truncation'])
      expect(scene.model.asked.at(-1)?.messages).toEqual([{ role: 'user', content: 'Again' }])
      const listed = await scene.call(`GET /v1/responses/${response.id}/input_items`)
      expect(((await listed.json()) as { data: unknown[] }).data).toHaveLength(3)
    })
  })

  test.each([
    ['This model’s maximum context length is 1000 tokens.', [200, 2]],
    ['The prompt is too long.', [200, 2]],
    ['The tool_choice is odd.', [400, 1]],
  ] as const)(
    '[B123] tries a shorter prompt once where its length is complained about: %s',
    async (message, became) => {
      await withResponses({ door, config: { reliability: { retries: 0 } } }, async (scene) => {
        const first = await grow(scene)
        const refusal = { status: 400, json: { error: { message, type: 'invalid_request_error' } } }
        scene.model.answers('Again', (request) =>
          (request.json() as { messages: unknown[] }).messages.length > 1 ? refusal : says('Yes.'),
        )
        const next = { input: 'Again', previous_response_id: first.id }
        const asked = scene.model.asked.length
        expect(await scene.refusal(next)).toMatchObject({ status: 400, code: 'provider_invalid_request' })
        expect(scene.model.asked).toHaveLength(asked + 1)
        const before = scene.model.asked.length
        const request = { model: 'vendor/m1', ...next, truncation: 'auto' }
        const { status } = await scene.call('POST /v1/responses', request)
        expect([status, scene.model.asked.length - before]).toEqual(became)
      })
    },
  )
})
