import { expect, test } from 'vitest'
import { createSearchRig, describeWebSearch } from '../../testing/web-search-conformance.ts'
import type { WebSearchConformance } from '../../testing/web-search-conformance.ts'
import { provider as definition } from './bing-search.ts'

const asked = (path: string): URLSearchParams => new URL(path, 'http://engine').searchParams

const suite: WebSearchConformance = {
  definition,
  path: '/search',
  keyHeader: (key) => ['ocp-apim-subscription-key', key],
  resultsKey: 'top_k',
  recordedAs: 'bing',
  reply: (pages) => ({
    _type: 'SearchResponse',
    queryContext: { originalQuery: 'whatever' },
    ...(pages.length > 0 && {
      webPages: {
        totalEstimatedMatches: pages.length,
        value: pages.map(({ url, title, text, date }) => ({
          id: 'https://api.bing.microsoft.com/api/v7/#WebPages.0',
          name: title,
          url,
          snippet: text,
          ...(date !== undefined && { datePublished: date }),
        })),
      },
    }),
  }),
  asked: ({ path }) => ({ query: asked(path).get('q') ?? '', count: Number(asked(path).get('count')) }),
  faults: [
    {
      about: 'a wrong key',
      reply: {
        status: 401,
        json: { error: { code: '401', message: 'Access denied due to invalid subscription key.' } },
      },
      code: 'provider_authentication',
      words: 'Access denied',
    },
    {
      about: 'a service that is closed',
      reply: { status: 410, json: { errors: [{ code: 'InvalidRequest', message: 'Bing Search APIs are retired.' }] } },
      code: 'provider_invalid_request',
      words: 'retired',
    },
  ],
}

describeWebSearch(suite)

test('domains and country are asked in Bing’s words', async () => {
  await using rig = await createSearchRig(suite, { json: suite.reply([]) })
  await rig.search({ query: 'q', allowedDomains: ['a.com'], blockedDomains: ['b.org'], location: { country: 'fr' } })
  expect(Object.fromEntries(asked(rig.engine.requests[0]?.path ?? ''))).toEqual({
    q: 'q site:a.com -site:b.org',
    count: '50',
    responseFilter: 'Webpages',
    textFormat: 'Raw',
    cc: 'FR',
  })
})
