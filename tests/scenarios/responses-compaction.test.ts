/** Conversations that are made shorter: on request. */
import type { CompactedResponse } from '@llama-stack/api'
import { describe, expect, test } from 'vitest'
import { DEFAULT_SUMMARY_PROMPT } from '../../packages/server/src/services/responses/compaction/summary-request.ts'
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
})
