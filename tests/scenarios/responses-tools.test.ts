/** Calls that the client makes, and the limits of what is called. */
import { describe, expect, test } from 'vitest'
import { withResponses } from './responses-scene.ts'
import type { ResponsesScene } from './responses-scene.ts'
import { calls, says, streams } from './scripted-model.ts'
import { doors } from './stack-under-test.ts'

const lookup = { type: 'function', name: 'lookup', parameters: { type: 'object', properties: {} } }
const weather = {
  type: 'function',
  name: 'weather',
  description: 'Tells the weather.',
  parameters: null,
  strict: false,
}
const note = { type: 'custom', name: 'note', description: 'Takes a note.' }

/** The messages of the last call of the model, without its system messages. */
const told = ({ model }: ResponsesScene) => model.asked.at(-1)?.messages ?? []

/** A conversation on either of the two ways: what a first request adds, and what a second one does. */
const continuations = [
  {
    way: 'previous_response_id',
    first: () => Promise.resolve({}),
    second: (id: string) => ({ previous_response_id: id }),
  },
  {
    way: 'conversation',
    async first({ call }: ResponsesScene) {
      const created = (await (await call('POST /v1/conversations', {})).json()) as { id: string }
      return { conversation: created.id }
    },
    second: (_id: string, first: object) => first,
  },
]

