/** From a settled request to a run: its history, its prompt and its input, looked up and translated. */
import type { CallContext, ChatMessage, InputItem, Principal } from '@llama-stack/api'
import { isItemReference, StackError } from '@llama-stack/api'
import type { Ids } from '../../../kernel/ids.ts'
import type { Storage } from '../../../storage/storage.ts'
import { renderStoredPrompt } from '../../prompts/render-prompt.ts'
import type { RenderedPrompt } from '../../prompts/render-prompt.ts'
import { ChatHistory, refuseOpenCalls } from '../chat/chat-history.ts'
import { placedItems } from '../chat/chat-item.ts'
import type { ChatItem } from '../chat/chat-item.ts'
import { toChatParts } from '../chat/content-parts.ts'
import { readFilesOf, readReferencedFiles } from '../chat/referenced-files.ts'
import type { ReferencedFiles } from '../chat/referenced-files.ts'
import { toUserPart } from '../chat/role-messages.ts'
import { appendItems } from '../chat/to-chat-messages.ts'
import { toSystemMessages } from '../chat/to-chat-request.ts'
import { loadHistory } from '../history/load-history.ts'
import type { HistoryWorld } from '../history/load-history.ts'
import type { LoadedHistory } from '../history/loaded-history.ts'
import { toReusableListings } from '../history/reusable-listings.ts'
import { createItemIds, responseIdOf } from '../item-ids-of-response.ts'
import { toKeptItem } from '../kept-item.ts'
import type { Item } from '../output/output.ts'
import { toResponseFrame } from '../run/response-object.ts'
import type { Approval, RunPlan } from '../run/run-plan.ts'
import { answerPassedOver, findApprovals } from './find-approvals.ts'
import type { SettledRequest } from './settle-request.ts'

export interface PlanWorld extends HistoryWorld {
  readonly storage: Pick<Storage, 'responses' | 'conversations' | 'prompts'>
  readonly ids: Ids
}

/** Which response it is, and since when. */
export interface ResponseBirth {
  readonly id: string
  readonly createdAtMs: number
}

/** Looks everything up. Throws what is wrong with the request, before anything is kept. */
export async function openPlan(
  settled: SettledRequest,
  { birth, caller }: { readonly birth: ResponseBirth; readonly caller: CallContext },
  world: PlanWorld,
): Promise<RunPlan> {
  const { request } = settled
  const { principal, requestId, providerData, testId, generation, cacheControl } = caller
  const loaded = await loadHistory(settled, principal, world)
  const prompt =
    request.prompt === undefined || request.prompt === null
      ? undefined
      : await renderStoredPrompt(world.storage.prompts(principal), request.prompt)
  const items = await resolveItems(toItems(request.input), { loaded, principal, world })
  const { before, beginsHistory, added, approvals, files } = await translate(items, {
    loaded,
    settled,
    principal,
    world,
  })
  const ids = createItemIds(birth.id)
  const itemIds = { ...world.ids, hex: (prefix: string) => ids.after(prefix) }
  return {
    settled,
    frame: toResponseFrame(settled, birth),
    caller: {
      principal,
      requestId,
      providerData,
      ...(testId !== undefined && { testId }),
      ...(generation !== undefined && { generation }),
      ...(cacheControl !== undefined && { cacheControl }),
    },
    system: toSystemMessages(prompt?.instructions, request.instructions),
    history: before,
    beginsHistory,
    added,
    promptMedia: toMediaMessages(prompt, await files(prompt?.parts ?? [])),
    // Kept items have the members of items.
    inputItems: items.map(({ item, isReference }, index) =>
      isReference ? (item as Item) : (toKeptItem(item as InputItem, `input[${index}]`, itemIds) as unknown as Item),
    ),
    isReference: items.map(({ isReference }) => isReference),
    approvals,
    listings: await toReusableListings(loaded.listings, request.tools ?? [], world.storage.responses(principal)),
  }
}

