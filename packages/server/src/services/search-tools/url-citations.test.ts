import { expect, test } from 'vitest'
import { toUrlCitations } from './url-citations.ts'

const hits = [
  { url: 'https://example.com/llamas', title: 'Llamas' },
  { url: 'https://example.com/', title: 'Home' },
  { url: 'https://en.wikipedia.org/wiki/Llama_(animal)', title: 'Llama' },
]

/** What the citations cut out of the text, counted by character. */
const cited = (text: string): (readonly [title: string, part: string])[] =>
  toUrlCitations(text, hits).map(({ title, start_index: start, end_index: end }) => [
    title,
    Array.from(text).slice(start, end).join(''),
  ])

test.each([
  ['See https://example.com/llamas.', [['Llamas', 'https://example.com/llamas']]],
  ['See https://example.com/llamas/ for more', [['Llamas', 'https://example.com/llamas/']]],
  ['(https://example.com)', [['Home', 'https://example.com']]],
  ['Tame ([source](https://example.com/llamas)).', [['Llamas', '[source](https://example.com/llamas)']]],
  ['[a](https://example.com/llamas "A title") b', [['Llamas', '[a](https://example.com/llamas "A title")']]],
  ['[https://example.com](https://example.com)', [['Home', '[https://example.com](https://example.com)']]],
  ['<https://example.com/llamas>', [['Llamas', 'https://example.com/llamas']]],
  [
    '😀 https://en.wikipedia.org/wiki/Llama_(animal), https://example.com/.',
    [
      ['Llama', 'https://en.wikipedia.org/wiki/Llama_(animal)'],
      ['Home', 'https://example.com/'],
    ],
  ],
  [
    'https://example.com twice: https://example.com',
    [
      ['Home', 'https://example.com'],
      ['Home', 'https://example.com'],
    ],
  ],
])('%j cites %j', (text, expected) => {
  expect(cited(text)).toEqual(expected)
})

test.each([
  'nothing here',
  'https://example.com/llamas2',
  'https://example.com/other',
  'https://example.com.evil.test/',
  'https://example.com:8080',
  'https://example.com/llamas?page=2',
  'http://example.com/llamas',
])('%j cites nothing', (text) => {
  expect(cited(text)).toEqual([])
})

test('a citation is OpenAI’s', () => {
  expect(toUrlCitations('😀 https://example.com', hits)).toEqual([
    { type: 'url_citation', url: 'https://example.com/', title: 'Home', start_index: 2, end_index: 21 },
  ])
})
