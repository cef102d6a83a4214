/** The page of one error code, made from its row of the table. */
import { errorTable, StackError } from '@llama-stack/api'
import type { ErrorCode, ErrorRow } from '@llama-stack/api'
import { findNearest } from '../kernel/nearest.ts'
import { exitCodeOfCode } from './exit-code.ts'

/** What can be said of a code without an error at hand. */
export interface ErrorExplanation {
  readonly code: ErrorCode
  /** The HTTP status of an API reply, or `the provider's own` where it is passed on. */
  readonly status: number | string
  readonly type: string
  /** The message, with `<name>` where a value goes. */
  readonly message: string
  /** What an operator can do, where the message does not say it. */
  readonly fix?: string
  /** Whether the same request may succeed later, whatever its details. */
  readonly retryable: boolean
  /** What a command ends with. */
  readonly exitCode: number
}

/** Explains every code, in the order of the table. */
export function explainAll(): readonly ErrorExplanation[] {
  return Object.keys(errorTable).filter(isErrorCode).map(explain)
}

/** Explains one code, written with dashes or underscores. Throws `command_usage` with the nearest code. */
export function explainCode(written: string): ErrorExplanation {
  const code = written.replaceAll('-', '_').toLowerCase()
  if (isErrorCode(code)) return explain(code)
  const nearest = findNearest(code, Object.keys(errorTable))?.replaceAll('_', '-')
  throw new StackError('command_usage', {
    problem: `No error has the code '${written}'.`,
    fix: nearest === undefined ? 'List the codes: llama explain' : `Did you mean: llama explain ${nearest}?`,
  })
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorTable, code)
}

function explain(code: ErrorCode): ErrorExplanation {
  // Each row reads its own details; placeholders stand in for all of them.
  const row = errorTable[code] as unknown as ErrorRow<object>
  // Rows that pass a vendor's words on return the placeholder itself.
  const message = `${row.message(placeholders)}`
  const fix = row.fix?.(placeholders)
  const status = typeof row.status === 'number' ? row.status : "the provider's or the server's own"
  return {
    code,
    status,
    type: row.type,
    message,
    ...(fix !== undefined && !message.endsWith(fix) && { fix }),
    retryable: row.retryable === true,
    exitCode: exitCodeOfCode(code),
  }
}

/** Any detail of any row: shown as its own name in angle brackets. */
const placeholders: object = new Proxy(
  {},
  {
    // An operand of `+` must be a primitive: `port + 1` reads `<port> + 1`.
    get: (_, name) => ({
      [Symbol.toPrimitive]: (hint: string) => (hint === 'default' ? `<${String(name)}> + ` : `<${String(name)}>`),
    }),
  },
)
