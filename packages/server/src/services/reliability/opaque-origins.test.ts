import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ProviderHandle } from '../providers/provider-handle.ts'
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

/** A chunk with one delta. */
const says = (delta: object): object => ({ choices: [{ index: 0, delta }] })

// Only the id of a provider is looked at.
const toTarget = (id: string) => ({ name: `${id}/m`, provider: { id } as ProviderHandle })
const groq = toTarget('groq')
const together = toTarget('together')

describe('opaque parts', () => {
  test('go back to who made them, and are kept from everybody else', () => {
    const origins = new OpaqueOrigins()
    origins.learn({ choices: [{ message: messages[1] }, { message: messages[2] }] }, groq)
    expect(origins.concerns(Buffer.from(JSON.stringify(messages)))).toBe(true)
    expect(origins.find(messages)).toEqual({ name: 'groq/m', providerId: 'groq' })
    expect(origins.fit(messages, 'groq')).toBe(messages)
    expect(origins.fit(messages, 'together')).toEqual(readable)
  })

  test('of several providers lead to the last of them', () => {
    const origins = new OpaqueOrigins()
    origins.learn(says({ reasoning_details: [{ signature: seal('a') }] }), groq)
    origins.learn(says({ encrypted_content: seal('g') }), together)
    expect(origins.find(messages)?.name).toBe('together/m')
    expect(origins.find([messages[1]])?.name).toBe('groq/m')
  })

  test('that nobody here made are left as they are', () => {
    const origins = new OpaqueOrigins()
    expect(origins.concerns(Buffer.from(JSON.stringify(messages)))).toBe(false)
    origins.learn(says({ signature: seal('other') }), groq)
    expect(origins.find(messages)).toBeUndefined()
    expect(origins.fit(messages, 'together')).toBe(messages)
  })

  test('are not looked for in conversations without their marks', () => {
    const origins = new OpaqueOrigins()
    origins.learn(says({ signature: seal('a') }), groq)
    expect(origins.concerns(Buffer.from('{"messages":[{"role":"user","content":"Hi"}]}'))).toBe(false)
    expect(origins.concerns(undefined)).toBe(true)
  })

  test('are forgotten when there are too many, the oldest first', () => {
    const origins = new OpaqueOrigins()
    for (let count = 0; count <= 20_000; count += 1) origins.learn(says({ signature: seal(String(count)) }), groq)
    expect(origins.find({ signature: seal('0') })).toBeUndefined()
    expect(origins.find({ signature: seal('1') })?.name).toBe('groq/m')
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
