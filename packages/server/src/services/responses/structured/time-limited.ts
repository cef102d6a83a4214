/** Runs a function that a stranger's regular expressions may keep busy for ever. */
import { createContext, Script } from 'node:vm'
import { isRecord } from '../../../kernel/json-record.ts'

/** What the function gave, or that it was stopped. */
export type TimedOutcome<Value> = { readonly isDone: true; readonly value: Value } | { readonly isDone: false }

const callRun = new Script('run()')

/**
 * Runs `work` on this thread for at most so long. The watchdog of `node:vm` interrupts regular expressions too, which
 * nothing else can; it costs about a millisecond.
 */
export function runForAtMost<Value>(limitMs: number, work: () => Value): TimedOutcome<Value> {
  let value: { readonly of: Value } | undefined
  const run = (): void => {
    value = { of: work() }
  }
  try {
    callRun.runInContext(createContext({ run }), { timeout: limitMs })
  } catch (error) {
    if (isRecord(error) && error['code'] === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return { isDone: false }
    throw error
  }
  return value === undefined ? { isDone: false } : { isDone: true, value: value.of }
}
