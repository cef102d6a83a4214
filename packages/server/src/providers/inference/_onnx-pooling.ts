/** From the vectors of a text's tokens to the vector of the text. */
import type { PoolingMode } from './_onnx-model-facts.ts'

/** The tokens of one text within what a model computed: `length` rows of `width` numbers from `offset` on. */
export interface TokenRows {
  readonly values: Float32Array
  readonly offset: number
  readonly length: number
  readonly width: number
  /** Rows at the beginning that are not pooled: a prompt that does not count. */
  readonly skipped: number
}

/** Pools the rows in each mode, one result after the other. Padding is not among the rows. */
export function pool(rows: TokenRows, modes: readonly PoolingMode[]): Float32Array {
  const pooled = new Float32Array(rows.width * modes.length)
  for (const [index, mode] of modes.entries()) pooled.set(poolings[mode](rows), index * rows.width)
  return pooled
}

/** Brings a vector to length 1. A vector of zeros stays one. */
export function normalize(vector: Float32Array): Float32Array {
  let squares = 0
  for (const value of vector) squares += value * value
  const length = Math.sqrt(squares)
  return length === 0 ? vector : vector.map((value) => value / length)
}

/** The first numbers of a vector, brought to length 1: what models with Matryoshka training are trained for. */
export function shorten(vector: Float32Array, dimension: number): Float32Array {
  return normalize(vector.slice(0, dimension))
}

const poolings: Readonly<Record<PoolingMode, (rows: TokenRows) => Float32Array>> = Object.freeze({
  cls: (rows) => rowAt(rows, 0),
  lasttoken: (rows) => rowAt(rows, rows.length - 1),
  max: maximum,
  mean: (rows) => weigh(rows, () => 1, sum),
  mean_sqrt_len: (rows) =>
    weigh(
      rows,
      () => 1,
      (weights) => Math.sqrt(sum(weights)),
    ),
  // Later tokens have seen more of the text (SGPT, arXiv 2202.08904).
  weightedmean: (rows) => weigh(rows, (index) => index + 1, sum),
})

function rowAt({ values, offset, width }: TokenRows, index: number): Float32Array {
  return values.slice(offset + index * width, offset + (index + 1) * width)
}

function maximum(rows: TokenRows): Float32Array {
  const result = new Float32Array(rows.width).fill(-Infinity)
  for (let index = rows.skipped; index < rows.length; index += 1) {
    const start = rows.offset + index * rows.width
    for (let at = 0; at < rows.width; at += 1) {
      result[at] = Math.max(result[at] ?? 0, rows.values[start + at] ?? 0)
    }
  }
  return result
}

function weigh(
  rows: TokenRows,
  weightOf: (index: number) => number,
  divisorOf: (weights: readonly number[]) => number,
): Float32Array {
  // Added up in doubles: the mean of 8,000 tokens would lose digits in floats.
  const sums = new Float64Array(rows.width)
  const weights: number[] = []
  for (let index = rows.skipped; index < rows.length; index += 1) {
    const weight = weightOf(index)
    weights.push(weight)
    const start = rows.offset + index * rows.width
    for (let at = 0; at < rows.width; at += 1) sums[at] = (sums[at] ?? 0) + weight * (rows.values[start + at] ?? 0)
  }
  const divisor = divisorOf(weights)
  return Float32Array.from(sums, (value) => value / divisor)
}

function sum(of: readonly number[]): number {
  return of.reduce((total, value) => total + value, 0)
}
