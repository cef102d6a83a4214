import { BenchError } from './bench-error.ts'

/** The middle value with the range it was seen in. */
export type Spread = { readonly median: number; readonly min: number; readonly max: number }

/** The q-quantile (0 to 1) of the values, interpolated between neighbours. */
export function quantile(values: readonly number[], q: number): number {
  if (values.length === 0) throw new BenchError('a quantile needs at least one value')
  const sorted = values.toSorted((left, right) => left - right)
  const position = (sorted.length - 1) * q
  const below = sorted[Math.floor(position)] ?? NaN
  const above = sorted[Math.ceil(position)] ?? NaN
  return below + (above - below) * (position - Math.floor(position))
}

/** The median with the smallest and the largest value, or undefined when there is no value. */
export function findSpread(values: readonly number[]): Spread | undefined {
  if (values.length === 0) return undefined
  return { median: quantile(values, 0.5), min: Math.min(...values), max: Math.max(...values) }
}

/** Differences or ratios of two series, paired by key; keys that only one side has are left out. */
export function pairUp(
  left: ReadonlyMap<number, number>,
  right: ReadonlyMap<number, number>,
  combine: (left: number, right: number) => number,
): number[] {
  return [...left].flatMap(([key, value]) => {
    const other = right.get(key)
    return other === undefined ? [] : [combine(value, other)]
  })
}

/**
 * The steps at which the values pile up.
 *
 * Timer sleeps, Nagle with delayed ACKs and batching show as a mode near 5, 25, 40 or 200 ms: at least `leastShare` of
 * the values within 15 % of the step, and twice as many as in the bands of the same width below and above. On a loaded
 * machine values are spread out, and a band that only has its part of the spread is no mode.
 */
export function findModes(valuesMs: readonly number[], stepsMs: readonly number[], leastShare: number): number[] {
  const countWithin = (from: number, to: number): number =>
    valuesMs.filter((value) => value > from && value <= to).length
  return stepsMs.filter((step) => {
    const inside = countWithin(step * 0.85, step * 1.15)
    const beside = (countWithin(step * 0.55, step * 0.85) + countWithin(step * 1.15, step * 1.45)) / 2
    return inside > 0 && inside >= leastShare * valuesMs.length && inside >= 2 * beside
  })
}

/** A small seeded generator (mulberry32), so that the order of a run can be repeated from its recorded seed. */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** The items in an order drawn from `random`. */
export function toShuffled<Item>(items: readonly Item[], random: () => number): Item[] {
  return items
    .map((item) => ({ item, place: random() }))
    .toSorted((left, right) => left.place - right.place)
    .map(({ item }) => item)
}
