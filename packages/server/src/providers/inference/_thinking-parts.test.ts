import { expect, test } from 'vitest'
import { fromThinkingParts } from './_thinking-parts.ts'

const thoughts = {
  type: 'thinking',
  thinking: [
    { type: 'text', text: 'Clouds, ' },
    { type: 'text', text: 'dark.' },
  ],
}

test('parts of a chunk become content and reasoning', () => {
  const chunk = { id: 'c', choices: [{ index: 0, delta: { content: [thoughts] }, finish_reason: null }] }
  expect(fromThinkingParts(chunk)).toEqual({
    id: 'c',
    choices: [{ index: 0, delta: { content: '', reasoning_content: 'Clouds, dark.' }, finish_reason: null }],
  })
})

test('parts of a whole message become content and reasoning', () => {
  const message = { role: 'assistant', content: [thoughts, { type: 'text', text: 'Rain.' }] }
  expect(fromThinkingParts({ choices: [{ index: 0, message }] })).toEqual({
    choices: [{ index: 0, message: { role: 'assistant', content: 'Rain.', reasoning_content: 'Clouds, dark.' } }],
  })
})

test('plain content comes back as the same object', () => {
  const chunk = { choices: [{ index: 0, delta: { content: 'Rain.' } }] }
  expect(fromThinkingParts(chunk)).toBe(chunk)
})
