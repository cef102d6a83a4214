import type { ChatCompletionRequest } from '@llama-stack/api'
import { describe, expect, test } from 'vitest'
import { toHistory } from './_llama-history.ts'

type Messages = ChatCompletionRequest['messages']
const call = (id: string, name: string, given: string) => ({
  id,
  type: 'function',
  function: { name, arguments: given },
})

describe('a conversation for the engine', () => {
  test('keeps the roles and joins parts of text', () => {
    const messages: Messages = [
      { role: 'developer', content: 'Be brief.' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'One' },
          { type: 'text', text: 'two' },
        ],
      },
      { role: 'assistant', content: 'Three.', reasoning_content: 'Count on.' },
      { role: 'user', content: 'Four?' },
    ]
    expect(toHistory(messages)).toEqual([
      { type: 'system', text: 'Be brief.' },
      { type: 'user', text: 'One\ntwo' },
      {
        type: 'model',
        response: [{ type: 'segment', segmentType: 'thought', text: 'Count on.', ended: true }, 'Three.'],
      },
      { type: 'user', text: 'Four?' },
    ])
  })

  test('ties calls to their results, in one turn of the model with what it says then', () => {
    const messages: Messages = [
      { role: 'user', content: 'Warm?' },
      {
        role: 'assistant',
        content: null,
        tool_calls: [call('a', 'degrees', '{"city":"Rome"}'), call('b', 'wind', 'none')],
      },
      { role: 'tool', tool_call_id: 'b', content: 'calm' },
      { role: 'tool', tool_call_id: 'a', content: '{"degrees":31}' },
      { role: 'assistant', content: 'Yes.' },
    ]
    expect(toHistory(messages)[1]).toEqual({
      type: 'model',
      response: [
        {
          type: 'functionCall',
          name: 'degrees',
          params: { city: 'Rome' },
          result: { degrees: 31 },
          startsNewChunk: true,
        },
        { type: 'functionCall', name: 'wind', params: 'none', result: 'calm', startsNewChunk: false },
        'Yes.',
      ],
    })
  })

  test.each<[Messages, string]>([
    [[{ role: 'tool', tool_call_id: 'x', content: '1' }], 'messages[0].tool_call_id'],
    [[{ role: 'assistant', tool_calls: [call('a', 'f', '{}')] }], 'messages'],
    [[{ role: 'assistant', tool_calls: [{ id: 'a' }] }], 'messages[0].tool_calls[0]'],
    [[{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:,' } }] }], 'messages[0].content[0]'],
  ])('refuses %j', (messages, param) => {
    expect(() => toHistory(messages)).toThrow(expect.objectContaining({ code: 'invalid_value', param }) as Error)
  })
})
