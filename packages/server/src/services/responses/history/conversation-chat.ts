/**
 * A conversation as models were told it: in the very messages that its responses have kept, for those carry what items do not
 * (call ids of vendors, signatures, thoughts), and their bytes are those that prompt caches know. What no response has kept is
 * converted from its items.
 */
import type { ChatMessage, ItemResource, Principal } from '@llama-stack/api'
import type { ConversationItemRow, ChainRow } from '../../../storage/agent-state.ts'
import { ChatHistory } from '../chat/chat-history.ts'
import type { ChatItem } from '../chat/chat-item.ts'
import type { Placed } from '../chat/placed.ts'
import { readReferencedFiles } from '../chat/referenced-files.ts'
import { appendItems } from '../chat/to-chat-messages.ts'
import type { HistoryWorld } from './load-history.ts'
import { parseMessages } from './parse-messages.ts'

/** Items that stand next to each other and came with one response, or with none. */
interface Stretch {
  readonly responseId: string | null
  /** The place of the first. */
  readonly start: number
  readonly rows: ConversationItemRow[]
}

/** The chat that these items of a conversation stand for. */
export async function toConversationChat(
  rows: readonly ConversationItemRow[],
  principal: Principal,
  world: HistoryWorld,
): Promise<ChatHistory> {
  const stretches = toStretches(rows)
  const responses = await findResponses(stretches, principal, world)
  let chat = ChatHistory.empty
  let unkept: Placed<ChatItem>[] = []
  const convert = async (): Promise<void> => {
    const files = await readReferencedFiles(unkept, { reader: world.files, principal })
    chat = appendItems(chat, unkept, { ...world.reading, files, isKept: true }).history
    unkept = []
  }
  for (const stretch of stretches) {
    const messages = keptMessages(stretch, responses)
    // What comes later is told of what came before.
    // eslint-disable-next-line no-await-in-loop
    if (messages !== undefined && unkept.length > 0) await convert()
    const before = responses.get(stretch.responseId ?? '')?.beginsHistory === true ? ChatHistory.empty : chat
    if (messages !== undefined && hasItsCalls(messages, before)) chat = before.append(messages)
    else unkept.push(...toPlaced(stretch))
  }
  if (unkept.length > 0) await convert()
  return chat
}

function toStretches(rows: readonly ConversationItemRow[]): readonly Stretch[] {
  const stretches: Stretch[] = []
  for (const [start, row] of rows.entries()) {
    const last = stretches.at(-1)
    if (last?.responseId === row.responseId) last.rows.push(row)
    else stretches.push({ responseId: row.responseId, start, rows: [row] })
  }
  return stretches
}

async function findResponses(
  stretches: readonly Stretch[],
  principal: Principal,
  { storage }: HistoryWorld,
): Promise<ReadonlyMap<string, ChainRow>> {
  const ids = stretches.flatMap(({ responseId }) => responseId ?? [])
  const found = ids.length === 0 ? [] : await storage.responses(principal).findMany(ids)
  return new Map(found.map((row) => [row.id, row]))
}

/** What a response has kept, where all that it added is still there and nothing else: somebody may have deleted a part of it. */
function keptMessages(
  { responseId, rows }: Stretch,
  responses: ReadonlyMap<string, ChainRow>,
): readonly ChatMessage[] | undefined {
  const response = responseId === null ? undefined : responses.get(responseId)
  if (response === undefined) return undefined
  const { input, output, messages } = response
  // The conversation and the response were given the same texts.
  const isWhole =
    rows.length === input.length + output.length &&
    rows.every(({ item }, index) => item === (input[index] ?? output[index - input.length]))
  return isWhole ? parseMessages(messages) : undefined
}

/** Whether each answer of a tool finds its call, which may have been deleted. */
function hasItsCalls(messages: readonly ChatMessage[], { openCalls }: ChatHistory): boolean {
  const made = new Set(openCalls)
  return messages.every((message) => {
    if (message.role === 'tool') return made.has(message.tool_call_id)
    if (message.role === 'assistant') for (const { id } of message.tool_calls ?? []) if (id !== undefined) made.add(id)
    return true
  })
}

function toPlaced({ rows, start }: Stretch): Placed<ChatItem>[] {
  return rows.map(({ item }, index) => ({
    // As it was checked when it was kept.
    value: JSON.parse(item) as ItemResource,
    param: `conversation.items[${start + index}]`,
  }))
}