describe.each(doors)('through the %s', (door) => {
  test.each(continuations)('[B094] a function is called by the client, and continued by $way', async (how) => {
    await withResponses({ door }, async (scene) => {
      const call = { id: 'call_1', name: 'lookup', arguments: { word: 'llama' } }
      const text = { delta: { content: 'Let me see.' } }
      const thought = { delta: { reasoning_content: 'A word.' } }
      scene.model.answers(
        'What is a llama?',
        streams(
          [
            thought,
            text,
            ...['{"wo', 'rd":"llama"}'].map((fragment, index) => ({
              delta: {
                tool_calls: [
                  {
                    index: 0,
                    ...(index === 0 && { id: call.id }),
                    function: { ...(index === 0 && { name: 'lookup' }), arguments: fragment },
                  },
                ],
              },
            })),
          ],
          { finish: 'tool_calls' },
        ),
        says('An animal.'),
      )
      const added = await how.first(scene)
      const { response, events } = await scene.stream({ input: 'What is a llama?', tools: [lookup, weather], ...added })
      expect(response).toMatchObject({
        status: 'completed',
        output: [
          { type: 'reasoning', content: [{ type: 'reasoning_text', text: 'A word.' }], summary: [] },
          { type: 'message', content: [{ text: 'Let me see.' }] },
          {
            type: 'function_call',
            call_id: 'call_1',
            name: 'lookup',
            arguments: '{"word":"llama"}',
            status: 'completed',
          },
        ],
        tools: [
          { ...lookup, description: null, strict: true },
          { ...weather, parameters: null },
        ],
      })
      expect(events.filter(({ type }) => type === 'response.function_call_arguments.delta')).toHaveLength(2)
      const output = { type: 'function_call_output', call_id: 'call_1', output: 'a camelid' }
      const next = await scene.ask({
        input: [output as never],
        tools: [lookup, weather],
        ...how.second(response.id, added),
      })
      expect(next.output).toMatchObject([{ type: 'message', content: [{ text: 'An animal.' }] }])
      const messages = told(scene)
      expect(messages[0]).toEqual({ role: 'user', content: 'What is a llama?' })
      // A conversation keeps items: what was said and what was called are two of them.
      expect(
        messages
          .slice(1, -1)
          .map(({ content }) => (typeof content === 'string' ? content : ''))
          .join(''),
      ).toBe('Let me see.')
      expect(messages.slice(1, -1).flatMap(({ tool_calls: made = [] }) => made)).toMatchObject([
        { id: 'call_1', type: 'function', function: { name: 'lookup', arguments: '{"word":"llama"}' } },
      ])
      const tool = messages.at(-1)
      expect(tool).toEqual({ role: 'tool', tool_call_id: 'call_1', content: 'a camelid' })
    })
  })

  test.each(continuations)('[B094] calls that nobody answered are refused when continued by $way', async (how) => {
    await withResponses({ door }, async (scene) => {
      scene.model.answers('Hi', calls({ id: 'call_1', name: 'lookup' }, { id: 'call_2', name: 'lookup' }))
      const added = await how.first(scene)
      const { id } = await scene.ask({ input: 'Hi', tools: [lookup], ...added })
      const output = { type: 'function_call_output', call_id: 'call_1', output: 'yes' }
      const refused = await scene.refusal({ input: [output as never], ...how.second(id, added) })
      expect(refused).toMatchObject({ status: 400, message: expect.stringContaining('call_2') })
      const stranger = { ...output, call_id: 'call_3' }
      expect(await scene.refusal({ input: [stranger as never] })).toMatchObject({
        status: 400,
        message: expect.stringContaining('call_3'),
      })
    })
  })

  test('[B094] calls of a turn come in parallel, or one by one where that was asked for', async () => {
    await withResponses({ door }, async (scene) => {
      scene.model.answers('Hi', calls({ name: 'lookup' }, { name: 'weather' }))
      const request = { input: 'Hi', tools: [lookup, weather] }
      expect((await scene.ask(request)).output).toMatchObject([{ name: 'lookup' }, { name: 'weather' }])
      expect(scene.model.asked.at(-1)).toMatchObject({ parallel_tool_calls: true })
      const response = await scene.ask({ ...request, parallel_tool_calls: false })
      expect(response.parallel_tool_calls).toBe(false)
      expect(scene.model.asked.at(-1)).toMatchObject({ parallel_tool_calls: false })
    })
  })

  test('[B094] the input of a custom tool is free text, whichever way the model writes it', async () => {
    await withResponses({ door }, async (scene) => {
      scene.model.answers(
        'Hi',
        calls(
          { id: 'c1', name: 'note', arguments: { input: 'milk\n"eggs"' } },
          { id: 'c2', name: 'note', arguments: 'just bread' },
        ),
        says('Noted.'),
      )
      const { response, events } = await scene.stream({ input: 'Hi', tools: [note] })
      expect(response.output).toMatchObject([
        { type: 'custom_tool_call', call_id: 'c1', name: 'note', input: 'milk\n"eggs"' },
        { type: 'custom_tool_call', call_id: 'c2', name: 'note', input: 'just bread' },
      ])
      expect(events.map(({ type }) => type)).toContain('response.custom_tool_call_input.done')
      const outputs = ['c1', 'c2'].map((call_id) => ({ type: 'custom_tool_call_output', call_id, output: 'ok' }))
      const next = await scene.ask({
        input: outputs as never,
        tools: [note],
        previous_response_id: response.id,
      })
      expect(next.output).toMatchObject([{ content: [{ text: 'Noted.' }] }])
      expect(told(scene).slice(-2)).toMatchObject([
        { role: 'tool', tool_call_id: 'c1', content: 'ok' },
        { role: 'tool', tool_call_id: 'c2', content: 'ok' },
      ])
    })
  })

  test('[B094] a tool that does not exist and arguments that are no JSON go back to the model', async () => {
    await withResponses({ door }, async (scene) => {
      scene.model.answers('Hi', calls({ id: 'c1', name: 'nobody' }), says('Sorry.'))
      expect((await scene.ask({ input: 'Hi', tools: [lookup] })).output).toMatchObject([
        { content: [{ text: 'Sorry.' }] },
      ])
      expect(told(scene).at(-1)).toMatchObject({
        role: 'tool',
        tool_call_id: 'c1',
        content: expect.stringContaining('lookup'),
      })
    })
  })

  test('[B094] a choice of tools is the model’s for the first turn, and free afterwards', async () => {
    await withResponses({ door }, async (scene) => {
      scene.model.answers('Hi', calls({ name: 'nobody' }), says('Done.'))
      const choose = async (tool_choice: unknown) => {
        const { length } = scene.model.asked
        const response = await scene.ask({
          input: 'Hi',
          tools: [lookup, weather, note],
          tool_choice: tool_choice as never,
        })
        expect(response.tool_choice).toEqual(tool_choice)
        const asked = scene.model.asked.slice(length)
        return asked.map(({ tool_choice: chosen, tools }) => [chosen, tools?.map((tool) => tool.function.name).join()])
      }
      const all = 'lookup,weather,note'
      expect(await choose('auto')).toEqual([
        ['auto', all],
        ['auto', all],
      ])
      // What must not be called is not offered.
      expect(await choose('none')).toEqual([
        [undefined, undefined],
        [undefined, undefined],
      ])
      expect(await choose('required')).toEqual([
        ['required', all],
        ['auto', all],
      ])
      const named = { type: 'function', function: { name: 'weather' } }
      expect(await choose({ type: 'function', name: 'weather' })).toEqual([
        [named, all],
        ['auto', all],
      ])
      const custom = { type: 'function', function: { name: 'note' } }
      expect(await choose({ type: 'custom', name: 'note' })).toEqual([
        [custom, all],
        ['auto', all],
      ])
      const some = { type: 'allowed_tools', mode: 'required', tools: [{ type: 'function', name: 'weather' }] }
      expect(await choose(some)).toEqual([
        ['required', 'weather'],
        ['auto', 'weather'],
      ])
      for (const [param, choice] of [
        ['tool_choice', { type: 'function', name: 'none' }],
        ['tool_choice', { type: 'mcp', server_label: 'none' }],
        ['tool_choice.tools[0]', { ...some, tools: [{ type: 'function', name: 'none' }] }],
      ]) {
        const refused = await scene.refusal({ input: 'Hi', tools: [lookup], tool_choice: choice as never })
        expect(refused).toMatchObject({ status: 400, param })
      }
    })
  })

  test.each([
    { type: 'code_interpreter', container: { type: 'auto' } },
    { type: 'image_generation' },
    { type: 'computer_use_preview', display_width: 1, display_height: 1, environment: 'linux' },
    { type: 'local_shell' },
    { type: 'file_search', vector_store_ids: ['vs_1'] },
    { type: 'web_search' },
  ])('[B094] a tool that cannot run here is refused by its name: $type', async (tool) => {
    await withResponses({ door }, async (scene) => {
      for (const stream of [false, true]) {
        const refused = await scene.refusal({ input: 'Hi', tools: [lookup, tool as never], stream })
        expect(refused).toMatchObject({ status: 400, message: expect.stringContaining(tool.type) })
      }
      expect(scene.model.asked).toEqual([])
    })
  })

  test('[B098] turns are limited', async () => {
    await withResponses({ door }, async (scene) => {
      let turn = 0
      scene.model.answers('Hi', () => calls({ id: `c${turn++}`, name: 'nobody', arguments: { turn } }))
      const response = await scene.ask({ input: 'Hi', tools: [lookup], max_infer_iters: 3 })
      expect(response).toMatchObject({
        status: 'incomplete',
        incomplete_details: { reason: 'max_infer_iters' },
        usage: { input_tokens: 30, output_tokens: 15, total_tokens: 45 },
      })
      expect(scene.model.asked).toHaveLength(3)
      const { response: streamed } = await scene.stream({ input: 'Hi', tools: [lookup] })
      expect(streamed).toMatchObject({ incomplete_details: { reason: 'max_infer_iters' } })
      expect(scene.model.asked).toHaveLength(13)
    })
  })

  test('[B098] time is limited, and what was said until then is kept', async () => {
    await withResponses({ door, config: { responses: { maxTimeMs: 400 } } }, async (scene) => {
      const slowly = Array.from({ length: 40 }, (_, index) => ({ delta: { content: `word${index} ` } }))
      scene.model.answers('Hi', streams(slowly, { gapMs: 50 }))
      const { response } = await scene.stream({ input: 'Hi' })
      expect(response).toMatchObject({
        status: 'incomplete',
        incomplete_details: { reason: 'deadline' },
        output: [{ type: 'message', status: 'incomplete', content: [{ text: expect.stringContaining('word0') }] }],
      })
      expect(await scene.fetchResponse(response.id)).toEqual(response)
    })
  })

  test('[B098] the longest time there is does not end at once', async () => {
    await withResponses({ door, config: { responses: { maxTimeMs: 2 ** 31 - 1 } } }, async (scene) => {
      scene.model.answers('Hi', streams([{ delta: { content: 'Hel' } }, { delta: { content: 'lo' } }], { gapMs: 50 }))
      expect((await scene.stream({ input: 'Hi' })).response.status).toBe('completed')
    })
  })

  test('[B098] the operator bounds the turns that a request may want', async () => {
    await withResponses({ door, config: { responses: { maxTurns: 2 } } }, async (scene) => {
      let turn = 0
      scene.model.answers('Hi', () => calls({ id: `c${turn++}`, name: 'nobody', arguments: { turn } }))
      await scene.ask({ input: 'Hi', tools: [lookup], max_infer_iters: 50 })
      expect(scene.model.asked).toHaveLength(2)
    })
  })

  test('[B098] tokens are limited over all turns, and the model is told what is left', async () => {
    await withResponses({ door }, async (scene) => {
      let turn = 0
      scene.model.answers('Hi', () => calls({ id: `c${turn++}`, name: 'nobody', arguments: { turn } }))
      const response = await scene.ask({ input: 'Hi', tools: [lookup], max_output_tokens: 16 })
      expect(response).toMatchObject({ incomplete_details: { reason: 'max_output_tokens' }, max_output_tokens: 16 })
      expect(scene.model.asked.map((body) => body['max_completion_tokens'])).toEqual([16, 11, 6, 1])
    })
  })
})
