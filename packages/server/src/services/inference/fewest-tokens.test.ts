import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fewestTokens } from './fewest-tokens.ts'

test.each([
  ['', 0],
  [' \n\t ', 0],
  ['hello', 1],
  [' hello  world\nagain\t!', 4],
  ['x'.repeat(128), 1],
  ['x'.repeat(129), 2],
  [`${'x'.repeat(300)} y`, 4],
  ['汉字汉字', 1],
])('%j has at least %i', (text, tokens) => {
  expect(fewestTokens(text)).toBe(tokens)
})

/**
 * How the families of tokenizers cut a text before they look for pieces: each cut makes one token or more, so the number
 * of cuts is the fewest that a text can have with them.
 */
const cutters: Readonly<Record<string, RegExp>> = {
  'GPT-2, Phi, StarCoder': /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu,
  'GPT-4, Llama 3':
    /'(?:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+/giu,
  'GPT-4o, GPT-5':
    /[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+/gu,
  'Llama 2, Gemma, Gemini, Mistral': /\s*\S+|\s+/gu,
}

const anyText = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 400 }),
  fc.string({
    unit: fc.constantFrom(
      ' ',
      '\n',
      '\r\n',
      '\t',
      'a',
      'Q',
      'é',
      '汉',
      '\u3000',
      '\u200b',
      '\u0301',
      '7',
      '.',
      '"',
      '{',
      '\u00a0',
      '👍',
    ),
    maxLength: 400,
  }),
  fc.array(fc.lorem({ maxCount: 30 })).map((texts) => texts.join('\n\n')),
)

describe.each(Object.entries(cutters))('the tokenizer of %s', (_, cutter) => {
  // A piece of a vocabulary may be as long as a cut, and no longer than any piece is.
  const countFewest = (text: string): number =>
    (text.match(cutter) ?? []).reduce((sum, cut) => sum + Math.ceil(cut.length / 128), 0)

  test('never makes fewer', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(fewestTokens(text)).toBeLessThanOrEqual(countFewest(text))
      }),
      { numRuns: 500 },
    )
  })
})

test('is no more than half of the bytes, so that short bodies need not be looked at', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      expect(fewestTokens(text)).toBeLessThanOrEqual(Math.ceil(Buffer.byteLength(text) / 2))
    }),
  )
})
