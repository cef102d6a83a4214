/** How a run ends, in the words of the wire. */
import type { StackError } from '@llama-stack/api'
import { isStackError } from '@llama-stack/api'

/** Why a run was stopped from outside: the reason of its signal. */
export const CANCELLED = Symbol('the response was cancelled')
/** This process stops; another goes on with the response. */
export const SUSPENDED = Symbol('the server stops')
/** Another process ended the response or has taken it over: it is no business of this one any more. */
export const DISOWNED = Symbol('the response is elsewhere')

export type RunEnd =
  | { readonly status: 'completed' | 'cancelled' }
  | { readonly status: 'incomplete'; readonly reason: string }
  | { readonly status: 'failed'; readonly error: { readonly code: FailureCode; readonly message: string } }

type FailureCode = 'server_error' | 'rate_limit_exceeded' | 'invalid_prompt'

/** The last event of a stream. There is none for a cancelled response: its object says that it was cancelled. */
export const END_EVENTS = Object.freeze({
  completed: 'response.completed',
  incomplete: 'response.incomplete',
  cancelled: 'response.incomplete',
  failed: 'response.failed',
})

/** What the model of a later response is told of a call that was under way when this one ended. */
export const BROKEN_OFF = 'The response ended while this call was under way. It may have taken effect.'

/** The end of a run that broke. What is no error of ours to tell is told as a mistake of the server. */
export function toFailure(thrown: unknown): Extract<RunEnd, { status: 'failed' }> {
  if (!isStackError(thrown)) {
    const message = 'The server made a mistake. The log has the details under this request id.'
    return { status: 'failed', error: { code: 'server_error', message } }
  }
  return { status: 'failed', error: { code: toCode(thrown), message: thrown.message } }
}

/** Statuses that are no fault of what was asked: the credentials of the server, and a vendor that took too long. */
const NO_FAULT_OF_THE_PROMPT: readonly number[] = Object.freeze([401, 403, 408])

function toCode({ status }: StackError): FailureCode {
  if (status === 429) return 'rate_limit_exceeded'
  const isAskers = status >= 400 && status < 500 && !NO_FAULT_OF_THE_PROMPT.includes(status)
  return isAskers ? 'invalid_prompt' : 'server_error'
}
