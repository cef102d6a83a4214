/**
 * Events as they are stored: a line of JSON for each, and one for all deltas in a row, which say little beside their values.
 * An event is an object; a line of deltas is an array of what stands around each value, and the values.
 */
import { toEvents } from '../delta-run.ts'
import type { DeltaRun, ToldEvents } from '../delta-run.ts'
import { fromJsonLines, toJsonLines } from './json-lines.ts'

/** One text, to be read by {@link fromEventLines}. */
export function toEventLines(told: readonly ToldEvents[]): string {
  const lines: (string | string[])[] = []
  let open: DeltaRun | undefined
  let parts: string[] = []
  for (const each of told) {
    if (typeof each === 'string') {
      lines.push(each)
      open = undefined
      continue
    }
    if (open?.head !== each.head || open.rest !== each.rest) {
      open = each
      parts = [JSON.stringify(each.head), JSON.stringify(each.rest)]
      lines.push(parts)
    }
    parts.push(each.values.join(','))
  }
  return toJsonLines(lines.map((line) => (typeof line === 'string' ? line : `[${line.join(',')}]`)))
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
