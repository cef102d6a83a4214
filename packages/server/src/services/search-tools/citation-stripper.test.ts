import { describe, expect, test } from 'vitest'
import fc from 'fast-check'
import { createCitationStripper, stripCitations } from './citation-stripper.ts'
import type { CitableFile, StrippedText } from './citation-stripper.ts'

const UUID = 'd35f4e66-5445-4bb1-9f54-281fbb4656ba'
const files: ReadonlyMap<string, CitableFile> = new Map([
  ['file-abc', { fileId: 'file-abc', filename: 'a.txt' }],
  [UUID, { fileId: 'file-us', filename: 'us.txt' }],
])
const citation = (fileId: string, filename: string, index: number): object => ({
  type: 'file_citation',
  file_id: fileId,
  filename,
  index,
})

function strip(deltas: readonly string[]): StrippedText {
  const stripper = createCitationStripper(files)
  const pieces = [...deltas.map((delta) => stripper.push(delta)), stripper.end()]
  return { text: pieces.map(({ text }) => text).join(''), citations: pieces.flatMap(({ citations }) => citations) }
}

describe('a text with markers', () => {
  test.each([
    ['It is so <|file-abc|>.', 'It is so.', [citation('file-abc', 'a.txt', 8)]],
    [`Up by 15% <|${UUID}|>.\n\nNext`, 'Up by 15%.\n\nNext', [citation('file-us', 'us.txt', 9)]],
    ['<|file-abc|>', '', [citation('file-abc', 'a.txt', 0)]],
    ['a <|file-abc|> b', 'a b', [citation('file-abc', 'a.txt', 1)]],
    ['a <|file-abc|>b', 'a b', [citation('file-abc', 'a.txt', 1)]],
    ['a<|file-abc|>b', 'ab', [citation('file-abc', 'a.txt', 1)]],
    [`a <|file-abc|> <|${UUID}|>.`, 'a.', [citation('file-abc', 'a.txt', 1), citation('file-us', 'us.txt', 1)]],
    [`a <|file-abc|><|${UUID}|>b`, 'a b', [citation('file-abc', 'a.txt', 1), citation('file-us', 'us.txt', 1)]],
    ['😀 <|file-abc|>!', '😀!', [citation('file-abc', 'a.txt', 1)]],
    ['code:\n    <|file-abc|>', 'code:\n   ', [citation('file-abc', 'a.txt', 9)]],
  ])('%j is shown as %j', (given, text, citations) => {
    expect(stripCitations(given, files)).toEqual({ text, citations })
  })

  test('a file that was made up is taken out and cites nothing', () => {
    expect(stripCitations('So <|file-xyz|>. So <|00000000-0000-4000-8000-000000000000|>!', files)).toEqual({
      text: 'So. So!',
      citations: [],
    })
  })

  test.each([
    'a < b and a <| b |> c',
    'the token <|im_end|> ends a turn',
    '<|file abc|>',
    '<|',
    '<|file-abc|',
    `<|${'x'.repeat(200)}|>`,
    'trailing space ',
    '  ',
    '<<|>>',
    '<|<|',
  ])('%j stays as it is', (text) => {
    expect(stripCitations(text, files)).toEqual({ text, citations: [] })
  })

  test('a file that is found before its marker ends is cited', () => {
    const growing = new Map<string, CitableFile>()
    const stripper = createCitationStripper(growing)
    stripper.push('a <|doc')
    growing.set('doc-1', { fileId: 'file-1', filename: 'one.md' })
    expect(stripper.push('-1|>')).toEqual({ text: '', citations: [citation('file-1', 'one.md', 1)] })
  })
})

test('cut anywhere, a text is shown the same', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      '<|file-abc|>',
      `<|${UUID}|>`,
      '<|file-made-up|>',
      '<|im_end|>',
      '<',
      '|',
      '>',
      ' ',
      '.',
      'x',
      '😀',
      '\n',
    ),
    fc.string({ maxLength: 8 }),
  )
  const cutText = fc
    .tuple(fc.array(piece, { maxLength: 12 }), fc.array(fc.nat(), { maxLength: 12 }))
    .map(([pieces, cuts]) => {
      const text = pieces.join('')
      const places = [...new Set(cuts.map((cut) => cut % (text.length + 1)))].toSorted((a, b) => a - b)
      return { text, deltas: [0, ...places].map((from, index) => text.slice(from, places[index])) }
    })
  fc.assert(
    fc.property(cutText, ({ text, deltas }) => {
      const whole = stripCitations(text, files)
      expect(strip(deltas)).toEqual(whole)
      expect(strip(Array.from(text))).toEqual(whole)
      expect(whole.text).not.toMatch(/<\|file-abc\|>/)
      for (const { index } of whole.citations) expect(index).toBeLessThanOrEqual(Array.from(whole.text).length)
    }),
    { numRuns: 2000 },
  )
})

test('nothing is held back but one space and the beginning of a marker', () => {
  const stripper = createCitationStripper(files)
  const shown = (delta: string): string => stripper.push(delta).text
  expect(['One', ' two ', 'three', ' a<b', ' x <', '= 1', ' <|', 'no ', 'id'].map(shown)).toEqual([
    'One',
    ' two',
    ' three',
    ' a<b',
    ' x',
    ' <= 1',
    '',
    ' <|no',
    ' id',
  ])
  expect(shown('  deep')).toBe('  deep')
  expect(shown(`<|${'x'.repeat(128)}`)).toBe('')
  expect(shown('x')).toBe(`<|${'x'.repeat(129)}`)
})
