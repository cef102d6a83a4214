import { expect, test } from 'vitest'
import { findCalledTool, toolArguments, toToolCallEvents } from './tool-call.ts'

const user = { role: 'user', content: 'Which "role":"tool" was it?' }
const call = {
  role: 'assistant',
  content: null,
  tool_calls: [{ id: 'c', type: 'function', function: { name: 'a', arguments: '{}' } }],
}
const told = { role: 'tool', tool_call_id: 'c', content: 'the first' }
const tools = [
  { type: 'function', function: { description: 'Says "name":"wrong".', name: 'echo', parameters: {} } },
  { type: 'function', function: { name: 'other' } },
]
const calledBy = (request: object): string | undefined => findCalledTool(JSON.stringify(request))

test('the first tool is called until its result is told', () => {
  expect(calledBy({ messages: [user], tools })).toBe('echo')
  expect(calledBy({ tools, messages: [user] })).toBe('echo')
  expect(calledBy({ messages: [user, call, told], tools })).toBeUndefined()
})

test('a further question is a reason to call again', () => {
  const said = { role: 'assistant', content: 'The first.' }
  expect(calledBy({ messages: [user, call, told, said, user], tools })).toBe('echo')
})

test('who offers no tools gets no calls', () => {
  expect(calledBy({ messages: [user] })).toBeUndefined()
  expect(calledBy({ messages: [user], tools: [] })).toBeUndefined()
})

test('the fragments of the arguments add up', () => {
  const events = toToolCallEvents('echo', true)
  expect(events.at(-1)).toBe('data: [DONE]\n\n')
  const chunks = events.slice(0, -1).map((event) => JSON.parse(event.slice('data: '.length)))
  const pieces = chunks.flatMap(({ choices }) => choices).flatMap(({ delta }) => delta.tool_calls ?? [])
  expect(pieces[0]).toMatchObject({ id: expect.any(String), function: { name: 'echo' } })
  expect(pieces.length).toBeGreaterThan(3)
  expect(pieces.map((piece) => piece.function.arguments).join('')).toBe(toolArguments)
  expect(chunks.at(-1).usage.completion_tokens).toBeGreaterThan(0)
  expect(chunks.at(-2).choices[0].finish_reason).toBe('tool_calls')
})
