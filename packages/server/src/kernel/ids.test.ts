import { expect, test } from 'vitest'
import { createIds } from './ids.ts'

test('an id is its prefix and 24 letters and digits', () => {
  const ids = createIds()
  for (const prefix of ['chatcmpl-', 'req_', '']) {
    expect(ids.random(prefix).slice(0, prefix.length)).toBe(prefix)
    expect(ids.random(prefix).slice(prefix.length)).toMatch(/^[0-9A-Za-z]{24}$/)
  }
})

test('ids differ, also across the pools that they are drawn from', () => {
  const [one, other] = [createIds(), createIds()]
  const drawn = Array.from({ length: 5000 }, () => [one.random(''), other.random('')]).flat()
  expect(new Set(drawn).size).toBe(drawn.length)
})

test('every letter is about as likely as every other, wherever it stands', () => {
  const ids = createIds()
  const counts = new Map<string, number>()
  for (let drawn = 0; drawn < 10_000; drawn += 1) {
    for (const letter of ids.random('')) counts.set(letter, (counts.get(letter) ?? 0) + 1)
  }
  const expected = (10_000 * 24) / 62
  expect(counts.size).toBe(62)
  // About eight standard deviations: chance does not get there, a letter that is drawn twice as often does.
  for (const count of counts.values()) expect(Math.abs(count - expected)).toBeLessThan(expected / 8)
})

test('a hexadecimal id has 48 digits, and those of a later time sort behind those of an earlier one', () => {
  const ids = createIds()
  const drawn = Array.from({ length: 500 }, () => ids.hex('conv_'))
  for (const id of drawn) expect(id).toMatch(/^conv_[0-9a-f]{48}$/)
  expect(new Set(drawn).size).toBe(drawn.length)
  const timed = Array.from({ length: 500 }, (_, index) => ids.hex('resp_', 1_700_000_000_000 + index))
  for (const id of timed) expect(id).toMatch(/^resp_0?18bcfe[0-9a-f]+$/)
  expect(new Set(timed.map((id) => id.length))).toEqual(new Set([53]))
  expect(timed.toSorted()).toEqual(timed)
  const [one, other] = [ids.hex('', 5), ids.hex('', 5)]
  expect(one).not.toBe(other)
})
