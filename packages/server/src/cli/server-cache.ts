/** The response cache of a running server. */
import { ResponseCacheStatus, StackError } from '@llama-stack/api'
import { isRecord } from '../kernel/json-record.ts'
import { parseOnce } from '../kernel/parse-once.ts'
import type { ServerClient } from './server-client.ts'

const PATH = '/v1alpha/admin/response-cache'

/** What the cache holds for the caller. */
export async function getCacheStatus(client: ServerClient): Promise<ResponseCacheStatus> {
  const parsed = ResponseCacheStatus.safeParse(await client.get(PATH), parseOnce)
  if (!parsed.success) throw notAStack()
  return parsed.data
}

/** Clears it for the caller: the answers of one model, or all. Resolves to how many there were. */
export async function clearCache(client: ServerClient, model: string | undefined): Promise<number> {
  const query = model === undefined ? '' : `?${new URLSearchParams({ model }).toString()}`
  const reply = await client.delete(PATH + query)
  if (!isRecord(reply) || typeof reply['deleted'] !== 'number') throw notAStack()
  return reply['deleted']
}

function notAStack(): StackError {
  return new StackError('command_usage', {
    problem: `What answers there has no response cache: its ${PATH} has another shape.`,
    fix: 'Check --url; llama run starts a server.',
  })
}
