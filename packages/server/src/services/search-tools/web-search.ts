/** The `web_search` tool: which engine is asked, and what the model and the client are told. */
import { isStackError, StackError } from '@llama-stack/api'
import type {
  ProviderCall,
  ToolRuntimeProvider,
  WebSearchHit,
  WebSearchRequest,
  WebSearchResult,
  WebSearchTool,
} from '@llama-stack/api'
import type { ProviderHandle } from '../providers/provider-handle.ts'
import { parseDomains } from './search-domains.ts'
import type { SearchOutcome, WebSearchItem } from './search-outcome.ts'

export interface WebSearchOptions {
  /** The configured providers of tools, in the order of the configuration. */
  readonly providers: readonly ProviderHandle<'tool_runtime'>[]
  /** The operator's choice among them. Default: the first that has a key. */
  readonly defaultProviderId?: string | undefined
}

/** What a request asks of the tool, beside its type. */
export type WebSearchWishes = Pick<WebSearchTool, 'filters' | 'user_location' | 'search_context_size'>

export interface WebSearchOutcome extends SearchOutcome<WebSearchItem> {
  /** What citations of the final text are looked up in. */
  readonly hits: readonly WebSearchHit[]
}

/** Searches as one request wants it. */
export interface WebSearchRunner {
  /** Rejects with a `provider_*` error where no engine answers. */
  run(query: string, call: ProviderCall): Promise<WebSearchOutcome>
}

export interface WebSearch {
  /**
   * Checks a tool of a request before anything runs. Throws `tool_unavailable` where no engine can be asked, and
   * `invalid_value` for what is no domain.
   */
  prepare(tool: WebSearchWishes, call: Pick<ProviderCall, 'providerData'>, param?: string): WebSearchRunner
}

/** The operator's choice as upstream's files have it: the provider of the tool group `builtin::websearch`. */
export function findWebSearchDefault(toolGroups: readonly Readonly<Record<string, unknown>>[]): string | undefined {
  const group = toolGroups.find((entry) => entry['toolgroup_id'] === 'builtin::websearch')
  const id = group?.['provider_id']
  return typeof id === 'string' && id !== '' ? id : undefined
}

/** Prepares the tool over the configured engines. */
export function toWebSearch({ providers, defaultProviderId }: WebSearchOptions): WebSearch {
  return {
    prepare(tool, { providerData }, param = 'tools') {
      const wishes = readWishes(tool, param)
      const engines = rank(providers, { providerData, defaultProviderId })
      if (engines.length === 0) throw unavailable(providers)
      return {
        async run(query, call) {
          const { hits, modelText } = await searchInTurn(engines, { ...wishes, query }, call)
          return { content: modelText, hits, item: toWebSearchItem(query, hits) }
        },
      }
    },
  }
}

function readWishes(tool: WebSearchWishes, param: string): Omit<WebSearchRequest, 'query'> {
  const { filters, user_location: place, search_context_size: contextSize } = tool
  const allowedDomains = parseDomains(filters?.allowed_domains, `${param}.filters.allowed_domains`)
  // Anthropic's and Perplexity's way to say it; OpenAI's document has no such list, and lets unknown keys pass.
  const blocked = filters?.['blocked_domains']
  const blockedDomains = parseDomains(
    Array.isArray(blocked) ? blocked.map(String) : undefined,
    `${param}.filters.blocked_domains`,
  )
  return {
    ...(allowedDomains.length > 0 && { allowedDomains }),
    ...(blockedDomains.length > 0 && { blockedDomains }),
    ...(contextSize !== undefined && contextSize !== null && { contextSize }),
    ...(place !== undefined && place !== null && { location: withoutNull(place) }),
  }
}

function withoutNull(place: NonNullable<WebSearchWishes['user_location']>): NonNullable<WebSearchRequest['location']> {
  const { country, region, city, timezone } = place
  return {
    country: country ?? undefined,
    region: region ?? undefined,
    city: city ?? undefined,
    timezone: timezone ?? undefined,
  }
}

interface Chosen extends Pick<ProviderCall, 'providerData'> {
  readonly defaultProviderId: string | undefined
}

/** The engines that can be asked: the operator's choice first, then those that the caller has a key for. */
function rank(
  providers: WebSearchOptions['providers'],
  { providerData, defaultProviderId }: Chosen,
): WebSearchOptions['providers'] {
  const brings = ({ credentialKey }: ProviderHandle<'tool_runtime'>): boolean => {
    const key = credentialKey === undefined ? undefined : providerData[credentialKey]
    return key !== undefined && key !== null && key !== ''
  }
  const place = (provider: ProviderHandle<'tool_runtime'>): number => {
    if (provider.id === defaultProviderId) return 0
    return brings(provider) ? 1 : 2
  }
  return providers
    .filter((provider) => provider.off === undefined || brings(provider))
    .toSorted((a, b) => place(a) - place(b))
}

/** Asks one engine after the other while they fail in ways that another may not. */
async function searchInTurn(
  engines: WebSearchOptions['providers'],
  request: WebSearchRequest,
  call: ProviderCall,
): Promise<WebSearchResult> {
  let first: unknown
  for (const engine of engines) {
    try {
      return await searchOf(engine.id, await engine.get())(request, call)
    } catch (error) {
      // In a replay, whichever engine was recorded answers.
      const mayElsewhere = isStackError(error) && (error.failover || error.code === 'recording_not_found')
      if (!mayElsewhere || call.signal.aborted) throw error
      first ??= error
    }
  }
  throw first
}

function searchOf(id: string, provider: ToolRuntimeProvider): NonNullable<ToolRuntimeProvider['webSearch']> {
  return (request, call) => {
    if (provider.webSearch !== undefined) return provider.webSearch(request, call)
    return Promise.reject(new StackError('operation_unsupported', { operation: 'web search', provider: id }))
  }
}

/** The item while nothing has been found yet. */
export function toStartedWebSearch(query: string): WebSearchItem {
  return { type: 'web_search_call', status: 'in_progress', action: { type: 'search', query, queries: [query] } }
}

function toWebSearchItem(query: string, hits: readonly WebSearchHit[]): WebSearchItem {
  const { type, action } = toStartedWebSearch(query)
  return {
    type,
    status: 'completed',
    action: { ...action, sources: hits.map(({ url }) => ({ type: 'url', url })) },
    results: hits.map(({ url, title, text, date }) => ({ url, title, text, ...(date !== undefined && { date }) })),
  }
}

function unavailable(providers: WebSearchOptions['providers']): StackError {
  const off = providers.filter((provider) => provider.off !== undefined)
  if (off.length === 0) {
    return new StackError('tool_unavailable', {
      tool: 'web_search',
      reason: 'no search engine is configured',
      fix: 'Add a tool_runtime provider (remote::tavily-search, remote::brave-search), or leave the tool out.',
    })
  }
  const headers = off.flatMap(({ credentialKey }) => (credentialKey === undefined ? [] : [`"${credentialKey}"`]))
  return new StackError('tool_unavailable', {
    tool: 'web_search',
    reason: off.map((provider) => `provider '${provider.id}' has ${provider.off}`).join('; '),
    fix: `Set a key, or send the header X-LlamaStack-Provider-Data with one of: ${headers.join(', ')}.`,
  })
}
