import { expect, test } from 'vitest'
import { parseDomains } from './search-domains.ts'
import { readSearchQuery } from './search-query.ts'

test.each([
  ['{"query":"llamas"}', { query: 'llamas' }],
  ['{"query":" llamas ","limit":3}', { query: ' llamas ' }],
])('the arguments %s ask for %j', (given, expected) => {
  expect(readSearchQuery(given)).toEqual(expected)
})

test.each(['', '{"query":', '{}', '[]', 'null', '{"query":""}', '{"query":7}', '"llamas"'])(
  'the model is told what is wrong with %j',
  (given) => {
    expect(readSearchQuery(given)).toEqual({ problem: expect.stringContaining('{"query": "<text>"}') as string })
  },
)

test.each([
  ['example.com', 'example.com'],
  ['Docs.Example.COM', 'docs.example.com'],
  ['*.example.com', 'example.com'],
  ['https://example.com/', 'example.com'],
  ['example.com.', 'example.com'],
  [' bücher.example ', 'xn--bcher-kva.example'],
])('%j is the domain %s', (written, domain) => {
  expect(parseDomains([written], 'tools')).toEqual([domain])
})

test.each(['', 'example', 'example.com/path', 'a.com OR site:b.com', 'a.com:80', 'user@a.com', 'a..com/?', '"a.com"'])(
  '%j is no domain',
  (written) => {
    expect(() => parseDomains(['ok.com', written], 'tools[0].filters.allowed_domains')).toThrow(
      expect.objectContaining({ code: 'invalid_value', param: 'tools[0].filters.allowed_domains[1]' }),
    )
  },
)
