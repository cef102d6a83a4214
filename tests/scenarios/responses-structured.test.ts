/** Answers that follow a schema, on models that can do it by themselves and on those that cannot. */
import { describe, expect, test } from 'vitest'
import { withResponses } from './responses-scene.ts'
import type { ResponseQuestion, ResponsesScene } from './responses-scene.ts'
import { calls, says, streams, wholly } from './scripted-model.ts'
import { doors } from './stack-under-test.ts'
import type { Door } from './stack-under-test.ts'

const schema = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
const format = { type: 'json_schema', name: 'place', schema } as const
const question: ResponseQuestion = { input: 'Where?', text: { format } }
const lookup = { type: 'function', name: 'lookup', parameters: { type: 'object', properties: {} } } as const

/** A scripted model of which this is known. */
function scene(door: Door, facts: Readonly<Record<string, boolean>>) {
  const model = { model_id: 'vendor/m1', provider_id: 'vendor', provider_model_id: 'm1', model_type: 'llm' as const }
  return { door, config: { models: [{ ...model, metadata: facts }], reliability: { retries: 0 } } }
}

const textOf = ({ output }: { readonly output: readonly object[] }): string =>
  output
    .flatMap((item) => ('content' in item ? (item.content as { text?: string }[]) : []))
    .map(({ text = '' }) => text)
    .join('|')

const adjusted = (headers: Headers): string | null => headers.get('x-llama-stack-adjusted')
const lastAsked = ({ model }: ResponsesScene) => model.asked.at(-1) ?? { messages: [] }

