/** `POST /v1/responses/compact`: what the user said, to the letter, and one item for all the rest. */
import type { CallContext, CompactedResponse, CompactRequest, ItemResource, Reply } from '@llama-stack/api'
import { value } from '@llama-stack/api'
import type { Storage } from '../../../storage/storage.ts'
import { toToldRows } from '../history/told-rows.ts'
import { createAskAside } from '../run/side-call.ts'
import { parseItems } from '../stored/response-view.ts'
import { openInput } from './open-input.ts'
import type { InputWorld } from './open-input.ts'

export interface CompactWorld extends InputWorld {
  readonly storage: Pick<Storage, 'responses'>
}

export async function compactInput(
  { instructions, ...request }: CompactRequest,
  context: CallContext,
  world: CompactWorld,
): Promise<Reply<CompactedResponse>> {
  const { runs, storage } = world
  const plan = await openInput(request, context, world)
  const { previousId, model } = plan.settled
  const rows = previousId === undefined ? [] : ((await storage.responses(context.principal).chain(previousId)) ?? [])
  // What was compacted before is in a summary already.
  const told = plan.beginsHistory ? [] : toToldRows(rows)
  const items = told.flatMap(({ input, output }) => parseItems([...input, ...output]))
  const compacted = await runs.compaction.compact({
    model,
    messages: [...plan.history.messages, ...plan.added],
    // Kept items have the members of items.
    items: [...items, ...(plan.inputItems as unknown as readonly ItemResource[])],
    instructions,
    promptCacheKey: request.prompt_cache_key,
    asRecorded: runs.asRecorded,
    ask: createAskAside({ inference: runs.inference, context, record: context.record }),
  })
  return value(compacted)
}
