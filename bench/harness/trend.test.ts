import { describe, expect, test } from 'vitest'
import { BenchError } from './bench-error.ts'
import { createRandom } from './statistics.ts'
import { fitTrend, toSparkline, type Reading } from './trend.ts'

const hour = 3_600_000

/** One reading each ten seconds for a quarter of an hour. */
function toReadings(of: (hours: number, index: number) => number): Reading[] {
  return Array.from({ length: 90 }, (_, index) => {
    const atMs = 1_700_000_000_000 + index * 10_000
    return { atMs, value: of((index * 10_000) / hour, index) }
  })
}

describe('the trend of a series', () => {
  test('is its slope, exactly where it is a line', () => {
    const { perHour, plusMinus } = fitTrend(toReadings((hours) => 100 + 12 * hours))
    expect(perHour).toBeCloseTo(12, 6)
    expect(plusMinus).toBeCloseTo(0, 6)
  })

  test('has nineteen times out of twenty the true slope within its interval', () => {
    const random = createRandom(1)
    const hits = Array.from({ length: 400 }, () => {
      const { perHour, plusMinus } = fitTrend(toReadings((hours) => 5 * hours + random() - 0.5))
      return Math.abs(perHour - 5) <= plusMinus
    })
    const share = hits.filter(Boolean).length / hits.length
    expect(share).toBeGreaterThan(0.9)
    expect(share).toBeLessThan(0.98)
  })

  test('is less sure of readings that resemble their neighbours', () => {
    const random = createRandom(2)
    let level = 0
    const wandering = toReadings(() => (level = 0.9 * level + random() - 0.5))
    const shuffled = wandering.map(({ atMs }, index) => ({ atMs, value: wandering[(index * 37) % 90]?.value ?? 0 }))
    expect(fitTrend(wandering).plusMinus).toBeGreaterThan(2 * fitTrend(shuffled).plusMinus)
  })

  test('needs readings', () => {
    expect(() => fitTrend(toReadings(() => 1).slice(0, 3))).toThrow(BenchError)
  })
})

test('a sparkline goes from the smallest to the largest value, and shows the highest of what it draws together', () => {
  expect(toSparkline([0, 1, 2, 3, 4, 5, 6, 7], 8)).toBe('▁▂▃▄▅▆▇█')
  expect(toSparkline([0, 0, 0, 9, 0, 0], 3)).toBe('▁█▁')
  expect(toSparkline([5, 5], 60)).toBe('▁▁')
})
