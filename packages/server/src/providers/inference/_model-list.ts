/** Which models a vendor serves now, and whether it answers at all. */
import { isStackError } from '@llama-stack/api'
import type { ProviderCall, ProviderHealth, ProviderModel, RecordingKey, UpstreamRequest } from '@llama-stack/api'
import type { CallTarget } from './_call-target.ts'
import type { Dialect, Listing } from './_dialect.ts'
import { toBaseUrl, toRoot } from './_provider-settings.ts'
import { findAt, findText } from './_json-shape.ts'
import { toListedModel } from './_listed-model.ts'
import { addDetails } from './_model-details.ts'
import type { ProtocolContext } from './_protocol-context.ts'
import { expectSuccess, isUnknownPath, readJson } from './_vendor-reply.ts'

const HEALTH_TIMEOUT_MS = 5000
const LIST_TIMEOUT_MS = 30_000

type Health = NonNullable<Dialect['health']>

/** Lists the models; undefined where no key or no URL is there for asking. */
export async function listModels(
  context: ProtocolContext,
  call: ProviderCall,
): Promise<readonly ProviderModel[] | undefined> {
  const { dialect, settings } = context
  if (settings.skip_model_availability === true) return undefined
  if (context.targets.find(call) === undefined) return undefined
  const only = dialect.modelSetting === undefined ? undefined : findText(settings[dialect.modelSetting])
  const allowed = settings.allowed_models ?? undefined
  const listed = await findListed(context, call, only)
  return listed.filter((model) => allowed === undefined || allowed.includes(model.id))
}

async function findListed(
  context: ProtocolContext,
  call: ProviderCall,
  only: string | undefined,
): Promise<readonly ProviderModel[]> {
  const { dialect } = context
  const listing = listingOf(context)
  const toModel = (id: string, row: unknown): ProviderModel | undefined => toListedModel(context, listing, { id, row })
  if (only !== undefined) return [toModel(only, {})].filter((model) => model !== undefined)
  const rows = listing === undefined ? [] : await fetchRows(context, listing, call)
  const idField = listing?.id ?? 'id'
  const rerankIds = rerankModels(context)
  const found = rows.flatMap((row) => {
    const id = findText(findAt(row, idField)) ?? findText(findAt(row, 'id'))
    const model = id === undefined || rerankIds.includes(id) ? undefined : toModel(id, row)
    // Where rerank models have their own URLs, one without cannot be called.
    const isUnreachable = model?.type === 'rerank' && rerankIds.length > 0
    return model === undefined || isUnreachable ? [] : [model]
  })
  const fixed = dialect.fixedModels.flatMap((id) => toModel(id, {}) ?? [])
  return [...found, ...fixed, ...rerankIds.map((id): ProviderModel => ({ id, type: 'rerank', metadata: {} }))]
}

/** What recordings have is OpenAI's list, so a vendor's own is asked for in live mode only. */
function listingOf({ dialect, live }: ProtocolContext): Listing | undefined {
  return (live ? dialect.liveListing : undefined) ?? dialect.listing
}

/** Models with a rerank URL of their own: the vendor's list does not have them, or not as what they are. */
function rerankModels({ dialect, settings }: ProtocolContext): readonly string[] {
  if (dialect.rerank?.kind !== 'per-model') return []
  const named = settings.rerank_model_to_url ?? undefined
  if (named !== undefined) return Object.keys(named)
  return toBaseUrl(dialect, settings) === dialect.baseUrl ? Object.keys(dialect.rerank.urls) : []
}

async function fetchRows(context: ProtocolContext, listing: Listing, call: ProviderCall): Promise<readonly unknown[]> {
  const target = await context.locate(call)
  const rows = await fetchList({ context, listing, target, call })
  const wanted = arrange(rows ?? [], listing)
  const { details } = listing
  return details === undefined ? wanted : addDetails(wanted, { context, listing, details, target, call })
}

