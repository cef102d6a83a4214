import type { Section } from '../harness/bench.ts'
import type { Cell } from '../harness/cell.ts'
import { findSpread } from '../harness/statistics.ts'
import { formatSpread, toSummaries, toVerdict, type Bound, type Summary } from '../harness/summary.ts'

/** A row of the tables: what was asked for, and the row of the same process that it is compared with. */
export type ResponseRow = { readonly name: string; readonly reference: string }

/** The rows that everything else of their process is compared with, and the mock alone. */
export const plainRows = { direct: 'direct', chat: 'chat (W1)', programChat: 'own program: chat (W1)' } as const

const perResponse = (name: string): Bound => ({ what: `${name}, to W1`, must: 6, goal: 3, unit: 'x' })
const growth = (name: string, first: string): Bound => ({
  what: `${name} to ${first}`,
  must: 1.5,
  goal: 1.3,
  unit: 'x',
})

/** What responses cost, as ratios to a chat completion of the same process in the same round. */
export function toTurnsSection(cells: readonly Cell[], rows: readonly ResponseRow[]): Section {
  const summaries = summarise(cells, rows)
  const plain: readonly string[] = Object.values(plainRows)
  return {
    heading: 'responses, one and two turns of the model',
    columns: ['asked for', 'CPU us/response', 'x W1', 'responses/s', 'RSS MiB', 'rounds'],
    rows: summaries.map((summary) => [
      summary.target,
      formatSpread(summary.cpuPerUnit),
      formatSpread(summary.ratio, 2),
      toRate(summary),
      summary.rssBytes === undefined ? '-' : (summary.rssBytes.median / 2 ** 20).toFixed(0),
      String(summary.rounds),
    ]),
    remarks: [
      ...summaries
        .filter(({ target }) => !plain.includes(target))
        .map(({ target, ratio }) => toVerdict(perResponse(target), ratio?.median)),
      ...toRemarks(summaries),
    ],
  }
}

/** How the cost grows with the responses that a request continues. */
export function toDepthSection(
  cells: readonly Cell[],
  rows: readonly ResponseRow[],
  depths: readonly string[],
): Section {
  const toChat = summarise(cells, rows)
  const [first = ''] = depths
  const toFirst = toSummaries(cells, depths, () => first)
  const growthOf = (name: string): Summary | undefined => toFirst.find(({ target }) => target === name)
  const bytesOf = (name: string): string => {
    const bytes = cells.flatMap(({ target, extra }) => (target === name ? [extra['upstreamBytes'] ?? NaN] : []))
    return findSpread(bytes.filter((value) => !Number.isNaN(value)))?.median.toFixed(0) ?? '-'
  }
  return {
    heading: 'responses, by the depth of what they continue',
    columns: ['asked for', 'CPU us/response', 'x W1', `x ${first}`, 'bytes to the model', 'responses/s', 'rounds'],
    rows: toChat.map((summary) => [
      summary.target,
      formatSpread(summary.cpuPerUnit),
      formatSpread(summary.ratio, 2),
      formatSpread(growthOf(summary.target)?.ratio, 2),
      bytesOf(summary.target),
      toRate(summary),
      String(summary.rounds),
    ]),
    remarks: [
      ...depths.slice(1).map((name) => toVerdict(growth(name, first), growthOf(name)?.ratio?.median)),
      ...toRemarks(toChat),
    ],
  }
}

function summarise(cells: readonly Cell[], rows: readonly ResponseRow[]): Summary[] {
  const references = new Map(rows.map(({ name, reference }) => [name, reference]))
  return toSummaries(
    cells,
    rows.map(({ name }) => name),
    (name) => references.get(name) ?? name,
  )
}

function toRate({ ratePerSecond }: Summary): string {
  return ratePerSecond?.median.toFixed(0) ?? '-'
}

function toRemarks(summaries: readonly Summary[]): string[] {
  return summaries.flatMap(({ target, voids }) => voids.map((reason) => `void: ${target}: ${reason}`))
}
