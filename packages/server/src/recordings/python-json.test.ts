import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { JsonNumber, parseLossless, renderLossless, toLossless } from './lossless-json.ts'
import {
  canonicalJson,
  compareCodePoints,
  fixedToFiveDecimals,
  indentedJson,
  pythonFloat,
  pythonString,
  roundToFiveDecimals,
} from './python-json.ts'

const codePoints = (text: string): number[] => Array.from(text, (character) => character.codePointAt(0) ?? 0)

describe('canonical JSON', () => {
  // Each right-hand side was printed by CPython 3.11's json.dumps(json.loads(left), sort_keys=True).
  test.each([
    ['[-0, -0.0, 1E5, 1e400]', '[0, -0.0, 100000.0, Infinity]'],
    ['[1e16, 1e15, 0.0001, 0.00001, 1e22]', '[1e+16, 1000000000000000.0, 0.0001, 1e-05, 1e+22]'],
    ['[1, 1.0, 123456789012345678901234567890]', '[1, 1.0, 123456789012345678901234567890]'],
    ['{"b":{"z":null,"a":true},"10":1,"9":false}', '{"10": 1, "9": false, "b": {"a": true, "z": null}}'],
    [String.raw`"\u007f/\u2028\ud800é😀\u001f\b\f"`, String.raw`"\u007f/\u2028\ud800\u00e9\ud83d\ude00\u001f\b\f"`],
    ['{"\u{1F600}": 1, "\uFFFF": 2, "a": 3}', String.raw`{"a": 3, "\uffff": 2, "\ud83d\ude00": 1}`],
  ])('prints %s as Python does', (text, expected) => {
    expect(canonicalJson(parseLossless(text))).toBe(expected)
  })

  test('does not depend on the order of keys', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()), (object) => {
        const entries = Object.entries(object)
        const convert = (pairs: typeof entries): string =>
          canonicalJson(new Map(pairs.map(([key, member]) => [key, parseLossless(JSON.stringify(member))])))
        expect(convert(entries.toReversed())).toBe(convert(entries))
      }),
    )
  })

  test('is JSON of the same value, in ASCII', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const text = canonicalJson(parseLossless(JSON.stringify(value)))
        expect(text).toMatch(/^[ -~]*$/)
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
  })
})

test('keys are ordered by code point', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
      const [left, right] = [codePoints(a), codePoints(b)]
      const at = left.findIndex((code, index) => code !== right[index])
      const expected = at === -1 ? left.length - right.length : (left[at] ?? 0) - (right[at] ?? -1)
      expect(Math.sign(compareCodePoints(a, b))).toBe(Math.sign(expected))
    }),
  )
  expect(['\u{1F600}', '\uE000', '\uD83D', '\u{1F601}'].sort(compareCodePoints)).toEqual([
    '\uD83D',
    '\uE000',
    '\u{1F600}',
    '\u{1F601}',
  ])
  expect(compareCodePoints('\uD800\uE000', '\uD800\uD801\uDC00')).toBeLessThan(0)
})

test('a float reads back as itself and always looks like a float', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      const text = pythonFloat(value)
      expect(Object.is(Number(text), value)).toBe(true)
      expect(text).toMatch(/^-?\d+\.\d+$|^-?\d(\.\d+)?e[-+]\d{2,}$/)
    }),
  )
})

test('five decimals: the nearest value, an exact tie to the even digit', () => {
  expect([0.015625, 2.675, 0.000015, -1e-7].map(roundToFiveDecimals)).toEqual([0.01562, 2.675, 0.00002, -0])
  expect([-0, 1e22, 0.015625, -0.046875].map(fixedToFiveDecimals)).toEqual([
    '-0.00000',
    '10000000000000000000000.00000',
    '0.01562',
    '-0.04688',
  ])
  fc.assert(
    fc.property(fc.double({ min: -1e6, max: 1e6, noNaN: true }), (value) => {
      expect(Math.abs(roundToFiveDecimals(value) - value)).toBeLessThanOrEqual(5.000_001e-6)
    }),
  )
})

describe('lossless JSON', () => {
  test('keeps key order and number lexemes', () => {
    const text = '{"b":1.0,"2":1e-05,"1":[-0,0.10,123456789012345678901234567890],"a":"\\u00e9\\"\\\\","":{}}'
    expect(renderLossless(parseLossless(text))).toBe(text.replace('\\u00e9', 'é'))
  })

  test('reads whatever JSON.stringify writes, with any white space', () => {
    fc.assert(
      fc.property(
        fc.jsonValue({ noUnicodeString: false }),
        fc.constantFrom(undefined, 1, '\t', '\r\n'),
        (value, space) => {
          const compact = JSON.stringify(value)
          expect(renderLossless(parseLossless(JSON.stringify(value, null, space)))).toBe(compact)
        },
      ),
    )
  })

  test('refuses what is not JSON', () => {
    for (const text of ['', '{', '[1,]', '{"a":1}x', 'nul', "{'a':1}", '01']) {
      expect(() => parseLossless(text)).toThrow(SyntaxError)
    }
  })

  test('takes plain values', () => {
    expect(toLossless({ a: [1, 0.5, 'x', null, true] })).toEqual(
      new Map([['a', [new JsonNumber('1'), new JsonNumber('0.5'), 'x', null, true]]]),
    )
  })
})

test('a file is laid out as json.dumps(indent=2) lays it out', () => {
  const value = parseLossless('{"b":[],"a":{},"c":[1.0,{"é":null}]}')
  expect(indentedJson(value)).toBe(
    [
      '{',
      '  "b": [],',
      '  "a": {},',
      '  "c": [',
      '    1.0,',
      '    {',
      String.raw`      "\u00e9": null`,
      '    }',
      '  ]',
      '}',
    ].join('\n'),
  )
  expect(pythonString('/')).toBe('"/"')
})
