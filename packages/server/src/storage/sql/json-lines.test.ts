import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fromJsonLines, toJsonLines } from './json-lines.ts'

test('texts as JSON.stringify writes them come back as they were', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), (values) => {
      const texts = values.map((value) => JSON.stringify(value))
      expect(fromJsonLines(toJsonLines(texts))).toEqual(texts)
    }),
  )
})

test('texts over several lines come back with the same meaning', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), (values) => {
      const texts = values.map((value) => JSON.stringify(value, null, 2))
      const read = fromJsonLines(toJsonLines(texts)).map((text): unknown => JSON.parse(text))
      expect(read).toEqual(texts.map((text): unknown => JSON.parse(text)))
    }),
  )
})
