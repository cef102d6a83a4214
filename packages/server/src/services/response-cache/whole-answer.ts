/** Whether an answer is whole: what broke off, was cut off or went wrong is not given a second time. */
import { asRecord } from '../../kernel/json-record.ts'
import { createSseParser } from '../../kernel/sse.ts'

/**
 * Ends that are no answers: some vendors report a failure of theirs in this place, and a filter may decide otherwise the next
 * time. `length` is a whole answer: the request asked for no more.
 */
const UNFIT_ENDS: ReadonlySet<unknown> = new Set(['error', 'abort', 'content_filter'])

/** Whether every choice of a completion, or of its chunks together, came to a good end. */
export function isWholeCompletion(pieces: readonly unknown[]): boolean {
  const hasEnded = new Map<unknown, boolean>()
  for (const piece of pieces) {
    const { choices, error } = asRecord(piece)
    if (error !== undefined && error !== null) return false
    for (const each of Array.isArray(choices) ? choices : []) {
      const { index, finish_reason: end } = asRecord(each)
      if (UNFIT_ENDS.has(end)) return false
      if (typeof end === 'string') hasEnded.set(index, true)
      else if (!hasEnded.has(index)) hasEnded.set(index, false)
    }
  }
  return hasEnded.size > 0 && [...hasEnded.values()].every(Boolean)
}

/** Whether the bytes of an event stream hold a whole completion, its last event included. */
export function isWholeStream(bytes: Uint8Array): boolean {
  const events: string[] = []
  const parser = createSseParser(({ data }) => void events.push(data))
  parser.push(bytes)
  parser.end()
  if (events.pop() !== '[DONE]') return false
  try {
    return isWholeCompletion(events.map((data): unknown => JSON.parse(data)))
  } catch {
    // The relay passes most of what a vendor sends without reading it.
    return false
  }
}
