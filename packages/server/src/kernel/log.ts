/** Log lines: one JSON object each for machines, one short line each for people. */
import type { Clock, JsonObject, Log } from '@llama-stack/api'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']

export interface LogOptions {
  /** Lines below this level are not built. Default: info. */
  readonly level?: LogLevel
  readonly format: 'json' | 'pretty'
  readonly clock: Clock
  readonly write: (line: string) => void
}

const ignore = (): void => undefined

/** Says nothing: for tests that do not look at the log. */
export const silentLog: Log = Object.freeze({
  debug: ignore,
  info: ignore,
  warn: ignore,
  error: ignore,
  child: () => silentLog,
})

/** Creates a log. A level that is off costs one function call. */
export function createLog(options: LogOptions): Log {
  return logWith(options, {})
}

interface Line {
  readonly time: string
  readonly level: LogLevel
  readonly message: string
  readonly fields: JsonObject
}

function logWith(options: LogOptions, base: JsonObject): Log {
  const render = options.format === 'json' ? toJsonLine : toPrettyLine
  const at = (level: LogLevel): ((message: string, fields?: JsonObject) => void) => {
    if (LEVELS.indexOf(level) < LEVELS.indexOf(options.level ?? 'info')) return ignore
    return (message, fields) => {
      const time = new Date(options.clock.now()).toISOString()
      options.write(render({ time, level, message, fields: fields === undefined ? base : { ...base, ...fields } }))
    }
  }
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => logWith(options, { ...base, ...fields }),
  }
}

function toJsonLine({ time, level, message, fields }: Line): string {
  return `${JSON.stringify({ time, level, message, ...fields })}\n`
}

function toPrettyLine({ time, level, message, fields }: Line): string {
  const rest = Object.entries(fields)
    .map(([key, value]) => `  ${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join('')
  return `${time.slice(11, 19)}  ${level === 'info' ? '' : `${level}  `}${message}${rest}\n`
}