function toItems(input: SettledRequest['request']['input']): readonly InputItem[] {
  if (typeof input === 'string') return [{ role: 'user', content: input }]
  return input ?? []
}

interface Surroundings {
  readonly loaded: LoadedHistory
  readonly principal: Principal
  readonly world: PlanWorld
}

interface ResolvedItem {
  readonly item: ChatItem
  /** It stood for an item that is kept already. */
  readonly isReference: boolean
}

/** Puts the items in the places of references to them. */
function resolveItems(items: readonly InputItem[], around: Surroundings): Promise<ResolvedItem[]> {
  return Promise.all(
    items.map(async (item, index): Promise<ResolvedItem> => {
      if (!isItemReference(item)) return { item, isReference: false }
      const found = around.loaded.find(item.id) ?? (await findItem(item.id, around))
      // What the engine keeps is an item.
      if (found !== undefined) return { item: found as unknown as ChatItem, isReference: true }
      throw new StackError('invalid_value', {
        param: `input[${index}].id`,
        problem: 'there is no stored item with this id',
        value: JSON.stringify(item.id),
        fix: 'Send the item itself, or store the response that it is of.',
      })
    }),
  )
}

/** Looks an item up by its id alone, which tells its response. */
async function findItem(itemId: string, { principal, world }: Surroundings): Promise<Item | undefined> {
  const responseId = responseIdOf(itemId)
  if (responseId === undefined) return undefined
  const row = await world.storage.responses(principal).find(responseId)
  const text = [...(row?.input ?? []), ...(row?.output ?? [])].find((each) => each.includes(`"${itemId}"`))
  return text === undefined ? undefined : (JSON.parse(text) as Item)
}

interface Translated {
  readonly before: ChatHistory
  /** Whether what is added stands for what came before. */
  readonly beginsHistory: boolean
  readonly added: readonly ChatMessage[]
  readonly approvals: readonly Approval[]
  readonly files: (parts: RenderedPrompt['parts']) => Promise<ReferencedFiles> | ReferencedFiles
}

async function translate(
  items: readonly ResolvedItem[],
  { loaded, settled, principal, world }: Surroundings & { readonly settled: SettledRequest },
): Promise<Translated> {
  const access = { reader: world.files, principal }
  const placed = placedItems(items.map(({ item }) => item))
  const files = await readReferencedFiles(placed, access)
  const skipsRepeated = world.reading.skipsRepeated === true && typeof settled.request.input !== 'string'
  const converted = appendItems(loaded.chat, placed, { ...world.reading, files, skipsRepeated })
  for (const { param, kind, reason } of converted.adjustments) {
    if (kind === 'dropped') settled.adjustments.drop(param, reason)
    else settled.adjustments.emulate(param)
  }
  // An item that stands for all that came before is followed by what is added, and nothing else.
  const known = converted.beginsAnew ? { ...loaded, chat: ChatHistory.empty } : loaded
  const asked = findApprovals(items, known, converted.history)
  const history = converted.history.append(asked.flatMap(({ message }) => message))
  const answered = new Set(asked.map(({ approval }) => approval.callId))
  const passedOver = answerPassedOver(known, history, answered)
  refuseOpenCalls(history.append(passedOver), answered)
  return {
    before: known.chat,
    beginsHistory: converted.beginsAnew,
    // Right behind the calls, which are at the end of what came before.
    added: [...passedOver, ...history.messages.slice(known.chat.messages.length)],
    approvals: asked.map(({ approval }) => approval),
    files: (parts) =>
      readFilesOf(
        parts.map((value) => ({ value, param: 'prompt.variables' })),
        access,
      ),
  }
}

/** The media of a prompt, as a message of the user. */
function toMediaMessages(prompt: RenderedPrompt | undefined, files: ReferencedFiles): readonly ChatMessage[] {
  if (prompt === undefined || prompt.parts.length === 0) return []
  const placed = prompt.parts.map((value) => ({ value, param: 'prompt.variables' }))
  return [{ role: 'user', content: toChatParts(placed, files).map(toUserPart) }]
}
