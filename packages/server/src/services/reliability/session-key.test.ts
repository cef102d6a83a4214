import { expect, test } from 'vitest'
import { toSessionKey } from './session-key.ts'

const messages = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'Hi' },
]

test.each([
  [{ messages, prompt_cache_key: 'cache', safety_identifier: 'safe', user: 'u' }, 'cache'],
  [{ messages, safety_identifier: 'safe', user: 'u' }, 'safe'],
  [{ messages, prompt_cache_key: '', user: 'u' }, 'u'],
  [{ messages }, JSON.stringify(messages[1])],
  [{ messages: [messages[0]] }, JSON.stringify(messages[0])],
  [{ prompt: 'Once upon' }, 'Once upon'],
  [{ input: ['a', 'b'] }, '["a","b"]'],
  [{ query: 'q' }, 'q'],
  [{}, 'null'],
])('%j is of the session %s', (request, key) => {
  expect(toSessionKey(request)).toBe(key)
})

test('a conversation that went on is the same session', () => {
  const later = [...messages, { role: 'assistant', content: 'Hello' }, { role: 'user', content: 'Bye' }]
  expect(toSessionKey({ messages: later })).toBe(toSessionKey({ messages }))
})
