import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createSseParser, sseData, sseDone } from './sse.ts'
import type { SseEvent } from './sse.ts'

function parse(...chunks: readonly (string | Uint8Array)[]): SseEvent[] {
  const events: SseEvent[] = []
  const parser = createSseParser((event) => events.push(event))
  for (const chunk of chunks) parser.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk)
  parser.end()
  return events
}

test.each<[about: string, text: string, events: readonly SseEvent[]]>([
  ['one event', 'data: {"a":1}\n\n', [{ data: '{"a":1}' }]],
  ['line ends of either kind', 'data: a\r\n\r\ndata: b\n\n', [{ data: 'a' }, { data: 'b' }]],
  [
    'the event’s name, for that event only',
    'event: x\ndata: a\n\ndata: b\n\n',
    [{ event: 'x', data: 'a' }, { data: 'b' }],
  ],
  ['several data lines', 'data: a\ndata: b\n\n', [{ data: 'a\nb' }]],
  ['an empty data line', 'data\n\ndata:\n\n', [{ data: '' }, { data: '' }]],
  ['one space after the colon, no more', 'data:a\n\ndata:  b\n\n', [{ data: 'a' }, { data: ' b' }]],
  ['colons within the data', 'data: a: b\n\n', [{ data: 'a: b' }]],
  ['nothing of comments, ids and times', ': ping\n\nid: 7\nretry: 5\ndata: a\n\nid: 8\n\n', [{ data: 'a' }]],
  ['nothing of an event without data', 'event: x\n\ndata: a\n\n', [{ data: 'a' }]],
  ['a last event without its blank line', 'data: a\n\ndata: b', [{ data: 'a' }, { data: 'b' }]],
  ['a last line with half of its line end', 'data: a\r', [{ data: 'a' }]],
  ['lines that end in a lone CR', 'data: a\r\rdata: b\rdata: c\r\r', [{ data: 'a' }, { data: 'b\nc' }]],
  [
    'line ends of all kinds side by side',
    'data: a\r\n\rdata: b\n\r\ndata: c\r\n\n',
    [{ data: 'a' }, { data: 'b' }, { data: 'c' }],
  ],
  ['nothing of a mark at the beginning', '\uFEFFdata: a\n\n', [{ data: 'a' }]],
  ['nothing of nothing', '', []],
])('the parser gives %s', (_about, text, events) => {
  expect(parse(text)).toEqual(events)
})

test('what is framed here is read back', () => {
  expect(parse(sseData('{"a":"b"}'), sseDone)).toEqual([{ data: '{"a":"b"}' }, { data: '[DONE]' }])
})

describe('the cut into chunks', () => {
  const line = fc.oneof(
    fc.constantFrom('', '', ': comment', 'event: x', 'data', 'data: ', 'id: 1'),
    fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => `data: ${text.replaceAll(/[\r\n]/g, ' ')}`),
  )
  const text = fc
    .array(fc.tuple(line, fc.constantFrom('\n', '\r\n', '\r')), { maxLength: 20 })
    .map((lines) => lines.flat().join(''))

  test('does not matter, within characters and line ends too', () => {
    fc.assert(
      fc.property(text, fc.infiniteStream(fc.integer({ min: 1, max: 5 })), (whole, sizes) => {
        const bytes = Buffer.from(whole)
        const chunks: Buffer[] = []
        for (let from = 0; from < bytes.byteLength;) {
          const size: number = sizes.next().value ?? 1
          chunks.push(bytes.subarray(from, from + size))
          from += size
        }
        expect(parse(...chunks)).toEqual(parse(bytes))
      }),
    )
  })

  test('does not delay an event beyond its blank line', () => {
    const events: SseEvent[] = []
    const parser = createSseParser((event) => events.push(event))
    parser.push(Buffer.from('data: a\n'))
    expect(events).toEqual([])
    parser.push(Buffer.from('\ndata: b'))
    expect(events).toEqual([{ data: 'a' }])
  })
})

test('a CR and its LF may come apart', () => {
  expect(parse('data: a\r', '\n\r', '\ndata: b\r', '\rdata: c\n', '\n')).toEqual([
    { data: 'a' },
    { data: 'b' },
    { data: 'c' },
  ])
})

test('an event of 10 MB in many chunks is read in time that grows with its size only', () => {
  const timeOf = (bytes: number): number => {
    const chunk = Buffer.alloc(1024, 'x')
    const events: SseEvent[] = []
    const parser = createSseParser((event) => events.push(event))
    const started = performance.now()
    parser.push(Buffer.from('data: '))
    for (let sent = 0; sent < bytes; sent += chunk.length) parser.push(chunk)
    parser.push(Buffer.from('\n\n'))
    expect(events[0]?.data).toHaveLength(bytes)
    return performance.now() - started
  }
  timeOf(1024 * 1024)
  // Quadratic work would take more than a minute.
  expect(timeOf(10 * 1024 * 1024)).toBeLessThan(3000)
})

test.each([
  ['a line', 'data: ', ''],
  ['many lines', '', '\n'],
])('an event that never ends is given up: %s', (_about, begin, lineEnd) => {
  const events: SseEvent[] = []
  let given = 0
  const parser = createSseParser((event) => events.push(event), { onTooLarge: () => (given += 1) })
  parser.push(Buffer.from(`data: a\n\n${begin}`))
  const chunk = Buffer.from(`data: ${'x'.repeat(8 * 1024 * 1024)}${lineEnd}`)
  for (let at = 0; at < 10; at += 1) parser.push(chunk)
  parser.push(Buffer.from('\n\ndata: b\n\n'))
  parser.end()
  expect(given).toBe(1)
  expect(events).toEqual([{ data: 'a' }])
})
