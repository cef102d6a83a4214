/**
 * Web search by Bing: https://learn.microsoft.com/bing/search-apis/bing-web-search/reference/endpoints. Microsoft closed its own service in
 * August 2025; others serve the same protocol, by `base_url`.
 */
import { asRecord } from '../../kernel/json-record.ts'
import { withSiteOperators } from './_domain-filter.ts'
import { defineSearchEngine, toRow } from './_search-engine.ts'
import type { EngineQuery } from './_search-engine.ts'

const MAX_QUERY_CHARACTERS = 1500

export const provider = defineSearchEngine({
  type: 'remote::bing-search',
  description: 'Web search by Bing’s protocol, version 7.',
  recordedAs: 'bing',
  credential: { providerData: 'bing_search_api_key', env: 'BING_API_KEY' },
  baseUrl: 'https://api.bing.microsoft.com/v7.0',
  resultsKey: 'top_k',
  maxResults: 50,
  toRequest: (search) => ({
    method: 'GET',
    url: `${search.baseUrl}/search?${toQuery(search).toString()}`,
    headers: {
      accept: 'application/json',
      'user-agent': 'llama-stack',
      'ocp-apim-subscription-key': search.key,
    },
  }),
  readRows({ webPages, _type: type }) {
    // A search without a match has no `webPages` at all.
    if (webPages === undefined) return type === 'SearchResponse' ? [] : undefined
    const { value } = asRecord(webPages)
    if (!Array.isArray(value)) return undefined
    return value
      .map((page) => asRecord(page))
      .map(({ url, name, snippet, datePublished }) =>
        toRow({ url, title: name, content: snippet, published_date: datePublished }),
      )
      .filter((row) => row !== undefined)
  },
})

function toQuery(search: EngineQuery): URLSearchParams {
  const query = new URLSearchParams({
    q: withSiteOperators(search, MAX_QUERY_CHARACTERS),
    count: String(search.count),
    responseFilter: 'Webpages',
    textFormat: 'Raw',
  })
  const country = search.location?.country
  if (country !== undefined && /^[a-z]{2}$/i.test(country)) query.set('cc', country.toUpperCase())
  return query
}
