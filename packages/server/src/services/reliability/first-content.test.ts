import { expect, test } from 'vitest'
import { hasContent } from './first-content.ts'

const chunk = (delta: object, more: object = {}): Uint8Array =>
  Buffer.from(`data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: null, ...more }] })}\n\n`)

test.each([
  [{ content: 'H' }],
  [{ refusal: 'No' }],
  [{ reasoning_content: 'Let me' }],
  [{ tool_calls: [{ index: 0, function: { name: 'f' } }] }],
  [{ content: [{ type: 'text', text: '' }] }],
  [{ function_call: { name: 'f' } }],
  [{ audio: { data: '' } }],
  [{ reasoning_details: [{ type: 'reasoning.encrypted', data: 'x' }] }],
])('%j is a part of the answer', (delta) => {
  expect(hasContent(chunk(delta))).toBe(true)
})

test('so is a text, and the end of an answer without any', () => {
  expect(hasContent(Buffer.from('data: {"choices":[{"index":0,"text":"H"}]}\n\n'))).toBe(true)
  expect(hasContent(chunk({}, { finish_reason: 'stop' }))).toBe(true)
  expect(hasContent(Buffer.from('data: {"choices": [{"delta": {"content": "H"}}]}\n\n'))).toBe(true)
})

test.each([[{ role: 'assistant', content: '' }], [{ role: 'assistant', content: null, tool_calls: [] }], [{}]])(
  '%j is only its beginning',
  (delta) => {
    expect(hasContent(chunk(delta))).toBe(false)
  },
)
