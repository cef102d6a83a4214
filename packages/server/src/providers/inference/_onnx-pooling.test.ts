import { describe, expect, test } from 'vitest'
import type { PoolingMode } from './_onnx-model-facts.ts'
import { normalize, pool, shorten } from './_onnx-pooling.ts'

/** Two numbers of another text, then three tokens. */
const values = Float32Array.of(99, 99, 1, 8, 3, 4, 5, 0)
const rows = { values, offset: 2, length: 3, width: 2, skipped: 0 }

describe('pooling', () => {
  test.each<[PoolingMode, number[]]>([
    ['cls', [1, 8]],
    ['lasttoken', [5, 0]],
    ['max', [5, 8]],
    ['mean', [3, 4]],
    ['mean_sqrt_len', [9 / Math.sqrt(3), 12 / Math.sqrt(3)]],
    ['weightedmean', [(1 + 6 + 15) / 6, (8 + 8 + 0) / 6]],
  ])('by %s', (mode, expected) => {
    expect(pool(rows, [mode])).toEqual(Float32Array.from(expected))
  })

  test('leaves a prompt out', () => {
    expect(pool({ ...rows, skipped: 1 }, ['mean'])).toEqual(Float32Array.of(4, 2))
    expect(pool({ ...rows, skipped: 1 }, ['max'])).toEqual(Float32Array.of(5, 4))
    expect(pool({ ...rows, skipped: 1 }, ['weightedmean'])).toEqual(Float32Array.from([21 / 5, 8 / 5]))
  })

  test('puts several results one after the other', () => {
    expect(pool(rows, ['cls', 'mean'])).toEqual(Float32Array.of(1, 8, 3, 4))
  })
})

test('a vector is brought to length 1, unless it has none', () => {
  expect(normalize(Float32Array.of(3, 4))).toEqual(Float32Array.from([0.6, 0.8]))
  expect(normalize(Float32Array.of(0, 0))).toEqual(Float32Array.of(0, 0))
})

test('a shortened vector has length 1 again', () => {
  expect(shorten(Float32Array.of(3, 4, 12), 2)).toEqual(Float32Array.from([0.6, 0.8]))
})
