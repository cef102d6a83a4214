/**
 * Events as they are stored: a line of JSON for each, and one for all deltas in a row, which say little beside their values.
 * An event is an object; a line of deltas is an array of what stands around each value, and the values.
 */
import { toEvents } from '../delta-run.ts'
import type { DeltaRun, ToldEvents } from '../delta-run.ts'
import { fromJsonLines, toJsonLines } from './json-lines.ts'

/** One text, to be read by {@link fromEventLines}. */
export function toEventLines(told: readonly ToldEvents[]): string {
  const lines: string[] = []
  for (let at = 0; at < told.length;) {
    const each = told[at] ?? ''
    let next = at + 1
    if (typeof each === 'string') lines.push(each)
    else {
      const values = [...each.values]
      for (let more = told[next]; isOfRun(more, each); more = told[(next += 1)]) values.push(...more.values)
      lines.push(`[${JSON.stringify(each.head)},${JSON.stringify(each.rest)},${values.join(',')}]`)
    }
    at = next
  }
  return toJsonLines(lines)
}

function isOfRun(told: ToldEvents | undefined, { head, rest }: DeltaRun): told is DeltaRun {
  return typeof told === 'object' && told.head === head && told.rest === rest
}

/** The JSON text of each event; `first` is the number of the first of them. */
export function fromEventLines(lines: string, first: number): string[] {
  const events: string[] = []
  for (const line of fromJsonLines(lines)) {
    if (!line.startsWith('[')) events.push(line)
    else {
      // As `toEventLines` writes it.
      const [head = '', rest = '', ...values] = JSON.parse(line) as readonly string[]
      const texts = values.map((value) => JSON.stringify(value))
      for (const event of toEvents([{ head, rest, first: first + events.length, values: texts }])) events.push(event)
    }
  }
  return events
}
