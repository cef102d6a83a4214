/** Which of Google's models a project can call, and whether Vertex AI answers at all. */
import { isStackError } from '@llama-stack/api'
import type { ProviderCall, ProviderHealth, ProviderModel } from '@llama-stack/api'
import { asRecord, isRecord } from '../../kernel/json-record.ts'
import { readJson } from './_vendor-reply.ts'
import type { VertexAccess } from './_vertex-access.ts'
import { knownModels, toListedModel } from './_vertex-models.ts'

const TIMEOUT_MS = 30_000
const HEALTH_TIMEOUT_MS = 5000
const PAGE_SIZE = 200
/** The list has a few hundred entries; a token that leads back to itself must not hold us. */
const MAX_PAGES = 20

/** What a listing is asked with. */
export interface ListingCall {
  readonly provider: string
  readonly access: VertexAccess
  readonly call: ProviderCall
}

/** Lists the models; those that are known where the vendor lets nobody see the list. */
export async function listVertexModels(listing: ListingCall): Promise<readonly ProviderModel[]> {
  try {
    return await askForModels(listing)
  } catch (error) {
    if (isWithheld(error)) return knownModels()
    throw error
  }
}

/** Whether the vendor answers. */
export async function checkVertexHealth(listing: ListingCall): Promise<ProviderHealth> {
  try {
    await askForPage(listing, { pageSize: '1' }, HEALTH_TIMEOUT_MS)
    return { status: 'OK' }
  } catch (error) {
    if (isWithheld(error)) return { status: 'OK' }
    return { status: 'Error', message: error instanceof Error ? error.message : 'it does not answer' }
  }
}

async function askForModels(listing: ListingCall): Promise<readonly ProviderModel[]> {
  const found = new Map<string, ProviderModel>()
  let pageToken = ''
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const reply = await askForPage(
      listing,
      { pageSize: String(PAGE_SIZE), ...(pageToken !== '' && { pageToken }) },
      TIMEOUT_MS,
    )
    const { publisherModels: rows, nextPageToken: next } = reply
    for (const model of (Array.isArray(rows) ? rows : []).flatMap((row) => findModel(row) ?? []))
      found.set(model.id, model)
    if (typeof next !== 'string' || next === '' || next === pageToken) break
    pageToken = next
  }
  return [...found.values()]
}

function findModel(row: unknown): ProviderModel | undefined {
  const name = isRecord(row) ? row['name'] : undefined
  return typeof name === 'string' ? toListedModel(name.slice(name.lastIndexOf('/') + 1)) : undefined
}

async function askForPage(
  { provider, access, call }: ListingCall,
  query: Readonly<Record<string, string>>,
  timeoutMs: number,
): Promise<Record<string, unknown>> {
  const place = await access.locate(call)
  // The list belongs to no project: somebody's own token has to say who asks.
  const headers = place.token === undefined ? {} : { 'x-goog-user-project': place.project }
  const url = `${place.root}/v1beta1/publishers/google/models?${new URLSearchParams(query).toString()}`
  const response = await access.send({ method: 'GET', url, headers, timeoutMs }, { place, call })
  return asRecord(await readJson(provider, response))
}

/** The credentials are right, the list is not for them. */
function isWithheld(error: unknown): boolean {
  if (isStackError(error, 'provider_authentication')) return error.details.status === 403
  return isStackError(error, 'provider_invalid_request')
}
