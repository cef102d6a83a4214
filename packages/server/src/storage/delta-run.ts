/** Deltas in a row of one part of one item: events that differ in their value and their number alone. */

export interface DeltaRun {
  /** The JSON text of each event up to its value. */
  readonly head: string
  /** The JSON text of each event behind its number, its closing brace included. */
  readonly rest: string
  /** The sequence number of the first event. */
  readonly first: number
  /** The values, as JSON texts. At least one. */
  readonly values: readonly string[]
}

/** One event as JSON text, or many. */
export type ToldEvents = string | DeltaRun

/** What stands between the value of a delta and its number. */
export const BEFORE_NUMBER = ',"sequence_number":'

/** How many events these are. */
export function countEvents(told: readonly ToldEvents[]): number {
  let count = 0
  for (const each of told) count += typeof each === 'string' ? 1 : each.values.length
  return count
}

/** The JSON text of the event at `index` of the run. */
export function toEvent({ head, rest, first, values }: DeltaRun, index: number): string {
  return `${head}${values[index] ?? ''}${BEFORE_NUMBER}${first + index}${rest}`
}

/** Each event as JSON text. */
export function toEvents(told: readonly ToldEvents[]): string[] {
  return told.flatMap((each) => (typeof each === 'string' ? each : each.values.map((_, index) => toEvent(each, index))))
}
