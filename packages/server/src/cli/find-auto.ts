/** Which model `auto` stands for, as far as it is known shortly after the start. */
import type { Stack } from '../stack.ts'
import { isRecord } from './server-client.ts'

/** The banner does not wait longer for lists of models: the server listens already. */
const LISTING_BUDGET_MS = 400

/** Finds the first chat model; one of the demo only where there is no other. */
export async function findAuto(stack: Stack): Promise<string | undefined> {
  await Promise.race([stack.refreshModels(), rest(LISTING_BUDGET_MS)])
  const [key] = stack.config.server.apiKeys
  const response = await stack.fetch('http://localhost/v1/models', {
    headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
  })
  const reply: unknown = await response.json()
  const models = isRecord(reply) && Array.isArray(reply['data']) ? reply['data'].filter(isRecord) : []
  const chat = models.filter((model) => model['model_type'] === 'llm')
  const isDemo = (model: Record<string, unknown>): boolean =>
    stack.providers.some(({ id, type }) => id === model['provider_id'] && type === 'inline::demo')
  const chosen = chat.find((model) => !isDemo(model)) ?? chat[0]
  return typeof chosen?.['id'] === 'string' ? chosen['id'] : undefined
}

function rest(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref())
}
