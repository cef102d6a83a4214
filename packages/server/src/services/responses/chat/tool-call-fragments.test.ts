import { describe, expect, test } from 'vitest'
import type { ToolCallPiece } from './chat-delta-sink.ts'
import { ToolCallFragments } from './tool-call-fragments.ts'

interface Folded {
  id?: string
  name?: string
  arguments: string
  extra?: object
}

/** The calls that fragments amount to; each must be opened before it is continued, and once. */
function fold(fragments: readonly unknown[]): Folded[] {
  const calls: Folded[] = []
  let ids = 0
  const emit = (index: number, piece: ToolCallPiece): void => {
    const known = calls[index]
    expect({ isNext: index === calls.length, isNamed: 'id' in piece && 'name' in piece }).toEqual({
      isNext: known === undefined,
      isNamed: known === undefined,
    })
    if (known === undefined) {
      calls.push({ ...piece })
      return
    }
    known.arguments += piece.arguments
    if (piece.extra !== undefined) known.extra = { ...known.extra, ...piece.extra }
  }
  const assembler = new ToolCallFragments(emit, () => `new_${(ids += 1)}`)
  for (const fragment of fragments) assembler.add(fragment)
  assembler.end()
  return calls
}

const of = (name?: string, text?: unknown) => ({
  function: { ...(name === undefined ? {} : { name }), ...(text === undefined ? {} : { arguments: text }) },
})
const a = { id: 'A', name: 'a', arguments: '{"x":1}' }
const b = { id: 'B', name: 'b', arguments: '{"y":2}' }

describe('fragments become calls', () => {
  test.each<[string, unknown[], unknown[]]>([
    [
      'as OpenAI sends them, in turns',
      [
        { index: 0, id: 'A', type: 'function', ...of('a', '') },
        { index: 0, ...of(undefined, '{"x"') },
        { index: 1, id: 'B', type: 'function', ...of('b', '') },
        { index: 1, ...of(undefined, '{"y":') },
        { index: 0, ...of(undefined, ':1}') },
        { index: 1, ...of(undefined, '2}') },
      ],
      [a, b],
    ],
    [
      'counted from 1',
      [
        { index: 1, id: 'A', ...of('a', '{"x":1}') },
        { index: 2, id: 'B', ...of('b', '{"y":2}') },
      ],
      [a, b],
    ],
    [
      'all with the number 0',
      [
        { index: 0, id: 'A', ...of('a', '{"x"') },
        { index: 0, ...of(undefined, ':1}') },
        { index: 0, id: 'B', ...of('b', '{"y":2}') },
      ],
      [a, b],
    ],
    [
      'without numbers, the id in every fragment, the name too',
      [
        { id: 'A', ...of('a', '{"x"') },
        { id: 'B', ...of('b', '{"y"') },
        { id: 'A', ...of('a', ':1}') },
        { id: 'B', ...of('b', ':2}') },
      ],
      [a, b],
    ],
    [
      'without numbers, continued without ids',
      [{ id: 'A', ...of('a', '{"x"') }, of(undefined, ':1}'), { id: 'B', ...of('b', '{"y":2}') }],
      [a, b],
    ],
    [
      'whole, without ids and numbers',
      [of('a', '{"x":1}'), of('b', '{"y":2}')],
      [
        { ...a, id: 'new_1' },
        { ...b, id: 'new_2' },
      ],
    ],
    [
      'of one tool twice, whole, without ids',
      [of('a', '{"x":1}'), of('a', '{"x":1}')],
      [
        { ...a, id: 'new_1' },
        { ...a, id: 'new_2' },
      ],
    ],
    [
      'without arguments or ids',
      [of('a'), of('b')],
      [
        { id: 'new_1', name: 'a', arguments: '' },
        { id: 'new_2', name: 'b', arguments: '' },
      ],
    ],
    ['with an object for arguments', [{ index: 0, id: 'A', ...of('a', { x: 1 }) }], [a]],
    [
      'the name twice',
      [
        { index: 0, id: 'A', ...of('a', '') },
        { index: 0, ...of('a', '{"x":1}') },
      ],
      [a],
    ],
    [
      'the whole call once more at its end',
      [
        { index: 0, id: 'A', ...of('a', '{"x"') },
        { index: 0, ...of(undefined, ':1}') },
        { index: 0, id: 'A', ...of('a', '{"x":1}') },
      ],
      [a],
    ],
    [
      'arguments before the name',
      [
        { index: 0, id: 'A', ...of(undefined, '{"x"') },
        { index: 0, ...of('a', ':1}') },
      ],
      [a],
    ],
    [
      'an id that comes late changes nothing',
      [
        { index: 0, ...of('a', '{"x"') },
        { index: 0, id: 'Z', ...of(undefined, ':1}') },
      ],
      [{ ...a, id: 'new_1' }],
    ],
    ['no name at all', [{ index: 0, id: 'A', ...of(undefined, '{}') }], [{ id: 'A', name: '', arguments: '{}' }]],
    [
      'what else the provider wants back',
      [{ index: 0, id: 'A', ...of('a', '{"x":1}'), extra_content: { s: 1 } }],
      [{ ...a, extra: { extra_content: { s: 1 } } }],
    ],
    ['what is no fragment', ['?', null], [{ id: 'new_1', name: '', arguments: '' }]],
  ])('%s', (_about, fragments, calls) => {
    expect(fold(fragments)).toEqual(calls)
  })
})
