import { expect, test } from 'vitest'
import { findCountFault } from './drive-responses.ts'

test('the model is asked for every response as often as that needs, and at most once more by each that was cut off', () => {
  const faultsOf = (count: number): string[] => findCountFault('asked', count, { responses: 100, each: 2, underWay: 8 })
  expect(faultsOf(199)).toEqual(['the model was asked 199 times for 100 responses'])
  expect(faultsOf(200)).toEqual([])
  expect(faultsOf(216)).toEqual([])
  expect(faultsOf(217)).toHaveLength(1)
})

test('a model that must not call a tool does not', () => {
  expect(findCountFault('called', 0, { responses: 100, each: 0, underWay: 8 })).toEqual([])
  expect(findCountFault('called', 1, { responses: 100, each: 0, underWay: 8 })).toHaveLength(1)
})
