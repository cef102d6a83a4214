/** The errors of the table as they are thrown. */
import { errorTable } from './errors.ts'
import type { ErrorCode, ErrorDetails } from './errors.ts'
import type { ErrorRow, ErrorType, Fact } from './error-row.ts'

/** One call to a provider that failed before the error at hand. */
export interface FailedAttempt {
  readonly provider: string
  readonly code: string
}

/** What an error may be given beside its details. */
export interface StackErrorOptions extends ErrorOptions {
  /** Everything that was tried, in order; the message names it where there was more than one provider. */
  readonly attempts?: readonly FailedAttempt[]
}

/** The only error that reaches a client with its message. */
export class StackError<Code extends ErrorCode = ErrorCode> extends Error {
  override readonly name = 'StackError'
  readonly code: Code
  readonly details: ErrorDetails<Code>
  readonly status: number
  readonly type: ErrorType
  readonly param: string | undefined
  /** What the operator can do about it, by itself; undefined where the message has it all. */
  readonly fix: string | undefined
  readonly retryable: boolean
  readonly failover: boolean
  readonly blames: boolean
  readonly attempts: readonly FailedAttempt[] | undefined

  constructor(code: Code, details: ErrorDetails<Code>, options?: StackErrorOptions) {
    // The table loses the tie between one code and its details; the constructor's signature keeps it.
    const entry = errorTable[code] as unknown as ErrorRow<ErrorDetails<Code>>
    super(`${entry.message(details)}${triedWords(options?.attempts)}`, options)
    this.code = code
    this.details = details
    this.status = typeof entry.status === 'function' ? entry.status(details) : entry.status
    this.type = entry.type
    this.param = entry.param?.(details)
    this.fix = entry.fix?.(details)
    this.retryable = holds(entry.retryable, details)
    this.failover = holds(entry.failover, details)
    this.blames = holds(entry.blames, details)
    this.attempts = options?.attempts
  }
}

function holds<Details>(fact: Fact<Details> | undefined, details: Details): boolean {
  return typeof fact === 'function' ? fact(details) : (fact ?? false)
}

/** Said where more than one provider was asked: of one alone, its own words say enough. */
function triedWords(attempts: readonly FailedAttempt[] | undefined): string {
  const first = attempts?.[0]?.provider
  if (attempts === undefined || attempts.every(({ provider }) => provider === first)) return ''
  return ` [tried: ${attempts.map(({ provider, code }) => `${provider}=${code}`).join(', ')}]`
}

/** Narrows by name and code, not by identity, so that a plugin with its own copy of this package still works. */
export function isStackError<Code extends ErrorCode = ErrorCode>(
  error: unknown,
  code?: Code,
): error is StackError<Code> {
  if (!(error instanceof Error) || error.name !== 'StackError' || !('code' in error)) return false
  return code === undefined ? true : error.code === code
}

/** A broken invariant of our own code: never shown to a client, always logged. */
export function bug(message: string): never {
  throw new Error(`bug: ${message}`)
}
