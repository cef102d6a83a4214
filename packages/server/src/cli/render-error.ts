/** A failure as a terminal shows it: what happened, where, how to fix it, where to read more. */
import { errorTable, isStackError } from '@llama-stack/api'
import type { ConfigFault, ErrorCode, StackError } from '@llama-stack/api'
import type { Terminal } from './terminal.ts'

export interface RenderErrorOptions {
  readonly terminal: Terminal
  /** One JSON object in place of the lines. */
  readonly json: boolean
  /** Adds the stack trace of an error that is not in the table. */
  readonly verbose: boolean
}

/** Renders whatever was thrown. */
export function renderError(error: unknown, options: RenderErrorOptions): string {
  const view = toView(error, options.verbose)
  return options.json ? `${JSON.stringify({ error: view })}\n` : renderView(view, options.terminal)
}

/** The words of the command line for a code of the table: `port_in_use` is shown as `port-in-use`. */
export function toDashes(code: string): string {
  return code.replaceAll('_', '-')
}

interface FaultView {
  readonly message: string
  readonly fix?: string
  readonly where?: { readonly file: string; readonly line?: number; readonly column?: number; readonly source?: string }
}

interface ErrorView extends FaultView {
  readonly code: string
  /** Further faults of the same file. */
  readonly others?: readonly FaultView[]
  readonly stack?: string
}

function toView(error: unknown, verbose: boolean): ErrorView {
  if (isStackError(error)) return toStackErrorView(error)
  const message = error instanceof Error ? error.message : String(error)
  return {
    code: 'internal_error',
    message: `This is a mistake of ours, not of yours: ${message}`,
    fix: verbose ? 'report it, with the lines below' : 'run it again with --verbose and report what it prints',
    ...(verbose && error instanceof Error && error.stack !== undefined ? { stack: error.stack } : {}),
  }
}

function toStackErrorView(error: StackError): ErrorView {
  const { code } = error
  if (isStackError(error, 'server_refused')) return { code: error.details.code, message: error.message }
  const details: Partial<ConfigFault> = error.details
  if (details.problem !== undefined && details.fix !== undefined) {
    const others = (details.others ?? []).map(toFaultView)
    return {
      code,
      ...toFaultView({ ...details, problem: details.problem, fix: details.fix }),
      ...(others.length > 0 ? { others } : {}),
    }
  }
  if (quotesOthers(code)) return { code, message: error.message }
  const { happened, advice } = splitMessage(error.message)
  return { code, message: happened, ...(advice === '' ? {} : { fix: advice }) }
}

function toFaultView(fault: Partial<ConfigFault> & Pick<ConfigFault, 'problem' | 'fix'>): FaultView {
  return { message: fault.problem, fix: fault.fix, ...whereOf(fault) }
}

function whereOf({ file, line, column, source }: Partial<ConfigFault>): Pick<FaultView, 'where'> {
  if (file === undefined) return {}
  return {
    where: {
      file,
      ...(line === undefined ? {} : { line }),
      ...(column === undefined ? {} : { column }),
      ...(source === undefined ? {} : { source }),
    },
  }
}

/** Messages that carry another's words: where their first sentence ends says nothing. */
function quotesOthers(code: ErrorCode): boolean {
  return (
    code === 'server_refused' ||
    (code.startsWith('provider_') && !code.endsWith('_missing') && code !== 'provider_not_found')
  )
}

/** The table's messages say first what happened and then what to do: the first sentence ends the first part. */
function splitMessage(message: string): { happened: string; advice: string } {
  const end = /[.?!] (?=[A-Z])/.exec(message)
  if (end === null) return { happened: message, advice: '' }
  return { happened: message.slice(0, end.index + 1), advice: message.slice(end.index + 2) }
}

function renderView(view: ErrorView, terminal: Terminal): string {
  const code = toDashes(view.code)
  const lines = [`${terminal.paint('red', `error[${code}]`)}  ${view.message}`, ...renderFault(view, terminal)]
  for (const other of view.others ?? []) lines.push('', `  ${other.message}`, ...renderFault(other, terminal))
  // A usage error has said it all, and a code of somebody else's has no page.
  if (Object.hasOwn(errorTable, view.code) && view.code !== 'command_usage') {
    lines.push(`  ${terminal.paint('dim', `More  llama explain ${code}`)}`)
  }
  if (view.stack !== undefined) lines.push('', view.stack)
  return `${lines.join('\n')}\n`
}

function renderFault({ where, fix }: FaultView, terminal: Terminal): readonly string[] {
  return [
    ...(where === undefined ? [] : renderWhere(where, terminal)),
    ...(fix === undefined ? [] : [`  ${terminal.paint('green', 'Fix')}   ${fix}`]),
  ]
}

function renderWhere(where: NonNullable<FaultView['where']>, terminal: Terminal): readonly string[] {
  const { file, line, column, source } = where
  const place = `  ${[file, line, column].filter((part) => part !== undefined).join(':')}`
  if (source === undefined) return [place]
  const indent = source.length - source.trimStart().length
  const shown = source.trim()
  if (column === undefined) return [`${place}      ${shown}`]
  const start = Math.max(0, column - 1 - indent)
  const carets = '^'.repeat(faultLength(shown.slice(start)))
  return [`${place}      ${shown}`, `${' '.repeat(place.length + 6 + start)}${terminal.paint('red', carets)}`]
}

/** A key is at fault alone, a substitution as a whole, anything else up to a comment or the end of the line. */
function faultLength(rest: string): number {
  const [fault = rest.replace(/\s+#.*$/, '').trimEnd()] =
    /^["']?(?:\$\{[^}]*\}|[\w.-]+(?=["']?:(?:\s|$)))/.exec(rest) ?? []
  return Math.max(1, fault.length)
}
