import { expect, test } from 'vitest'
import { createSearchRig, describeWebSearch } from '../../testing/web-search-conformance.ts'
import type { WebSearchConformance } from '../../testing/web-search-conformance.ts'
import { provider as definition } from './brave-search.ts'

const asked = (path: string): URLSearchParams => new URL(path, 'http://engine').searchParams

const suite: WebSearchConformance = {
  definition,
  path: '/web/search',
  keyHeader: (key) => ['x-subscription-token', key],
  resultsKey: 'max_results',
  recordedAs: 'brave',
  reply: (pages) => ({
    type: 'search',
    query: { original: 'whatever', more_results_available: false },
    ...(pages.length > 0 && {
      web: {
        type: 'search',
        results: pages.map(({ url, title, text, date }) => ({
          type: 'search_result',
          url,
          title,
          description: text,
          ...(date !== undefined && { page_age: date }),
        })),
      },
    }),
  }),
  asked: ({ path }) => ({ query: asked(path).get('q') ?? '', count: Number(asked(path).get('count')) }),
  faults: [
    {
      about: 'a wrong key',
      reply: {
        status: 422,
        json: {
          type: 'ErrorResponse',
          error: {
            id: 'x',
            status: 422,
            code: 'SUBSCRIPTION_TOKEN_INVALID',
            detail: 'The provided subscription token is invalid.',
          },
        },
      },
      code: 'provider_authentication',
      words: 'The provided subscription token is invalid.',
    },
    {
      about: 'a country that Brave does not know',
      reply: {
        status: 422,
        json: {
          type: 'ErrorResponse',
          error: { code: 'VALIDATION', detail: 'Unable to validate request parameter(s)' },
        },
      },
      code: 'provider_invalid_request',
      words: 'Unable to validate',
    },
  ],
}

describeWebSearch(suite)

test('domains, place and context are asked in Brave’s words', async () => {
  await using rig = await createSearchRig(suite, { json: suite.reply([]) })
  await rig.search({
    query: 'q',
    allowedDomains: ['a.com', 'b.org'],
    blockedDomains: ['c.net'],
    location: { country: 'de', region: 'Bayern', city: 'München', timezone: 'Europe/Berlin' },
    contextSize: 'high',
  })
  const [request] = rig.engine.requests
  expect(Object.fromEntries(asked(request?.path ?? ''))).toEqual({
    q: 'q (site:a.com OR site:b.org) -site:c.net',
    count: '20',
    result_filter: 'web',
    text_decorations: 'false',
    country: 'DE',
    extra_snippets: 'true',
  })
  expect(request?.headers).toMatchObject({
    'x-loc-country': 'DE',
    'x-loc-state-name': 'Bayern',
    'x-loc-timezone': 'Europe/Berlin',
  })
  expect(request?.headers).not.toHaveProperty('x-loc-city')
})

test('more domains than a query holds are left to the filter', async () => {
  const allowedDomains = Array.from({ length: 40 }, (_, index) => `site-${index}.example.com`)
  const page = { title: 'x', url: 'https://site-39.example.com/x', text: 'x' }
  await using rig = await createSearchRig(suite, {
    json: suite.reply([{ ...page, url: 'https://elsewhere.com/' }, page]),
  })
  expect((await rig.search({ query: 'q', allowedDomains })).hits).toEqual([page])
  expect(asked(rig.engine.requests[0]?.path ?? '').get('q')).toBe('q')
})

test('markup of the result page becomes text', async () => {
  const results = [
    {
      url: 'https://a.test/',
      title: 'Tom &amp; <strong>Jerry</strong>',
      description: 'a &lt;b&gt; &#x27;c&#39; &unknown; &#9999999;',
      extra_snippets: ['more', 7],
      age: '2 days ago',
    },
  ]
  await using rig = await createSearchRig(suite, { json: { type: 'search', web: { results } } })
  expect((await rig.search({ query: 'q' })).hits).toEqual([
    {
      url: 'https://a.test/',
      title: 'Tom & Jerry',
      text: "a <b> 'c' &unknown; &#9999999;\nmore",
      date: '2 days ago',
    },
  ])
})
