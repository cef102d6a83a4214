import { expect, test } from 'vitest'
import { createRandom, findModes, findSpread, pairUp, quantile, toShuffled } from './statistics.ts'

test('a quantile lies between its neighbours', () => {
  expect(quantile([3, 1, 2], 0.5)).toBe(2)
  expect(quantile([4, 1, 3, 2], 0.5)).toBe(2.5)
  expect(quantile([10, 20], 0.99)).toBeCloseTo(19.9)
  expect(() => quantile([], 0.5)).toThrow('at least one value')
})

test('a spread keeps the range, and there is none without values', () => {
  expect(findSpread([5, 1, 9])).toEqual({ median: 5, min: 1, max: 9 })
  expect(findSpread([])).toBeUndefined()
})

test('ratios are taken within a round, and rounds that one side lacks do not count', () => {
  const ours = new Map([
    [1, 30],
    [2, 80],
    [3, 10],
  ])
  const nginx = new Map([
    [1, 10],
    [2, 20],
  ])
  expect(pairUp(ours, nginx, (left, right) => left / right)).toEqual([3, 4])
})

test('a pile at a step is a mode, a spread across it is not', () => {
  const spread = Array.from({ length: 100 }, (_, index) => index / 10)
  expect(findModes(spread, [5, 25, 40], 0.05)).toEqual([])
  const piled = [...spread, ...Array.from({ length: 20 }, () => 40.8)]
  expect(findModes(piled, [5, 25, 40], 0.05)).toEqual([40])
  expect(findModes(piled, [5, 25, 40], 0.5)).toEqual([])
  expect(findModes([], [5], 0.05)).toEqual([])
})

test('an order is a permutation and is repeated by its seed', () => {
  const items = ['a', 'b', 'c', 'd', 'e', 'f']
  const order = toShuffled(items, createRandom(7))
  expect(order.toSorted()).toEqual(items)
  expect(order).toEqual(toShuffled(items, createRandom(7)))
  const orders = Array.from({ length: 20 }, (_, seed) => toShuffled(items, createRandom(seed)).join(''))
  expect(new Set(orders).size).toBeGreaterThan(10)
})
