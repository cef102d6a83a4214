/** Which models a vendor serves now, and whether it answers at all. */
import { isStackError } from '@llama-stack/api'
import type {
  Json,
  ModelType,
  ProviderCall,
  ProviderHealth,
  ProviderModel,
  RecordingKey,
  UpstreamRequest,
} from '@llama-stack/api'
import type { CallTarget } from './_call-target.ts'
import type { Dialect, Listing } from './_dialect.ts'
import { toBaseUrl, toRoot } from './_provider-settings.ts'
import { findAt, findText } from './_json-shape.ts'
import type { ProtocolContext } from './_protocol-context.ts'
import { expectSuccess, readJson } from './_vendor-reply.ts'

const HEALTH_TIMEOUT_MS = 5000
const LIST_TIMEOUT_MS = 30_000

type Health = NonNullable<Dialect['health']>

/** Where vendors put the length of a model's context, over all of them. */
const CONTEXT_FIELDS: readonly string[] = [
  'context_length',
  'context_window',
  'max_context_length',
  'max_model_len',
  'custom_metadata.context_length',
]
/** Another stack tells the dimension of its embedding models. */
const DIMENSION_FIELDS: readonly string[] = ['custom_metadata.embedding_dimension']

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
  if (only !== undefined) return [toModel(dialect, only, {})].filter((model) => model !== undefined)
  const rows = dialect.listing === undefined ? [] : await fetchRows(context, dialect.listing, call)
  const idField = dialect.listing?.id ?? 'id'
  const rerankIds = rerankModels(context)
  const found = rows.flatMap((row) => {
    const id = findText(findAt(row, idField)) ?? findText(findAt(row, 'id'))
    const model = id === undefined || rerankIds.includes(id) ? undefined : toModel(dialect, id, row)
    // Where rerank models have their own URLs, one without cannot be called.
    const isUnreachable = model?.type === 'rerank' && rerankIds.length > 0
    return model === undefined || isUnreachable ? [] : [model]
  })
  const fixed = dialect.fixedModels.flatMap((id) => toModel(dialect, id, {}) ?? [])
  return [...found, ...fixed, ...rerankIds.map((id): ProviderModel => ({ id, type: 'rerank', metadata: {} }))]
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
  const request = toListRequest({ context, listing, target, call, timeoutMs: LIST_TIMEOUT_MS })
  const response = await context.send(request, { target, call })
  const reply = await readJson(context.id, await expectSuccess(context.id, response))
  // A replayed list has OpenAI's shape whatever the vendor's own is.
  const rows = Array.isArray(reply) ? reply : (findAt(reply, listing.list || 'data') ?? findAt(reply, 'data'))
  return Array.isArray(rows) ? rows : []
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
  const base = listing.below === 'origin' ? new URL(target.baseUrl).origin : target.baseUrl
  const url = base + joinQuery(listing.path, target.query)
  return {
    method: 'GET',
    url,
    headers: listing.headers === undefined ? target.headers : listingHeaders(listing.headers, target),
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

function listingHeaders(headers: Readonly<Record<string, string>>, { key = '' }: CallTarget): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value.replace('{key}', () => key)]))
}

/** Undefined for a model that none of our operations can call. */
function toModel(dialect: Dialect, id: string, row: unknown): ProviderModel | undefined {
  const metadata: Record<string, Json> = {}
  const contextLength = findNumber(row, CONTEXT_FIELDS)
  if (contextLength !== undefined) metadata['context_length'] = contextLength
  const dimension = findNumber(row, DIMENSION_FIELDS)
  if (dimension !== undefined) metadata['embedding_dimension'] = dimension
  const embedding = dialect.embeddingModels[id] ?? dialect.embeddingModels[id.replace(/:[^:/]*$/, '')]
  if (embedding !== undefined) {
    metadata['embedding_dimension'] = embedding.dimension
    metadata['context_length'] = embedding.contextLength
    return { id, type: 'embedding', metadata }
  }
  const type = toldType(dialect, id, row)
  return type === null ? undefined : { id, type, metadata }
}

function findNumber(row: unknown, fields: readonly string[]): number | undefined {
  return fields.map((field) => findAt(row, field)).find((value) => typeof value === 'number')
}

function toldType(dialect: Dialect, id: string, row: unknown): ModelType | null {
  for (const { field, values } of dialect.listing?.types ?? []) {
    const type = values[String(findAt(row, field))]
    if (type !== undefined) return type
  }
  const named = Object.entries(dialect.nameTypes).find(([part]) => id.toLowerCase().includes(part))
  return named?.[1] ?? 'llm'
}

/** Asks the server whether it is well, or for its list, with little patience. */
export async function checkHealth(context: ProtocolContext, call: ProviderCall): Promise<ProviderHealth> {
  const { health, listing } = context.dialect
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
    return { status: 'Error', message: error.message }
  }
}
