/** The log of lookups as JSON lines: which recordings a run used, which it lacked. */
import { appendFile } from 'node:fs/promises'
import type { Clock, Log } from '@llama-stack/api'
import { callTarget } from './recorded-call.ts'
import type { RecordedCall } from './recorded-call.ts'

export interface LookupLog extends AsyncDisposable {
  /** Notes one lookup; the line is written behind the call's back. */
  note(outcome: 'hit' | 'miss' | 'recorded', call: RecordedCall, files: readonly string[]): void
}

export interface LookupLogOptions {
  /** Where the lines are appended. Without it nothing is noted. */
  readonly file: string | undefined
  readonly clock: Clock
  readonly log: Log
}

/** Creates the log. Disposing waits until every line is written. */
export function createLookupLog({ file, clock, log }: LookupLogOptions): LookupLog {
  let written = Promise.resolve()
  return {
    note(outcome, call, files) {
      if (file === undefined) return
      const line = JSON.stringify({
        time: new Date(clock.now()).toISOString(),
        outcome,
        target: callTarget(call.identity),
        test_id: call.testId,
        hash: call.hash.head(call.testId),
        files,
      })
      written = written
        .then(() => appendFile(file, `${line}\n`))
        .catch((error: unknown) => log.warn('the log of recordings cannot be written', { file, reason: String(error) }))
    },
    [Symbol.asyncDispose]: () => written,
  }
}
