import { InputItem, ItemResource } from '@llama-stack/api'
import { describe, expect, test } from 'vitest'
import { createIds } from '../../kernel/ids.ts'
import { toKeptItem } from './kept-item.ts'

const ids = createIds()

/** What is sent, and what is kept of it beside the id. */
const cases: [string, object, object][] = [
  [
    'a bare message',
    { role: 'user', content: 'Hi' },
    { type: 'message', role: 'user', status: 'completed', content: [{ type: 'input_text', text: 'Hi' }] },
  ],
  [
    'the role',
    { type: 'message', role: 'developer', content: 'Hi' },
    { role: 'developer', content: [{ type: 'input_text', text: 'Hi' }] },
  ],
  [
    'an answer',
    { role: 'assistant', content: 'Yes' },
    { status: 'completed', content: [{ type: 'output_text', text: 'Yes', annotations: [], logprobs: [] }] },
  ],
  [
    'the parts of an answer',
    {
      role: 'assistant',
      phase: 'final_answer',
      content: [
        { type: 'output_text', text: 'a', annotations: null },
        { type: 'refusal', refusal: 'no' },
        { type: 'input_text', text: 'b' },
      ],
    },
    {
      phase: 'final_answer',
      content: [
        { type: 'output_text', text: 'a', annotations: [], logprobs: [] },
        { type: 'refusal', refusal: 'no' },
        { type: 'output_text', text: 'b', annotations: [], logprobs: [] },
      ],
    },
  ],
  [
    'images and files',
    {
      role: 'user',
      status: 'incomplete',
      content: [
        { type: 'input_image', image_url: 'data:' },
        { type: 'input_file', file_id: 'f' },
      ],
    },
    {
      status: 'incomplete',
      content: [
        { type: 'input_image', image_url: 'data:', detail: 'auto' },
        { type: 'input_file', file_id: 'f' },
      ],
    },
  ],
  ['a call', { type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' }, { status: 'completed' }],
  [
    'its output',
    { type: 'function_call_output', call_id: 'c', output: 'x', status: null },
    { status: 'completed', output: 'x' },
  ],
  [
    'an open call',
    { type: 'custom_tool_call', call_id: 'c', name: 'f', input: 'x', status: 'in_progress' },
    { status: 'in_progress' },
  ],
  [
    'reasoning',
    { type: 'reasoning', summary: [], content: null, encrypted_content: 'e' },
    { type: 'reasoning', summary: [], encrypted_content: 'e' },
  ],
  [
    'a search without what was searched',
    { type: 'web_search_call', status: 'completed' },
    { action: { type: 'search', query: '' } },
  ],
  ['what nobody knows', { role: 'user', content: 'Hi', extra: { a: 1 } }, { extra: { a: 1 } }],
]

describe('an item is kept', () => {
  test.each(cases)('with %s', (_, sent, kept) => {
    const item = toKeptItem(InputItem.parse(sent), 'items[0]', ids)
    expect(item).toMatchObject(kept)
    expect(ItemResource.parse(item)).toEqual(item)
    expect(item.id).toMatch(/^[a-z]+_[0-9a-f]{48}$/)
  })

  test('under the id that it has, from whatever server', () => {
    for (const id of ['msg_1', 'msg_68a0-b:c.d~1', 'x', 'aB3+/w=='.repeat(50)]) {
      expect(toKeptItem(InputItem.parse({ id, role: 'user', content: 'Hi' }), 'items[0]', ids).id).toBe(id)
    }
  })
})

test.each(['', 'a b', 'x'.repeat(1025), 'a\nb', 'ä'])('the id %j is refused', (id) => {
  const sent = InputItem.parse({ id, role: 'user', content: 'Hi' })
  expect(() => toKeptItem(sent, 'items[3]', ids)).toThrow(
    expect.objectContaining({ code: 'invalid_value', param: 'items[3].id' }),
  )
})

test('a reference is refused', () => {
  for (const sent of [{ type: 'item_reference', id: 'msg_1' }, { id: 'msg_1' }]) {
    expect(() => toKeptItem(InputItem.parse(sent), 'items[0]', ids)).toThrow(
      expect.objectContaining({
        code: 'invalid_value',
        param: 'items[0]',
        message: expect.stringContaining('"msg_1"'),
      }),
    )
  }
})
