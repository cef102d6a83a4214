import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { OpaqueOrigins } from './opaque-origins.ts'
import { withoutOpaque } from './opaque-parts.ts'

const seal = (name: string): string => `${name}-${'x'.repeat(40)}`

/** A message of the assistant in every spelling, and what another provider is sent of it. */
const messages = [
  { role: 'user', content: 'What is the signature": of this? ncrypted' },
  {
    role: 'assistant',
    content: 'It is five.',
    reasoning_details: [
      { type: 'reasoning.text', text: 'Counting.', signature: seal('a') },
      { type: 'reasoning.encrypted', data: seal('b'), id: 'rs_1' },
    ],
    extra_content: { google: { thought_signature: seal('c') } },
    tool_calls: [
      {
        id: 'call',
        type: 'function',
        function: { name: 'f', arguments: '{}' },
        extra_content: { google: { thought_signature: seal('d') } },
      },
    ],
  },
  {
    role: 'assistant',
    content: [
      { type: 'thinking', thinking: 'Hm.', signature: seal('e') },
      { type: 'redacted_thinking', data: seal('f') },
      { type: 'text', text: 'Yes.' },
    ],
    encrypted_content: seal('g'),
  },
]

const readable = [
  messages[0],
  {
    role: 'assistant',
    content: 'It is five.',
    reasoning_details: [{ type: 'reasoning.text', text: 'Counting.' }],
    tool_calls: [{ id: 'call', type: 'function', function: { name: 'f', arguments: '{}' } }],
  },
  {
    role: 'assistant',
    content: [
      { type: 'thinking', thinking: 'Hm.' },
      { type: 'text', text: 'Yes.' },
    ],
  },
]

const groq = { name: 'groq/m', providerId: 'groq' }
const together = { name: 'together/m', providerId: 'together' }

describe('opaque parts', () => {
  test('go back to who made them, and are kept from everybody else', () => {
    const origins = new OpaqueOrigins()
    origins.learn(JSON.stringify({ choices: [{ message: messages[1] }, { message: messages[2] }] }), groq)
    expect(origins.concerns(Buffer.from(JSON.stringify(messages)))).toBe(true)
    expect(origins.find(messages)).toEqual(groq)
    expect(origins.fit(messages, 'groq')).toBe(messages)
    expect(origins.fit(messages, 'together')).toEqual(readable)
  })

  test('are found in the events of a stream', () => {
    const origins = new OpaqueOrigins()
    const event = (delta: object): string => `data: ${JSON.stringify({ choices: [{ index: 0, delta }] })}\n\n`
    origins.learn(
      Buffer.from(event({ content: 'Hi' }) + event({ reasoning_details: [{ signature: seal('a') }] })),
      groq,
    )
    origins.learn(Buffer.from(`: note\n\n${event({ encrypted_content: seal('g') })}data: [DONE]\n\n`), together)
    expect(origins.find(messages)).toEqual(together)
    expect(origins.find([messages[1]])).toEqual(groq)
  })

  test('that nobody here made are left as they are', () => {
    const origins = new OpaqueOrigins()
    expect(origins.concerns(Buffer.from(JSON.stringify(messages)))).toBe(false)
    origins.learn(JSON.stringify({ signature: seal('other') }), groq)
    expect(origins.find(messages)).toBeUndefined()
    expect(origins.fit(messages, 'together')).toBe(messages)
  })

  test('are not looked for in conversations without their marks', () => {
    const origins = new OpaqueOrigins()
    origins.learn(JSON.stringify({ signature: seal('a') }), groq)
    expect(origins.concerns(Buffer.from('{"messages":[{"role":"user","content":"Hi"}]}'))).toBe(false)
    expect(origins.concerns(undefined)).toBe(true)
  })

  test('are forgotten when there are too many, the oldest first', () => {
    const origins = new OpaqueOrigins()
    for (let count = 0; count <= 20_000; count += 1) origins.learn(`{"signature":"${seal(String(count))}"}`, groq)
    expect(origins.find({ signature: seal('0') })).toBeUndefined()
    expect(origins.find({ signature: seal('1') })).toEqual(groq)
  })
})

test('taking parts out changes nothing else, whatever the value', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(withoutOpaque(value, () => false)).toBe(value)
    }),
  )
  // No member of these is called like an opaque one.
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(withoutOpaque({ kept: value }, () => true)).toEqual({ kept: value })
    }),
  )
})
