import type { Report, Section } from '../harness/bench.ts'
import { quantile } from '../harness/statistics.ts'
import { fitTrend, toSparkline, type Trend } from '../harness/trend.ts'
import type { SoakReport } from '../load/soak-client.ts'
import type { SoakSample } from './soak-watch.ts'

/** What a soak has seen. */
export type SoakOutcome = {
  /** Taken while there was traffic. */
  readonly samples: readonly SoakSample[]
  readonly traffic: SoakReport
  readonly before: SoakSample
  /** Taken when all had been quiet for a while. */
  readonly after: SoakSample
  readonly visitsPerSecond: number
}

const mebibyte = 2 ** 20
/** When all is quiet, only what listens is open, and a listing of models may be under way to each vendor. */
const mostSocketsLeft = 8
const pictureWidth = 60

/** A quantity that is watched. */
type Watch = {
  readonly what: string
  readonly of: (sample: SoakSample) => number
  readonly unit: string
  readonly digits: number
  /** The most that it may grow. */
  readonly mostPerHour?: number
}

const watches: readonly Watch[] = [
  { what: 'heap used', of: ({ heapBytes }) => heapBytes / mebibyte, unit: ' MiB', digits: 2, mostPerHour: 2 },
  { what: 'heap held', of: ({ heapCommittedBytes }) => heapCommittedBytes / mebibyte, unit: ' MiB', digits: 1 },
  { what: 'external', of: ({ externalBytes }) => externalBytes / mebibyte, unit: ' MiB', digits: 2, mostPerHour: 2 },
  { what: 'RSS', of: ({ rssBytes }) => rssBytes / mebibyte, unit: ' MiB', digits: 1, mostPerHour: 16 },
  { what: 'sockets of the server', of: ({ serverSockets }) => serverSockets, unit: '', digits: 0, mostPerHour: 4 },
  { what: 'sockets of the vendors', of: ({ vendorSockets }) => vendorSockets, unit: '', digits: 0, mostPerHour: 4 },
  { what: 'active handles', of: (sample) => countHandles(sample), unit: '', digits: 0, mostPerHour: 4 },
  { what: 'event loop delay p99', of: ({ loopDelayP99Ms }) => loopDelayP99Ms, unit: ' ms', digits: 1 },
]

function countHandles({ handles }: SoakSample): number {
  return Object.values(handles).reduce((sum, count) => sum + count, 0)
}

/** What a person at the terminal sees of a sample. */
export function toSampleLine(sample: SoakSample): string {
  return watches.map(({ what, of, unit, digits }) => `${what} ${of(sample).toFixed(digits)}${unit}`).join(', ')
}

/** The tables of a soak; what grew, stayed open or went wrong is among its failures. */
export function toSoakReport(outcome: SoakOutcome): Report {
  const memory = toMemorySection(outcome)
  const visits = toVisitSection(outcome)
  const failures = [...memory.remarks, ...visits.remarks].filter((remark) => remark.includes('MISSED'))
  return { sections: [memory, visits], failures }
}

/** Missed only where chance does not explain the slope: where the whole of its interval is beyond the bound. */
function toVerdict({ perHour, plusMinus }: Trend, mostPerHour: number): 'kept' | 'unclear' | 'MISSED' {
  if (perHour - plusMinus > mostPerHour) return 'MISSED'
  return perHour > mostPerHour ? 'unclear' : 'kept'
}

type WatchRow = { readonly cells: readonly string[]; readonly remarks: readonly string[] }

function toWatchRow(watch: Watch, { samples, before, after }: SoakOutcome): WatchRow {
  const { what, of, unit, digits, mostPerHour } = watch
  const middle = Math.floor(samples.length / 2)
  const late = samples.slice(middle)
  const trend = fitTrend(late.map((sample) => ({ atMs: sample.atMs, value: of(sample) })))
  const slope = `${trend.perHour.toFixed(2)} ± ${trend.plusMinus.toFixed(2)}`
  const show = (value: number): string => `${value.toFixed(digits)}${unit}`
  const showMedian = (part: readonly SoakSample[]): string => show(quantile(part.map(of), 0.5))
  const verdict = mostPerHour === undefined ? undefined : toVerdict(trend, mostPerHour)
  return {
    cells: [
      what,
      show(of(before)),
      showMedian(samples.slice(0, middle)),
      showMedian(late),
      show(Math.max(...samples.map(of))),
      show(of(after)),
      slope,
      verdict === undefined ? '-' : `${mostPerHour} ${verdict}`,
    ],
    remarks: verdict === 'MISSED' ? [`${what} grows by ${slope}${unit} per hour, must ${mostPerHour} MISSED`] : [],
  }
}

function toPicture(what: string, values: readonly number[]): string {
  const range = `${Math.min(...values).toFixed(1)} to ${Math.max(...values).toFixed(1)} MiB`
  return `\`${what.padEnd(4)} ${toSparkline(values, pictureWidth)} ${range}\``
}

function toMemorySection(outcome: SoakOutcome): Section {
  const { samples, after, visitsPerSecond } = outcome
  const [first, last] = [samples[0], samples.at(-1)]
  const seconds = ((last?.atMs ?? 0) - (first?.atMs ?? 0)) / 1_000
  const cpuSeconds = ((last?.cpuMicros ?? 0) - (first?.cpuMicros ?? 0)) / 1e6
  const rows = watches.map((watch) => toWatchRow(watch, outcome))
  const left = `sockets of the server after all was quiet: ${after.serverSockets}, must ${mostSocketsLeft}`
  return {
    heading: `memory and sockets over ${(seconds / 60).toFixed(0)} minutes, ${visitsPerSecond} visits/s`,
    columns: ['', 'before', 'first half', 'second half', 'highest', 'after', 'slope/h', 'most/h'],
    rows: rows.map(({ cells }) => cells),
    remarks: [
      toPicture(
        'RSS',
        samples.map(({ rssBytes }) => rssBytes / mebibyte),
      ),
      toPicture(
        'heap',
        samples.map(({ heapBytes }) => heapBytes / mebibyte),
      ),
      'slopes: least squares over the second half, with the 95 % interval; medians of the halves; a full collection before each sample',
      ...rows.flatMap(({ remarks }) => remarks),
      `${left} ${after.serverSockets <= mostSocketsLeft ? 'kept' : 'MISSED'}`,
      `CPU of the server: ${((cpuSeconds / seconds) * 100).toFixed(1)} % of a core, the collections included`,
    ],
  }
}

function toVisitSection({ traffic }: SoakOutcome): Section {
  const visits = Object.entries(traffic.visits)
  const wrong = visits.flatMap(([name, count]) =>
    Object.entries(count.wrong).map(([what, times]) => `${name}: ${times} times ${what}, MISSED`),
  )
  return {
    heading: 'the visits',
    columns: ['visit', 'as it should be', 'error of a vendor', 'wrong'],
    rows: visits.map(([name, count]) => [
      name,
      String(count.answered),
      String(count.failed),
      String(Object.values(count.wrong).reduce((sum, times) => sum + times, 0)),
    ]),
    remarks: [
      ...wrong,
      ...(traffic.postponed === 0 ? [] : [`${traffic.postponed} visits were put off: too many were under way`]),
    ],
  }
}
