/** Web search by Tavily: https://docs.tavily.com/documentation/api-reference/endpoint/search. */
import { StackError } from '@llama-stack/api'
import { asRecord } from '../../kernel/json-record.ts'
import { toProviderError } from '../../kernel/provider-failure.ts'
import { findCountryName } from './_country-names.ts'
import { defineSearchEngine, toRow } from './_search-engine.ts'
import type { EngineFailure, EngineQuery } from './_search-engine.ts'

/** The plan's limit, and that of what is paid as one goes: Tavily has statuses of its own for them. */
const QUOTA_STATUSES: ReadonlySet<number> = new Set([432, 433])

export const provider = defineSearchEngine({
  type: 'remote::tavily-search',
  description: 'Web search by Tavily.',
  recordedAs: 'tavily',
  credential: { providerData: 'tavily_search_api_key', env: 'TAVILY_SEARCH_API_KEY' },
  baseUrl: 'https://api.tavily.com',
  resultsKey: 'max_results',
  maxResults: 20,
  toRequest: (search) => ({
    method: 'POST',
    url: `${search.baseUrl}/search`,
    headers: {
      'content-type': 'application/json',
      'user-agent': 'llama-stack',
      authorization: `Bearer ${search.key}`,
    },
    body: JSON.stringify(toBody(search)),
  }),
  readRows({ results }) {
    if (!Array.isArray(results)) return undefined
    return results.map((row) => toRow(asRecord(row))).filter((row) => row !== undefined)
  },
  toError: toTavilyError,
})

function toBody(search: EngineQuery): Record<string, unknown> {
  const { query, count, allowedDomains = [], blockedDomains = [], location, contextSize } = search
  const country = findCountryName(location?.country)
  return {
    query,
    max_results: count,
    ...(allowedDomains.length > 0 && { include_domains: allowedDomains }),
    ...(blockedDomains.length > 0 && { exclude_domains: blockedDomains }),
    // Pieces of each page, chosen by the query, in place of a summary. It costs twice as much.
    ...(contextSize === 'high' && { search_depth: 'advanced', chunks_per_source: 3 }),
    ...(country !== undefined && { country }),
  }
}

/** `{"detail": {"error": "…"}}`. */
function toTavilyError(provider: string, failure: EngineFailure): StackError {
  const error = toProviderError(provider, { ...failure, bodyText: unwrapDetail(failure.bodyText) })
  if (!QUOTA_STATUSES.has(failure.status)) return error
  return new StackError('provider_quota_exceeded', {
    provider,
    status: failure.status,
    reason: error.code === 'provider_invalid_request' ? error.message : 'The plan has no searches left.',
  })
}

function unwrapDetail(bodyText: string): string {
  try {
    const detail = asRecord(asRecord(JSON.parse(bodyText))['detail'])
    return typeof detail['error'] === 'string' ? JSON.stringify({ message: detail['error'] }) : bodyText
  } catch {
    return bodyText
  }
}
