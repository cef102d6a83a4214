import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { foldChatChunks } from './fold-chunks.ts'

const head = { id: 'c1', object: 'chat.completion.chunk', created: 5, model: 'm' }
const piece = (delta: object, finish: string | null = null, index = 0): Record<string, unknown> => ({
  ...head,
  choices: [{ index, delta, finish_reason: finish }],
})

describe('folding chunks', () => {
  test('gives the same text however the answer was cut', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (parts) => {
        const folded = foldChatChunks([
          piece({ role: 'assistant' }),
          ...parts.map((content) => piece({ content })),
          piece({}, 'stop'),
        ])
        expect(folded.choices[0]?.message.content ?? '').toBe(parts.join(''))
        expect(folded.choices[0]?.message.role).toBe('assistant')
      }),
    )
  })

  test('joins tool calls by index, reasoning, log probabilities and choices', () => {
    const folded = foldChatChunks([
      piece({ role: 'assistant', content: null, reasoning_content: 'hm' }),
      piece({
        reasoning_content: 'm',
        tool_calls: [{ index: 0, id: 'a', type: 'function', function: { name: 'f', arguments: '' } }],
      }),
      piece({
        tool_calls: [
          { index: 0, function: { arguments: '{"x"' } },
          { index: 1, id: 'b', type: 'function', function: { name: 'g', arguments: '{}' } },
        ],
      }),
      piece({ tool_calls: [{ index: 0, function: { arguments: ':1}' } }] }, 'tool_calls'),
      {
        ...head,
        choices: [
          { index: 1, delta: { content: 'other' }, finish_reason: 'stop', logprobs: { content: [{ token: 'o' }] } },
        ],
      },
      { ...head, choices: [], usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 } },
    ])
    expect(folded).toMatchObject({
      id: 'c1',
      object: 'chat.completion',
      usage: { total_tokens: 3 },
      choices: [
        {
          index: 0,
          finish_reason: 'tool_calls',
          message: {
            content: null,
            reasoning_content: 'hmm',
            tool_calls: [
              { id: 'a', type: 'function', function: { name: 'f', arguments: '{"x":1}' } },
              { id: 'b', type: 'function', function: { name: 'g', arguments: '{}' } },
            ],
          },
        },
        { index: 1, message: { content: 'other' }, logprobs: { content: [{ token: 'o' }] } },
      ],
    })
  })
})