describe.each(doors)('a schema, through the %s', (door) => {
  test('[B121] is handed to a vendor that is known to follow it, and nobody is held up', async () => {
    await withResponses(scene(door, { structured_output: true }), async (under) => {
      under.model.answers('Where?', streams([{ delta: { content: '{"city":' } }, { delta: { content: '"Oslo"}' } }]))
      const { response, events, headers } = await under.stream(question)
      expect([response.status, textOf(response), adjusted(headers)]).toEqual(['completed', '{"city":"Oslo"}', null])
      expect(events.filter(({ type }) => type === 'response.output_text.delta')).toHaveLength(2)
      expect(lastAsked(under)['response_format']).toEqual({
        type: 'json_schema',
        json_schema: { name: 'place', schema },
      })
    })
  })

  test('[B121] becomes a tool that has to be called where the model cannot, and the mode is told', async () => {
    await withResponses(scene(door, { structured_output: false }), async (under) => {
      under.model.answers('Where?', calls({ name: 'place', arguments: { city: 'Oslo' } }))
      const { response, headers } = await under.stream(question)
      expect(response).toMatchObject({ status: 'completed', output: [{ type: 'message' }] })
      expect([textOf(response), adjusted(headers)]).toEqual(['{"city":"Oslo"}', 'emulated:text.format=tool'])
      expect(lastAsked(under)).toMatchObject({ tool_choice: { function: { name: 'place' } } })
      expect(lastAsked(under)).not.toHaveProperty('response_format')
      // Whoever continues is told an answer, and no call of a tool that is not there.
      under.model.answers('And then?', says('Home.'))
      await under.ask({ input: 'And then?', previous_response_id: response.id })
      expect(lastAsked(under).messages).toEqual([
        { role: 'user', content: 'Where?' },
        { role: 'assistant', content: '{"city":"Oslo"}' },
        { role: 'user', content: 'And then?' },
      ])
    })
  })

  test('[B121] lets other tools be called before the answer, and shows nothing of what is said beside them', async () => {
    await withResponses(scene(door, { structured_output: false }), async (under) => {
      const call = { index: 0, id: 'c1', function: { name: 'lookup', arguments: '{}' } }
      under.model.answers(
        'Where?',
        streams([{ delta: { content: 'Let me see.' } }, { delta: { tool_calls: [call] } }], { finish: 'tool_calls' }),
      )
      const first = await under.ask({ ...question, tools: [lookup] })
      expect(first.output.map(({ type }) => type)).toEqual(['function_call'])
      expect(lastAsked(under)).toMatchObject({ tool_choice: 'required' })
      under.model.answers('Where?', calls({ name: 'place', arguments: { city: 'Oslo' } }))
      const output = [{ type: 'function_call_output', call_id: 'c1', output: 'Oslo' }] as const
      const next = { input: [...output], previous_response_id: first.id, tools: [lookup], text: { format } }
      expect(textOf(await under.ask(next))).toBe('{"city":"Oslo"}')
    })
  })

  test('[B121] is told in words to a model that can do neither', async () => {
    await withResponses(scene(door, { structured_output: false, tools: false }), async (under) => {
      under.model.answers('Where?', says('Sure:\n```json\n{"city":"Oslo"}\n```'))
      const { response, headers } = await under.stream(question)
      expect([textOf(response), adjusted(headers)]).toEqual(['{"city":"Oslo"}', 'emulated:text.format=instruction'])
      expect(lastAsked(under).messages[0]).toMatchObject({
        role: 'system',
        content: expect.stringContaining(JSON.stringify(schema)),
      })
    })
  })

  test('[B121] that was missed is asked for once more, and the tokens of that are counted', async () => {
    await withResponses(scene(door, { structured_output: false, tools: false }), async (under) => {
      under.model.answers('Where?', says('{"town":"Oslo"}'))
      let faults = ''
      under.model.repairs((asked) => {
        faults = String(asked.messages.at(-1)?.content)
        return wholly('{"city":"Oslo"}')
      })
      const { response } = await under.stream(question)
      expect([response.status, textOf(response)]).toEqual(['completed', '{"city":"Oslo"}'])
      expect(faults).toContain("must have required property 'city'")
      expect(response.usage).toMatchObject({ input_tokens: 20, output_tokens: 10, total_tokens: 30 })
      expect(lastAsked(under)).toMatchObject({ stream: false })
      expect(lastAsked(under)).not.toHaveProperty('stream_options')
    })
  })

  test('[B121] that is missed again makes the response incomplete; what the model said is delivered', async () => {
    await withResponses(scene(door, { structured_output: false }), async (under) => {
      under.model.answers('Where?', says('I would rather not.'))
      under.model.repairs(() => wholly('No.'))
      const { response } = await under.stream(question)
      expect(response).toMatchObject({ status: 'incomplete', incomplete_details: { reason: 'invalid_format' } })
      expect(textOf(response)).toBe('I would rather not.')
      under.model.repairs(() => ({ status: 500, json: { error: { message: 'Out.' } } }))
      expect(textOf(await under.ask(question))).toBe('I would rather not.')
    })
  })

  test('[B121] that a vendor refuses is asked for in another way, before anything is shown and from then on', async () => {
    await withResponses(scene(door, {}), async (under) => {
      const refusal = {
        status: 400,
        json: { error: { message: 'response_format is not supported by this model', param: 'response_format' } },
      }
      under.model.answers('Where?', (request) => {
        const asked = request.json() as { response_format?: object }
        return asked.response_format === undefined ? calls({ name: 'place', arguments: { city: 'Oslo' } }) : refusal
      })
      for (const tries of [2, 1]) {
        const before = under.model.asked.length
        const { response, headers } = await under.stream(question)
        expect([textOf(response), adjusted(headers)]).toEqual(['{"city":"Oslo"}', 'emulated:text.format=tool'])
        expect(under.model.asked.length - before).toBe(tries)
      }
    })
  })

  test('[B121] of a vendor that nobody knows is streamed and checked, or repaired where nobody hears it', async () => {
    await withResponses(scene(door, {}), async (under) => {
      under.model.answers('Where?', says('In Oslo.'))
      under.model.repairs(() => wholly('{"city":"Oslo"}'))
      const { response } = await under.stream(question)
      expect(response).toMatchObject({ status: 'incomplete', incomplete_details: { reason: 'invalid_format' } })
      expect(textOf(response)).toBe('In Oslo.')
      const whole = await under.ask(question)
      expect([whole.status, textOf(whole)]).toEqual(['completed', '{"city":"Oslo"}'])
    })
  })

  test('[B121] does not bind a refusal, nor an answer that was cut', async () => {
    await withResponses(scene(door, { structured_output: false }), async (under) => {
      under.model.answers('Where?', streams([{ delta: { refusal: 'I will not.' } }]))
      expect(await under.ask(question)).toMatchObject({
        status: 'completed',
        output: [{ content: [{ type: 'refusal', refusal: 'I will not.' }] }],
      })
      under.model.answers('Where?', says('{"city":"Os', { finish: 'length' }))
      const cut = await under.ask(question)
      expect(cut).toMatchObject({ status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } })
      expect(textOf(cut)).toBe('{"city":"Os')
    })
  })

  test('[B121] does not keep an answer from the shields of the response', async () => {
    const { config } = scene(door, { structured_output: false })
    const guarded = {
      door,
      configOf: ({ url }: { readonly url: string }) => ({
        ...config,
        providers: [
          { api: 'inference', id: 'vendor', type: 'remote::openai', config: { base_url: `${url}/v1`, api_key: 'sk' } },
          { api: 'safety', id: 'rules', type: 'inline::rules', config: { words: ['grapefruit'] } },
        ],
        resources: { shields: [{ shield_id: 'house', provider_id: 'rules' }] },
      }),
    }
    await withResponses(guarded, async (under) => {
      const guardrails = ['house']
      under.model.answers('Where?', says('{"city":"grapefruit"}'))
      const { response, texts } = await under.stream({ ...question, guardrails })
      expect(response).toMatchObject({ status: 'completed', output: [{ content: [{ type: 'refusal' }] }] })
      expect(texts.join()).not.toContain('grapefruit')
      under.model.answers('Where?', calls({ name: 'place', arguments: { city: 'Oslo' } }))
      expect(textOf(await under.ask({ ...question, guardrails }))).toBe('{"city":"Oslo"}')
    })
  })

  test('[B121] [B100] that is followed in another way is in the request log', async () => {
    await withResponses(scene(door, { structured_output: false }), async (under) => {
      under.model.answers('Where?', calls({ name: 'place', arguments: { city: 'Oslo' } }))
      await under.stream(question)
      await under.ask(question)
      const log = under.stack.requestLog({ id: 'local' })
      const read = async () => (await log.list({ limit: 9, order: 'asc' })).rows.map(({ adjustments }) => adjustments)
      await expect.poll(read).toEqual([['emulated:text.format=tool'], ['emulated:text.format=tool']])
    })
  })

  test('[B121] that is none is refused before the model is asked', async () => {
    await withResponses(scene(door, { structured_output: false }), async (under) => {
      const bad = { ...format, schema: { type: 'odd' } }
      const { status, code, param } = await under.refusal({ input: 'Where?', text: { format: bad } })
      expect({ status, code, param }).toEqual({ status: 400, code: 'invalid_value', param: 'text.format.schema' })
      expect(under.model.asked).toEqual([])
    })
  })
})
