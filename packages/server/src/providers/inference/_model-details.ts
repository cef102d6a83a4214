/** What a vendor tells about single models, where its list tells too little. */
import { isStackError } from '@llama-stack/api'
import type { JsonObject } from '@llama-stack/api'
import { asRecord } from '../../kernel/json-record.ts'
import type { Listing, ListingDetails } from './_dialect.ts'
import { findAt, findText } from './_json-shape.ts'
import type { Errand, ProtocolContext } from './_protocol-context.ts'
import { toRoot } from './_provider-settings.ts'
import { expectSuccess, readJson } from './_vendor-reply.ts'

const TIMEOUT_MS = 10_000

/** Which list is completed, and how. */
export interface DetailsCall extends Errand {
  readonly context: ProtocolContext
  readonly listing: Listing
  readonly details: ListingDetails
}

/** Few at a time: the server has other things to do. */
const DETAILS_AT_ONCE = 4

/** Completes the rows that lack what the details have. */
export async function addDetails(rows: readonly unknown[], asked: DetailsCall): Promise<readonly unknown[]> {
  const { details, listing } = asked
  const complete = [...rows]
  const lacking = rows.flatMap((row, index) => {
    const id = findText(findAt(row, listing.id ?? 'id'))
    return id === undefined || findAt(row, details.unless) !== undefined ? [] : [{ id, row, index }]
  })
  const addNext = async (): Promise<void> => {
    for (let next = lacking.shift(); next !== undefined; next = lacking.shift()) {
      const told = await findDetails(next.id, findText(findAt(next.row, details.version)), asked)
      if (told !== undefined) complete[next.index] = { ...asRecord(next.row), ...told }
    }
  }
  await Promise.all(Array.from({ length: DETAILS_AT_ONCE }, addNext))
  return complete
}

/** What the vendor tells about one model; undefined where it tells nothing, which is no reason to lose the list. */
async function findDetails(
  id: string,
  version: string | undefined,
  { context, details, target, call }: DetailsCall,
): Promise<JsonObject | undefined> {
  const key = `${target.baseUrl} ${id} ${version}`
  const known = version === undefined ? undefined : context.modelDetails.get(key)
  if (known !== undefined) return known
  try {
    const response = await context.send(
      {
        method: 'POST',
        url: toRoot(context.dialect, target.baseUrl) + details.path,
        headers: target.headers,
        body: JSON.stringify({ model: id }),
        chosenBy: target.chosenBy,
        provider: context.id,
        signal: call.signal,
        headersTimeoutMs: TIMEOUT_MS,
        idleTimeoutMs: TIMEOUT_MS,
      },
      { target, call },
    )
    const told = details.merge(await readJson(context.id, await expectSuccess(context.id, response)))
    if (version !== undefined) context.modelDetails.set(key, told)
    return told
  } catch (error) {
    if (!isStackError(error) || call.signal.aborted) throw error
    context.log.debug('cannot ask about a model', { model: id, reason: error.message })
    return undefined
  }
}
