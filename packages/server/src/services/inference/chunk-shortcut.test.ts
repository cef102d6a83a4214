import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ChunkShortcut, toEvents } from './chunk-shortcut.ts'
import { createModelRenamer } from './rename-model.ts'

type Fields = Record<string, unknown>

const head = { id: 'c1', object: 'chat.completion.chunk', created: 1, model: 'm' }
const event = (piece: object): string => `data: ${JSON.stringify(piece)}\n\n`
const text = (content: string): object => ({
  ...head,
  choices: [{ index: 0, delta: { content }, logprobs: null, finish_reason: null }],
})

function taught(piece: object = text('first')): ChunkShortcut {
  const shortcut = new ChunkShortcut(createModelRenamer('vendor/m'))
  // As a stream does: the first event is a lesson, and the second again.
  for (let lesson = 0; lesson < 2; lesson += 1) {
    shortcut.relay(event(piece))
    shortcut.learn(event(piece), { ...piece })
  }
  return shortcut
}

describe('the shortcut', () => {
  test('relays what parsing and renaming would give, whatever the text says', () => {
    const tricky = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom(
        '"finish_reason":"stop"',
        '"tool_calls":[',
        '"usage":{',
        '"error":',
        '"delta":{',
        '\n\n',
        '"model":"m"',
        'data: ',
      ),
    )
    fc.assert(
      fc.property(fc.array(tricky), (parts) => {
        const chunk = text(parts.join(''))
        const wanted = event({ ...chunk, model: 'vendor/m' })
        expect(taught().relay(event(chunk)) ?? wanted).toBe(wanted)
      }),
      { numRuns: 500 },
    )
  })

  test('is taken by ordinary text', () => {
    expect(taught().relay(event(text('Zürich 🏔️ "quoted" \\ \n')))).toBe(
      event({ ...text('Zürich 🏔️ "quoted" \\ \n'), model: 'vendor/m' }),
    )
  })

  const first = (choice: object): object => ({ ...head, choices: [choice] })
  test.each([
    ['the end of a choice', first({ index: 0, delta: {}, finish_reason: 'stop' })],
    [
      'a tool call',
      first({ index: 0, delta: { tool_calls: [{ function: { arguments: '{' } }] }, finish_reason: null }),
    ],
    ['usage', { ...text('x'), usage: { total_tokens: 1 } }],
    ['sealed reasoning', first({ index: 0, delta: { content: '', reasoning_details: [] }, finish_reason: null })],
    [
      'a signature',
      first({ index: 0, delta: { extra_content: { google: { thought_signature: 'x' } } }, finish_reason: null }),
    ],
    ['an error', { ...text('x'), error: { message: 'down' } }],
    ['two choices', { ...head, choices: [...Array(2)].map((_, index) => ({ index, delta: {}, finish_reason: null })) }],
    ['no choices', { ...head, choices: [] }],
    ['a choice without index', first({ delta: { content: 'x' }, finish_reason: null })],
    ['a choice without finish_reason', first({ index: 0, delta: { content: 'x' } })],
    ['another id', { ...text('x'), id: 'c2' }],
  ])('leaves %s to the parser', (_what, chunk) => {
    expect(taught().relay(event(chunk))).toBeUndefined()
  })

  test('is not learnt from a chunk whose model comes after its choices', () => {
    const { model, ...rest } = { ...text('x'), model: 'm' } as Record<string, unknown>
    expect(taught({ ...rest, model }).relay(event({ ...rest, model }))).toBeUndefined()
  })
})

describe('a run of events', () => {
  const latin1 = (of: string): string => Buffer.from(of).toString('latin1')
  const plain = fc.oneof(
    fc.constantFrom(' fox', 'Zürich 🏔️', 'a\\n"b"', '"finish_reason":"stop"', '', '$&$1'),
    fc.string(),
  )

  test('is relayed as parsing and renaming would give it, and ends before the first event of another kind', () => {
    const others = [
      { ...text('x'), usage: { total_tokens: 1 } },
      { ...head, choices: [] },
      { ...text('x'), id: 'other' },
    ]
    fc.assert(
      fc.property(fc.array(plain), fc.constantFrom(...others), fc.array(plain), (before, other, after) => {
        const chunks = [...before.map(text), other, ...after.map(text)]
        const events = latin1(chunks.map(event).join(''))
        const run = taught().findRun(events, 0)
        const end = run?.end ?? 0
        const passed = events.slice(0, end).split('\n\n').length - 1
        expect(passed).toBeLessThanOrEqual(before.length)
        const wanted = chunks.slice(0, passed).map((chunk) => event({ ...chunk, model: 'vendor/m' }))
        expect(run === undefined ? '' : toEvents(run)).toBe(latin1(wanted.join('')))
      }),
      { numRuns: 500 },
    )
  })

  test('takes all of an ordinary stream at once', () => {
    const events = latin1([' fox', ' jümps', ' 🦊'].map((content) => event(text(content))).join(''))
    expect(taught().findRun(events, 0)?.end).toBe(events.length)
  })

  test('is learnt behind a first event that says only who speaks, and again where thoughts end', () => {
    const delta = (of: object): string =>
      event({ ...head, choices: [{ index: 0, delta: of, logprobs: null, finish_reason: null }] })
    const stream = [
      delta({ role: 'assistant', content: '' }),
      ...Array<string>(9).fill(delta({ content: null, reasoning_content: 'so' })),
      ...Array<string>(9).fill(delta({ content: ' fox' })),
    ]
    const shortcut = new ChunkShortcut(undefined)
    const inRuns = stream.filter((of) => {
      if (shortcut.findRun(of, 0) !== undefined) return true
      // Parsed, as the stream does it: what was relayed unparsed teaches nothing.
      if (shortcut.relay(of) === undefined) shortcut.learn(of, JSON.parse(of.slice('data: '.length)) as Fields)
      return false
    })
    expect(inRuns).toHaveLength(stream.length - 4)
  })

  test.each([
    ['another member that says something', { content: 'x', channel: 'final' }],
    ['a list', { content: 'x', annotations: [{}] }],
    ['two texts', { content: 'x', reasoning: 'y' }],
    ['no text', { role: 'assistant' }],
  ])('is not begun with an event that has %s', (_what, delta) => {
    const piece = { ...head, choices: [{ index: 0, delta, finish_reason: null }] }
    expect(taught(piece).findRun(latin1(event(piece)), 0)).toBeUndefined()
  })

  test('is not begun with an event whose text has a twin', () => {
    const twin = {
      ...text('x'),
      choices: [{ index: 0, delta: { note: { content: 'x' }, content: 'x' }, finish_reason: null }],
    }
    const shortcut = taught(twin)
    expect(shortcut.findRun(latin1(event(twin)), 0)).toBeUndefined()
  })
})
