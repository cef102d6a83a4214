import { BenchError } from './bench-error.ts'

/** One reading of a quantity. */
export type Reading = { readonly atMs: number; readonly value: number }

/** Where a series is heading: the straight line of least squares, with how sure its slope is. */
export type Trend = {
  readonly perHour: number
  /** Half the width of the 95 % interval of the slope. */
  readonly plusMinus: number
}

const msPerHour = 3_600_000
/** The standard normal distribution has 95 % of its mass within so many deviations. */
const deviations = 1.96

/**
 * Fits a line through the readings.
 *
 * Neighbouring readings resemble each other (a cache that is full now is full ten seconds later), and treating them as
 * independent would make the slope look surer than it is: their number is reduced by the correlation of the residuals
 * with their successors.
 */
export function fitTrend(readings: readonly Reading[]): Trend {
  const count = readings.length
  if (count < 4) throw new BenchError(`a trend needs at least 4 readings; there are ${count}`)
  const meanAt = readings.reduce((sum, { atMs }) => sum + atMs, 0) / count
  const mean = readings.reduce((sum, { value }) => sum + value, 0) / count
  const spread = readings.reduce((sum, { atMs }) => sum + (atMs - meanAt) ** 2, 0)
  const slope = readings.reduce((sum, { atMs, value }) => sum + (atMs - meanAt) * (value - mean), 0) / spread
  const residuals = readings.map(({ atMs, value }) => value - mean - slope * (atMs - meanAt))
  const squares = residuals.reduce((sum, residual) => sum + residual ** 2, 0)
  const products = residuals.slice(1).reduce((sum, residual, index) => sum + residual * (residuals[index] ?? 0), 0)
  const correlation = squares === 0 ? 0 : Math.min(0.95, Math.max(0, products / squares))
  const effective = Math.max(3, (count * (1 - correlation)) / (1 + correlation))
  const variance = squares / (effective - 2)
  // The spread of the times shrinks with the number of readings that count.
  const error = Math.sqrt(variance / (spread * (effective / count)))
  return { perHour: slope * msPerHour, plusMinus: deviations * error * msPerHour }
}

const bars = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const

/** A picture of the series in one line, from its smallest to its largest value. */
export function toSparkline(values: readonly number[], width: number): string {
  const columns = Array.from(
    { length: Math.min(width, values.length) },
    (_, column, all = Math.min(width, values.length)) => {
      const from = Math.floor((column * values.length) / all)
      const until = Math.floor(((column + 1) * values.length) / all)
      return Math.max(...values.slice(from, until))
    },
  )
  const least = Math.min(...columns)
  const range = Math.max(...columns) - least
  return columns.map((value) => bars[range === 0 ? 0 : Math.floor(((value - least) / range) * 7.999)] ?? '').join('')
}
