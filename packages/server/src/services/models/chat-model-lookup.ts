/** What is known of a chat model before it is asked, for those who prepare requests to it. */
import type { CallContext, ModelFacts } from '@llama-stack/api'
import type { ModelFactsBook } from './model-facts-book.ts'
import type { ModelRouter } from './model-router.ts'

/** A chat model, as the first target of its name has it. */
export interface KnownChatModel {
  /** `provider/model`, with the vendor's own name of it: what it is, whatever the client calls it. */
  readonly name: string
  readonly facts: ModelFacts
  /** Of the smallest target of the name: what fits there fits everywhere. Undefined where nobody knows it. */
  readonly contextTokens: number | undefined
}

/** Finds out about a model. Rejects as a call of it would: `model_not_found`, `model_ambiguous`, `model_type_mismatch`. */
export type FindChatModel = (model: string, context: CallContext) => Promise<KnownChatModel>

/** Makes the lookup from where calls go and what is known of the models there. */
export function createChatModelLookup({
  router,
  facts,
}: {
  readonly router: ModelRouter
  readonly facts: ModelFactsBook
}): FindChatModel {
  return async (model, context) => {
    const { targets } = await router.route(model, 'llm', context)
    const [{ target, metadata }] = targets
    const read = await facts.readFor(context.principal)
    const known = await read({ providerId: target.provider.id, resourceId: target.model, metadata })
    const rooms = targets.flatMap(({ room }) => (room === undefined ? [] : [room.contextTokens]))
    return {
      name: target.name,
      facts: known.facts,
      contextTokens: rooms.length === 0 ? known.facts.context_length : Math.min(...rooms),
    }
  }
}