/** Undefined where the reply has no list. */
async function fetchList(asked: Omit<ListCall, 'timeoutMs'>): Promise<readonly unknown[] | undefined> {
  const { context, listing, target, call } = asked
  const { orElse } = listing
  const askElse = async (): Promise<readonly unknown[] | undefined> =>
    orElse === undefined ? undefined : fetchList({ ...asked, listing: { path: orElse } })
  try {
    const response = await context.send(toListRequest({ ...asked, timeoutMs: LIST_TIMEOUT_MS }), { target, call })
    const reply = await readJson(context.id, await expectSuccess(context.id, response))
    // A replayed list has OpenAI's shape whatever the vendor's own is.
    const rows = Array.isArray(reply) ? reply : (findAt(reply, listing.list || 'data') ?? findAt(reply, 'data'))
    // LM Studio answers with 200 and a complaint where it does not know the path.
    return Array.isArray(rows) ? rows : await askElse()
  } catch (error) {
    if (orElse === undefined || !isUnknownPath(error)) throw error
    return askElse()
  }
}

function arrange(rows: readonly unknown[], { only, first }: Listing): readonly unknown[] {
  const says = (row: unknown, { field, value }: { readonly field: string; readonly value: string }): boolean =>
    findText(findAt(row, field)) === value
  const wanted =
    only === undefined ? rows : rows.filter((row) => findAt(row, only.field) === undefined || says(row, only))
  if (first === undefined) return wanted
  const { true: leading = [], false: others = [] } = Object.groupBy(wanted, (row) => `${says(row, first)}` as const)
  return [...leading, ...others]
}

interface Asked {
  readonly target: CallTarget
  readonly call: ProviderCall
}

interface ListCall extends Asked {
  readonly context: ProtocolContext
  readonly listing: Listing
  readonly timeoutMs: number
}

function toListRequest({ context, listing, target, call, timeoutMs }: ListCall): UpstreamRequest {
  const url = toBase(context, listing, target) + joinQuery(listing.path, target.query)
  return {
    method: 'GET',
    url,
    headers: toHeaders(context, listing, target),
    chosenBy: target.chosenBy,
    provider: context.id,
    signal: call.signal,
    headersTimeoutMs: timeoutMs,
    idleTimeoutMs: timeoutMs,
    get recording(): RecordingKey {
      const testId = call.testId ?? null
      return { kind: 'inference', baseUrl: target.baseUrl, endpoint: '/v1/models', body: {}, testId }
    },
  }
}

function toBase({ dialect }: ProtocolContext, { below }: Listing, { baseUrl }: CallTarget): string {
  if (below === 'origin') return new URL(baseUrl).origin
  return below === 'root' ? toRoot(dialect, baseUrl) : baseUrl
}

function toHealthRequest(context: ProtocolContext, health: Health, { target, call }: Asked): UpstreamRequest {
  return {
    method: 'GET',
    url: toRoot(context.dialect, target.baseUrl) + joinQuery(health.path, target.query),
    headers: target.headers,
    chosenBy: target.chosenBy,
    provider: context.id,
    signal: call.signal,
    headersTimeoutMs: HEALTH_TIMEOUT_MS,
    ...(health.recordedAs !== undefined && {
      recording: { kind: health.recordedAs, endpoint: health.path, body: {}, testId: call.testId ?? null },
    }),
  }
}

function joinQuery(path: string, query: string): string {
  return query !== '' && path.includes('?') ? `${path}&${query.slice(1)}` : path + query
}

function toHeaders(
  { settings }: ProtocolContext,
  { headers }: Listing,
  { headers: usual, key = '' }: CallTarget,
): Readonly<Record<string, string>> {
  if (headers === undefined || key === findText(settings.access_token)) return usual
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value.replace('{key}', () => key)]))
}

/** Asks the server whether it is well, or for its list, with little patience. */
export async function checkHealth(context: ProtocolContext, call: ProviderCall): Promise<ProviderHealth> {
  const { health } = context.dialect
  const listing = listingOf(context)
  const toRequest = (asked: Asked): UpstreamRequest | undefined => {
    if (health !== undefined) return toHealthRequest(context, health, asked)
    return listing && toListRequest({ context, listing, ...asked, timeoutMs: HEALTH_TIMEOUT_MS })
  }
  try {
    const target = await context.locate(call)
    const request = toRequest({ target, call })
    if (request === undefined) return { status: 'Not Implemented', message: 'the vendor has nothing that can be asked' }
    const response = await expectSuccess(context.id, await context.send(request, { target, call }))
    response.body.cancel()
    return { status: 'OK' }
  } catch (error) {
    if (!isStackError(error)) throw error
    return { status: 'Error', message: error.message, ...(error.fix !== undefined && { fix: error.fix }) }
  }
}
