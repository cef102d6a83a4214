import { expect, test } from 'vitest'
import { ResponsesSettings } from '../responses-settings.ts'
import { readResponses, ResponsesBlock } from './responses-block.ts'

test('the block has a key for every setting', () => {
  const block = ResponsesBlock.parse({ max_turns: '7', max_time_ms: 9000, require_approval: 'never' })
  expect(ResponsesSettings.parse(readResponses(block))).toEqual({
    maxTurns: 7,
    maxTimeMs: 9000,
    requireApproval: 'never',
    compaction: {},
  })
})

test('an empty value is the default', () => {
  const read = readResponses(ResponsesBlock.parse({ max_turns: null, max_time_ms: null, require_approval: null }))
  expect(ResponsesSettings.parse(read)).toEqual({ maxTurns: 100, compaction: {} })
})

test.each([{ max_turns: 0 }, { max_time_ms: -1 }, { require_approval: 'sometimes' }, { maxTurns: 1 }])(
  '%j is refused',
  (block) => {
    expect(ResponsesBlock.safeParse(block).success).toBe(false)
  },
)
