/** Thoughts that models write into their text. */
import { expect, test } from 'vitest'
import { withResponses } from './responses-scene.ts'
import { streams } from './scripted-model.ts'

const look = { type: 'function', name: 'look', parameters: { type: 'object', properties: {} } } as never

test('thoughts in the text are an item of their own, and are not told again', async () => {
  await withResponses({ door: 'fetch' }, async (under) => {
    const { model } = under
    const pieces = ['<th', 'ink>\nA greeting', '.</think>', '\n\nHello', '!']
    model.answers('Hi', streams(pieces.map((content) => ({ delta: { content } }))))
    const { response, events } = await under.stream({ input: 'Hi' })
    expect(response.output).toMatchObject([
      { type: 'reasoning', content: [{ text: '\nA greeting.' }] },
      { type: 'message', content: [{ text: 'Hello!' }] },
    ])
    const deltas = events.flatMap((event) => (event.type === 'response.output_text.delta' ? [event['delta']] : []))
    expect(deltas).toEqual(['Hello', '!'])
    await under.ask({ input: 'Go on', previous_response_id: response.id })
    expect(model.asked.at(-1)?.messages).toEqual([
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'Hello!' },
      { role: 'user', content: 'Go on' },
    ])
  })
})

test('thoughts that a provider has a member for go back to it', async () => {
  await withResponses({ door: 'fetch' }, async (under) => {
    const { model } = under
    model.answers('Hi', streams([{ delta: { reasoning_content: 'Well.' } }, { delta: { content: 'Hello!' } }]))
    const { id } = await under.ask({ input: 'Hi' })
    await under.ask({ input: 'Go on', previous_response_id: id })
    expect(model.asked.at(-1)?.messages[1]).toEqual({
      role: 'assistant',
      content: 'Hello!',
      reasoning_content: 'Well.',
    })
  })
})

test('white space that is held before a call stays before it', async () => {
  await withResponses({ door: 'fetch' }, async (under) => {
    const { model } = under
    const call = { index: 0, id: 'c1', type: 'function', function: { name: 'look', arguments: '{}' } }
    const pieces = [{ delta: { content: '\n' } }, { delta: { tool_calls: [call] } }]
    model.answers('Look', streams(pieces, { finish: 'tool_calls' }))
    const { response } = await under.stream({ input: 'Look', tools: [look] })
    expect(response.output.map(({ type }) => type)).toEqual(['message', 'function_call'])
  })
})
