import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ReplyRepair } from './repair-chunk.ts'
import type { RepairDefaults } from './repair-chunk.ts'

type Fields = Record<string, unknown>

function createRepair(more: Partial<RepairDefaults> = {}): ReplyRepair {
  let drawn = 0
  const newId = (): string => `made-${(drawn += 1)}`
  return new ReplyRepair({ shape: 'chat', streamed: true, model: 'm', created: 7, newId, ...more })
}

/** The piece as it is after mending, and whether the repair says that it changed it. */
function mend(piece: Fields, repair = createRepair()): { piece: Fields; changed: boolean } {
  const changed = repair.mend(piece)
  return { piece, changed }
}

const head = { id: 'c1', object: 'chat.completion.chunk', created: 1, model: 'v' }
const chunk = (delta: unknown, more: Fields = {}): Fields => ({
  ...head,
  choices: [{ index: 0, delta, finish_reason: null, ...more }],
})

describe('what is in order', () => {
  test.each<[string, Fields, Partial<RepairDefaults>]>([
    ['a chunk', chunk({ role: 'assistant', content: 'Hi' }), {}],
    ['a chunk without choices', { ...head, choices: [] }, {}],
    ['a chunk with unknown fields', { ...chunk({ content: '', extra: [1] }), vendor: { a: 1 } }, {}],
    [
      'a completion',
      {
        ...head,
        object: 'chat.completion',
        choices: [
          { index: 0, message: { role: 'assistant', content: 'Hi', tool_calls: null }, finish_reason: 'length' },
        ],
      },
      { streamed: false },
    ],
    [
      'a text completion',
      { ...head, object: 'text_completion', choices: [{ index: 0, text: 'Hi', finish_reason: null }] },
      { shape: 'text' },
    ],
    ['the empty id of Azure’s first chunk', { ...head, id: '', choices: [] }, {}],
  ])('%s is left alone', (_about, piece, defaults) => {
    const before = structuredClone(piece)
    expect(mend(piece, createRepair(defaults))).toEqual({ piece: before, changed: false })
  })
})

