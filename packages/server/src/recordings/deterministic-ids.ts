/**
 * Ids that a test can predict: HEAD's rule while it replays, so that what a recorded answer says about a file still
 * holds when the file is created again.
 */
import { createHash } from 'node:crypto'

const PREFIXES = Object.freeze({
  file: 'file-',
  vector_store: 'vs_',
  vector_store_file_batch: 'batch_',
  tool_call: 'call_',
})

/** The kinds whose ids are predictable; all others stay random. */
export type DeterministicIdKind = keyof typeof PREFIXES

export interface DeterministicIds {
  /** The next id of this kind within a test, or undefined outside any test, where a random one has to do. */
  find(kind: DeterministicIdKind, testId: string | null): string | undefined
}

/** Each test counts on from its own number, one below this. */
const TEST_NUMBERS = 10n ** 12n

/** Creates the counters: one per test and kind, as long as the server lives. */
export function createDeterministicIds(): DeterministicIds {
  const last = new Map<string, bigint>()
  return {
    find(kind, testId) {
      if (testId === null || testId === '') return undefined
      const counter = `${kind} ${testId}`
      const number = (last.get(counter) ?? testNumber(testId)) + 1n
      last.set(counter, number)
      return `${PREFIXES[kind]}${number}`
    },
  }
}

function testNumber(testId: string): bigint {
  return BigInt(`0x${createHash('sha256').update(testId).digest('hex')}`) % TEST_NUMBERS
}
