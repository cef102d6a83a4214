/** Which model `auto` stands for, as far as it is known shortly after the start. */
import { bug } from '@llama-stack/api'
import type { CallContext } from '@llama-stack/api'
import type { Stack } from '../stack.ts'

/** The banner does not wait longer for lists of models: the server listens already. */
const LISTING_BUDGET_MS = 400

/** Finds the first chat model; one of the demo only where there is no other. */
export async function findAuto(stack: Stack): Promise<string | undefined> {
  await Promise.race([stack.refreshModels(), rest(LISTING_BUDGET_MS)])
  // Asked of the service and not through `stack.fetch`, whose web-standard classes would cost 50 ms of every start.
  const context: CallContext = {
    principal: { id: 'local' },
    requestId: 'banner',
    signal: new AbortController().signal,
    providerData: {},
  }
  const reply = await stack.services.models.listModels({}, context)
  const models = reply.kind === 'value' ? reply.value.data : bug('the list of models is a value')
  const demo = new Set(stack.providers.filter(({ type }) => type === 'inline::demo').map(({ id }) => id))
  const chat = models.filter((model) => model.model_type === 'llm')
  return (chat.find((model) => !demo.has(model.provider_id)) ?? chat[0])?.id
}

function rest(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref())
}
