/** `truncation: "auto"`: leaves out the beginning of a conversation that is too long for the model. */
import type { ChatMessage } from '@llama-stack/api'
import { toMessages, toUnits } from './message-units.ts'
import type { CountMessages, MessageUnit } from './message-units.ts'

export interface TruncatedMessages {
  readonly messages: readonly ChatMessage[]
  /** How many messages were left out. */
  readonly dropped: number
  /** False where even what has to stay is too long. */
  readonly fits: boolean
}

/**
 * Drops whole turns from the beginning until the rest has at most `room` tokens; if that is not enough, earlier steps of the
 * last turn. Instructions, what the user said last and the last step stay.
 */
export async function truncateToFit(
  messages: readonly ChatMessage[],
  room: number,
  count: CountMessages,
): Promise<TruncatedMessages> {
  const units = toUnits(messages)
  const droppable = toDroppable(units)
  const without = (drops: number): readonly ChatMessage[] => {
    const gone = new Set(droppable.slice(0, drops).flat())
    return toMessages(units.filter((unit) => !gone.has(unit)))
  }
  const fits = async (drops: number): Promise<boolean> => (await count(without(drops))) <= room
  // Each drop makes it shorter, so that the fewest that are enough can be found by halves.
  let [enough, tooFew] = [droppable.length, -1]
  const isPossible = await fits(enough)
  while (isPossible && enough - tooFew > 1) {
    const middle = Math.floor((enough + tooFew) / 2)
    // Which half is looked at next depends on it.
    // eslint-disable-next-line no-await-in-loop
    if (await fits(middle)) enough = middle
    else tooFew = middle
  }
  const kept = without(enough)
  return { messages: kept, dropped: messages.length - kept.length, fits: isPossible }
}

/** What may be left out, in this order: turns, then the steps of the last turn but for the last one. */
function toDroppable(units: readonly MessageUnit[]): readonly (readonly MessageUnit[])[] {
  const lastUser = units.findLastIndex(({ kind }) => kind === 'user')
  const turns: MessageUnit[][] = []
  for (const unit of units.slice(0, Math.max(0, lastUser))) {
    if (unit.kind === 'instructions') continue
    if (unit.kind === 'user' || turns.length === 0) turns.push([unit])
    else turns.at(-1)?.push(unit)
  }
  const steps = units.slice(lastUser + 1).filter(({ kind }) => kind !== 'instructions')
  return [...turns, ...steps.slice(0, -1).map((step) => [step])]
}
