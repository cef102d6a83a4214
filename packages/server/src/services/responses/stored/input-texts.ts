/** The items that led to a response: those that came before, and those of its request. */
import type { Principal } from '@llama-stack/api'
import type { ConversationRepository, ResponseRepository, ResponseRow } from '../../../storage/agent-state.ts'
import type { Storage } from '../../../storage/storage.ts'

/**
 * Their JSON texts, oldest first, each once. OpenAI puts the items of a conversation before those of the request; what was
 * deleted from it is gone here too.
 */
export async function readInputTexts(
  row: ResponseRow,
  principal: Principal,
  storage: Pick<Storage, 'responses' | 'conversations'>,
): Promise<readonly string[]> {
  const earlier =
    row.conversationId === null
      ? await readChain(row, storage.responses(principal))
      : await readConversation(row, row.conversationId, storage.conversations(principal))
  return [...new Set([...earlier, ...row.input])]
}

/** Where one of those before is gone, so is what came before. */
async function readChain({ previousId }: ResponseRow, responses: ResponseRepository): Promise<readonly string[]> {
  const rows = previousId === null ? undefined : await responses.chain(previousId)
  return (rows ?? []).flatMap(({ input, output }) => [...input, ...output])
}

async function readConversation(
  { id, state }: ResponseRow,
  conversationId: string,
  conversations: ConversationRepository,
): Promise<readonly string[]> {
  const { rows } = await conversations.listItems(conversationId, { order: 'asc' })
  const own = rows.findIndex(({ responseId }) => responseId === id)
  // An open one has added nothing yet. Where all that another one added was deleted, nothing tells what came before.
  const behind = state === null ? 0 : rows.length
  return rows.slice(0, own === -1 ? behind : own).map(({ item }) => item)
}
