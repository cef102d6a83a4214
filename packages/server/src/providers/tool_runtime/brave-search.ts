/** Web search by Brave: https://api-dashboard.search.brave.com/api-reference/web/search/get. */
import { StackError } from '@llama-stack/api'
import type { SearchLocation } from '@llama-stack/api'
import { asRecord } from '../../kernel/json-record.ts'
import { toProviderError } from '../../kernel/provider-failure.ts'
import { withSiteOperators } from './_domain-filter.ts'
import { defineSearchEngine, toRow } from './_search-engine.ts'
import type { EngineFailure, EngineQuery } from './_search-engine.ts'
import { toPlainText } from './_plain-text.ts'

const MAX_QUERY_CHARACTERS = 400

/** The countries that Brave has results of; any other is refused. */
const COUNTRIES: ReadonlySet<string> = new Set(
  (
    'AR AU AT BE BR CA CL DK FI FR DE GR HK IN ID IT JP KR MY MX NL NZ NO CN PL PT PH RU SA ZA ES SE CH TW TR GB ' +
    'US'
  ).split(' '),
)

export const provider = defineSearchEngine({
  type: 'remote::brave-search',
  description: 'Web search by Brave.',
  recordedAs: 'brave',
  credential: { providerData: 'brave_search_api_key', env: 'BRAVE_SEARCH_API_KEY' },
  baseUrl: 'https://api.search.brave.com/res/v1',
  resultsKey: 'max_results',
  maxResults: 20,
  toRequest: (search) => ({
    method: 'GET',
    url: `${search.baseUrl}/web/search?${toQuery(search).toString()}`,
    headers: {
      accept: 'application/json',
      'user-agent': 'llama-stack',
      'x-subscription-token': search.key,
      ...toLocationHeaders(search.location),
    },
  }),
  readRows({ web, type }) {
    // A search without a match has no `web` at all.
    if (web === undefined) return type === 'search' ? [] : undefined
    const { results } = asRecord(web)
    if (!Array.isArray(results)) return undefined
    return results.map((row) => readRow(asRecord(row))).filter((row) => row !== undefined)
  },
  toError: toBraveError,
})

function toQuery(search: EngineQuery): URLSearchParams {
  const query = new URLSearchParams({
    q: withSiteOperators(search, MAX_QUERY_CHARACTERS),
    count: String(search.count),
    result_filter: 'web',
    text_decorations: 'false',
  })
  const country = search.location?.country?.toUpperCase()
  if (country !== undefined && COUNTRIES.has(country)) query.set('country', country)
  if (search.contextSize === 'high') query.set('extra_snippets', 'true')
  return query
}

/** Where the person is, for results near by. A header carries no other letters than these. */
function toLocationHeaders(location: SearchLocation = {}): Record<string, string> {
  const told = {
    'x-loc-country': location.country?.toUpperCase(),
    'x-loc-state-name': location.region,
    'x-loc-city': location.city,
    'x-loc-timezone': location.timezone,
  }
  const fit = Object.entries(told).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && /^[\u0020-\u007e]+$/.test(entry[1]),
  )
  return Object.fromEntries(fit)
}

function readRow(of: Readonly<Record<string, unknown>>): ReturnType<typeof toRow> {
  const { url, title, description, extra_snippets: extra, page_age: pageAge, age } = of
  const texts = [description, ...(Array.isArray(extra) ? extra : [])].filter((text) => typeof text === 'string')
  return toRow({
    url,
    title: typeof title === 'string' ? toPlainText(title) : undefined,
    content: texts.map(toPlainText).join('\n'),
    published_date: pageAge ?? age,
  })
}

/** A key that is unknown is a matter of validation to Brave. */
function toBraveError(provider: string, failure: EngineFailure): StackError {
  const error = toProviderError(provider, failure)
  const code = 'vendorCode' in error.details ? error.details.vendorCode : undefined
  if (code === 'SUBSCRIPTION_TOKEN_INVALID' && error.code === 'provider_invalid_request') {
    return new StackError('provider_authentication', { provider, reason: error.message, status: 401, vendorCode: code })
  }
  return error
}
