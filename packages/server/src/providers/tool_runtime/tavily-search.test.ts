import { expect, test } from 'vitest'
import { createSearchRig, describeWebSearch } from '../../testing/web-search-conformance.ts'
import type { WebSearchConformance } from '../../testing/web-search-conformance.ts'
import { provider as definition } from './tavily-search.ts'

const suite: WebSearchConformance = {
  definition,
  path: '/search',
  keyHeader: (key) => ['authorization', `Bearer ${key}`],
  resultsKey: 'max_results',
  recordedAs: 'tavily',
  reply: (pages) => ({
    query: 'whatever',
    answer: null,
    images: [],
    results: pages.map(({ url, title, text, date }) => ({
      url,
      title,
      content: text,
      score: 0.5,
      raw_content: null,
      ...(date !== undefined && { published_date: date }),
    })),
    response_time: 0.4,
  }),
  asked(request) {
    const body = request.json() as { query: string; max_results: number }
    return { query: body.query, count: body.max_results }
  },
  faults: [
    {
      about: 'a wrong key',
      reply: { status: 401, json: { detail: { error: 'Unauthorized: missing or invalid API key.' } } },
      code: 'provider_authentication',
      words: 'Unauthorized: missing or invalid API key.',
    },
    {
      about: 'a plan without searches',
      reply: { status: 432, json: { detail: { error: 'This request exceeds your plan’s set usage limit.' } } },
      code: 'provider_quota_exceeded',
      words: 'exceeds your plan',
    },
    {
      about: 'a query that is too long',
      reply: { status: 400, json: { detail: { error: 'Query is too long. Max query length is 400 characters.' } } },
      code: 'provider_invalid_request',
      words: 'Query is too long.',
    },
  ],
}

describeWebSearch(suite)

test('domains, country and depth are asked in Tavily’s words', async () => {
  await using rig = await createSearchRig(suite, { json: suite.reply([]) })
  await rig.search({
    query: 'q',
    allowedDomains: ['example.com'],
    blockedDomains: ['docs.example.com'],
    location: { country: 'us', city: 'Austin' },
    contextSize: 'high',
  })
  expect(rig.engine.requests[0]?.json()).toEqual({
    query: 'q',
    max_results: 20,
    include_domains: ['example.com'],
    exclude_domains: ['docs.example.com'],
    search_depth: 'advanced',
    chunks_per_source: 3,
    country: 'united states',
  })
})

test.each([
  ['CZ', 'czech republic'],
  ['tr', 'turkey'],
  ['GB', 'united kingdom'],
  ['CI', undefined],
  ['QQ', undefined],
  ['United States', undefined],
])('country %s is %s', async (country, expected) => {
  await using rig = await createSearchRig(suite, { json: suite.reply([]) })
  await rig.search({ query: 'q', location: { country } })
  const [asked] = rig.engine.requests.map((request) => request.json() as { country?: string })
  expect(asked?.country).toBe(expected)
})

test('the model is told all that Tavily says of a page', async () => {
  const page = { url: 'https://a.test/', title: 'A', text: 'about' }
  await using rig = await createSearchRig(suite, { json: suite.reply([page]) })
  expect((await rig.search({ query: 'q' })).modelText).toBe(
    '{"query":"q","top_k":[{"url":"https://a.test/","title":"A","content":"about","score":0.5,"raw_content":null}]}',
  )
})