describe('what is missing', () => {
  test.each<[string, Partial<RepairDefaults>, Fields]>([
    ['a chunk', {}, { id: 'made-1', object: 'chat.completion.chunk', created: 7, model: 'm', choices: [] }],
    [
      'a completion',
      { streamed: false },
      { id: 'made-1', object: 'chat.completion', created: 7, model: 'm', choices: [] },
    ],
    ['a text', { shape: 'text' }, { id: 'made-1', object: 'text_completion', created: 7, model: 'm', choices: [] }],
  ])('of the head of %s is filled in', (_about, defaults, expected) => {
    for (const empty of [{}, { id: null, object: null, created: '7', model: 3, choices: null }]) {
      expect(mend(empty, createRepair(defaults))).toEqual({ piece: expected, changed: true })
    }
  })

  test.each<[string, Partial<RepairDefaults>, { sent: unknown; mended: Fields }]>([
    ['of a chunk', {}, { sent: {}, mended: { index: 0, delta: {}, finish_reason: null } }],
    ['that is null', {}, { sent: null, mended: { index: 0, delta: {}, finish_reason: null } }],
    ['with a delta of null', {}, { sent: { delta: null }, mended: { index: 0, delta: {}, finish_reason: null } }],
    [
      'of a completion',
      { streamed: false },
      { sent: {}, mended: { index: 0, message: { role: 'assistant', content: null }, finish_reason: 'stop' } },
    ],
    [
      'with a message without a role',
      { streamed: false },
      {
        sent: { message: { content: 'Hi' } },
        mended: { index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' },
      },
    ],
    ['of a text', { shape: 'text' }, { sent: { text: null }, mended: { index: 0, text: '', finish_reason: null } }],
  ])('of a choice %s is filled in', (_about, defaults, { sent, mended }) => {
    const { piece, changed } = mend({ ...head, choices: [sent] }, createRepair(defaults))
    expect(piece['choices']).toEqual([mended])
    expect(changed).toBe(true)
  })

  test('choices without an index are counted', () => {
    const { piece } = mend({ ...head, choices: [{ delta: {} }, { delta: {} }] })
    expect(piece['choices']).toMatchObject([{ index: 0 }, { index: 1 }])
  })

  test('an empty list of tool calls becomes null, for it reads as a call', () => {
    const message = { role: 'assistant', content: 'Hi', tool_calls: [] }
    const { piece } = mend(
      { ...head, choices: [{ index: 0, message, finish_reason: 'stop' }] },
      createRepair({ streamed: false }),
    )
    expect(piece['choices']).toMatchObject([{ message: { tool_calls: null } }])
  })
})

describe('the id of a stream', () => {
  const idsOf = (ids: readonly unknown[], defaults: Partial<RepairDefaults> = {}): unknown[] => {
    const repair = createRepair(defaults)
    return ids.map((id) => mend({ ...head, id, choices: [] }, repair).piece['id'])
  }

  test('is made once when the vendor sends none', () => {
    expect(idsOf([undefined, null, undefined])).toEqual(['made-1', 'made-1', 'made-1'])
  })

  test('is the vendor’s where only some chunks have it', () => {
    expect(idsOf(['', 'c1', undefined, 'c1'])).toEqual(['', 'c1', 'c1', 'c1'])
  })

  test('is made in place of the vendor’s where that repeats', () => {
    expect(idsOf(['same', '', undefined], { overwriteId: true })).toEqual(['made-1', 'made-1', 'made-1'])
  })
})

describe('tool calls without an index', () => {
  const indexesOf = (deltas: readonly (readonly Fields[])[], repair = createRepair()): unknown[][] =>
    deltas.map((calls) => {
      const delta = { tool_calls: calls.map((call) => ({ ...call })) }
      mend(chunk(delta), repair)
      return delta.tool_calls.map((call: Fields) => call['index'])
    })

  test('are told apart by their ids; a piece without one continues the last', () => {
    expect(indexesOf([[{ id: 'a' }], [{}], [{ id: 'b' }], [{ id: '' }], [{ id: 'a' }]])).toEqual([
      [0],
      [0],
      [1],
      [1],
      [0],
    ])
  })

  test('may come together, and without any id', () => {
    expect(indexesOf([[{ id: 'a' }, { id: 'b' }], [{ id: 'c' }]])).toEqual([[0, 1], [2]])
    expect(indexesOf([[{}], [{}]])).toEqual([[0], [0]])
  })

  test('are counted after those that have one', () => {
    expect(indexesOf([[{ index: 0, id: 'a' }], [{ id: 'b' }], [{ index: 1 }]])).toEqual([[0], [1], [1]])
  })

  test('are counted for each choice', () => {
    const repair = createRepair()
    const call = (index: number, id: string): unknown => {
      const delta = { tool_calls: [{ id }] }
      mend({ ...head, choices: [{ index, delta, finish_reason: null }] }, repair)
      return delta.tool_calls[0]
    }
    expect([call(0, 'a'), call(1, 'b'), call(0, 'c')]).toEqual([
      { id: 'a', index: 0 },
      { id: 'b', index: 0 },
      { id: 'c', index: 1 },
    ])
  })
})

test('mending twice changes nothing more, whatever the vendor sent', () => {
  const loose = fc.oneof(
    fc.constantFrom<unknown>(undefined, null, '', 'x', 3),
    fc.array(fc.constant(null), { maxLength: 1 }),
  )
  const choice = fc.record({ index: loose, delta: loose, message: loose, text: loose, finish_reason: loose })
  const piece = fc.record({
    id: loose,
    object: loose,
    created: loose,
    model: loose,
    choices: fc.oneof(loose, fc.array(choice, { maxLength: 3 })),
  })
  const defaults = fc.record({ shape: fc.constantFrom('chat' as const, 'text' as const), streamed: fc.boolean() })
  fc.assert(
    fc.property(piece, defaults, (sent, shape) => {
      const repair = createRepair(shape)
      const once = mend({ ...sent }, repair).piece
      const before = structuredClone(once)
      expect(mend(once, repair)).toEqual({ piece: before, changed: false })
    }),
  )
})
