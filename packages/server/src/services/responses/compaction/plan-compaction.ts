/** Decides which part of a conversation a summary shall stand for. */
import type { ChatMessage } from '@llama-stack/api'
import { toMessages, toUnits } from './message-units.ts'
import type { CountMessages, MessageUnit } from './message-units.ts'

export interface CompactionPlan {
  /** What the summary is made of. */
  readonly toSummarise: readonly ChatMessage[]
  /** The conversation with a message in place of what it summarises. */
  withSummary(summary: ChatMessage): readonly ChatMessage[]
}

/** A summary that spares less is not worth a call of the model. */
const WORTHWHILE_SHARE = 0.25

/**
 * Plans the compaction of a conversation that has reached the threshold: everything before the last thing that the user
 * said; where that is little, also the earlier steps of the turn that is under way. Undefined where it is shorter, or where
 * a summary would hardly make it so.
 */
export async function planCompaction(
  history: readonly ChatMessage[],
  { threshold, count }: { readonly threshold: number; readonly count: CountMessages },
): Promise<CompactionPlan | undefined> {
  const tokens = await count(history)
  if (tokens < threshold) return undefined
  const units = toUnits(history)
  const lastUser = units.findLastIndex(({ kind }) => kind === 'user')
  const earlier = units.slice(0, Math.max(0, lastUser)).filter(isTalk)
  const steps = units
    .slice(lastUser + 1)
    .filter(isTalk)
    .slice(0, -1)
  for (const chosen of [earlier, [...earlier, ...steps]]) {
    const toSummarise = toMessages(chosen)
    // One message by itself is a summary already, more often than not.
    if (toSummarise.length < 2) continue
    // The longer choice is measured only where the shorter one is not enough.
    // eslint-disable-next-line no-await-in-loop
    if ((await count(toSummarise)) < tokens * WORTHWHILE_SHARE) continue
    return { toSummarise, withSummary: (summary) => replace(units, new Set(chosen), summary) }
  }
  return undefined
}

function isTalk({ kind }: MessageUnit): boolean {
  return kind !== 'instructions'
}

/** The summary stands where the last of what it is made of stood. */
function replace(
  units: readonly MessageUnit[],
  gone: ReadonlySet<MessageUnit>,
  summary: ChatMessage,
): readonly ChatMessage[] {
  const place = units.findLastIndex((unit) => gone.has(unit))
  return units.flatMap((unit, index) => {
    if (!gone.has(unit)) return unit.messages
    return index === place ? [summary] : []
  })
}
