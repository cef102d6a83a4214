/** A progress bar: one redrawn line for people, one line per 10 % for logs. */
import type { Clock } from '@llama-stack/api'
import type { TextSink } from './command.ts'
import { cutToWidth } from './terminal.ts'
import type { Terminal } from './terminal.ts'

export interface ProgressOptions {
  readonly label: string
  readonly totalBytes: number
  /** What an earlier attempt already has: counted as done, not as speed. */
  readonly resumedBytes?: number
  readonly sink: TextSink
  readonly terminal: Terminal
  readonly clock: Clock
}

/** The bar of one download. Disposing ends its line. */
export interface Progress extends Disposable {
  /** Moves to this many bytes in total. */
  update(doneBytes: number): void
}

const REDRAW_MS = 100
const BAR_COLUMNS = 24
const LOG_STEP_PERCENT = 10

/** Starts a progress bar. */
export function createProgress(options: ProgressOptions): Progress {
  return options.terminal.interactive ? createRedrawnLine(options) : createLogLines(options)
}

function createRedrawnLine(options: ProgressOptions): Progress {
  const { sink, terminal, clock } = options
  const startedAtMs = clock.monotonic()
  let drawnAtMs = Number.NEGATIVE_INFINITY
  let doneBytes = options.resumedBytes ?? 0
  const draw = (): void => {
    drawnAtMs = clock.monotonic()
    const filled = Math.round((BAR_COLUMNS * percentOf(doneBytes, options)) / 100)
    const bar = terminal.symbols.bar.repeat(filled) + terminal.symbols.rest.repeat(BAR_COLUMNS - filled)
    const line = `${options.label}  ${bar}  ${describe(options, doneBytes, drawnAtMs - startedAtMs)}`
    sink.write(`\r\u001b[2K${cutToWidth(line, terminal.columns - 1, terminal.symbols.ellipsis)}`)
  }
  return {
    update(bytes) {
      doneBytes = bytes
      if (bytes >= options.totalBytes || clock.monotonic() - drawnAtMs >= REDRAW_MS) draw()
    },
    [Symbol.dispose]() {
      draw()
      sink.write('\n')
    },
  }
}

function createLogLines(options: ProgressOptions): Progress {
  const startedAtMs = options.clock.monotonic()
  let said = Math.floor(percentOf(options.resumedBytes ?? 0, options) / LOG_STEP_PERCENT)
  return {
    update(doneBytes) {
      const step = Math.floor(percentOf(doneBytes, options) / LOG_STEP_PERCENT)
      if (step <= said) return
      said = step
      options.sink.write(`${options.label}  ${describe(options, doneBytes, options.clock.monotonic() - startedAtMs)}\n`)
    },
    [Symbol.dispose]() {},
  }
}

function percentOf(doneBytes: number, { totalBytes }: ProgressOptions): number {
  return totalBytes <= 0 ? 100 : Math.min(100, (doneBytes / totalBytes) * 100)
}

function describe(options: ProgressOptions, doneBytes: number, elapsedMs: number): string {
  const { totalBytes, resumedBytes = 0 } = options
  const parts = [
    `${Math.floor(percentOf(doneBytes, options))} %`,
    `${formatBytes(doneBytes)} / ${formatBytes(totalBytes)}`,
  ]
  const bytesPerSecond = elapsedMs > 0 ? ((doneBytes - resumedBytes) / elapsedMs) * 1000 : 0
  if (bytesPerSecond > 0) {
    parts.push(`${formatBytes(bytesPerSecond)}/s`)
    if (doneBytes < totalBytes) parts.push(`${formatDuration(((totalBytes - doneBytes) / bytesPerSecond) * 1000)} left`)
  }
  return parts.join('  ')
}

/** Bytes for people, in decimal units as file sizes on disks and download pages are given: `2.6 GB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let value = bytes
  let unit = 0
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit += 1
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit] ?? ''}`
}

/** A duration for people: `0.6 s`, `42 s`, `3 min 05 s`, `2 h 10 min`. */
export function formatDuration(durationMs: number): string {
  const seconds = durationMs / 1000
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, '0')} min`
}
