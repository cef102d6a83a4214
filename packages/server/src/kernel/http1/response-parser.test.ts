import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ResponseParser } from './response-parser.ts'

interface Parsed {
  readonly status: number | undefined
  readonly headers: Readonly<Record<string, string>> | undefined
  readonly body: string
  readonly outcome: 'done' | 'cut' | 'bad'
  readonly reusable: boolean
}

/** Parses what a server sent before it closed, read by read, through one buffer that each read overwrites. */
function parse(reads: readonly (Buffer | string)[], parser = new ResponseParser()): Parsed {
  const shared = Buffer.alloc(200_000, 'stale\r\n\r\n')
  const pieces: Buffer[] = []
  parser.start()
  let outcome: Parsed['outcome'] = 'cut'
  for (const read of reads) {
    const bytes = typeof read === 'string' ? Buffer.from(read, 'latin1') : read
    bytes.copy(shared)
    const progress = parser.push(shared, bytes.length)
    shared.fill('~', 0, bytes.length)
    if (parser.body !== undefined) pieces.push(parser.body)
    if (progress === 'more') continue
    outcome = progress
    break
  }
  if (outcome === 'cut' && parser.close() === 'done') outcome = 'done'
  const { head } = parser
  const body = Buffer.concat(pieces).toString('latin1')
  const reusable = outcome === 'done' && head?.reusable === true && !parser.excess
  return { status: head?.status, headers: head?.headers, body, outcome, reusable }
}

const reply = (headers: string, body = ''): string => `HTTP/1.1 200 OK\r\n${headers}\r\n${body}`

describe('a reply', () => {
  test.each<[about: string, text: string, expected: Partial<Parsed>]>([
    ['with a length', reply('Content-Length: 5\r\n', 'hello'), { outcome: 'done', body: 'hello', reusable: true }],
    ['with no content', reply('Content-Length: 0\r\n'), { outcome: 'done', body: '', reusable: true }],
    ['without a reason', 'HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n', { outcome: 'done', status: 200 }],
    ['without reason and space', 'HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n', { outcome: 'done', status: 404 }],
    [
      '204 whatever its headers say',
      'HTTP/1.1 204 No\r\nContent-Length: 9\r\n\r\n',
      { outcome: 'done', reusable: true },
    ],
    ['304 without headers', 'HTTP/1.1 304 Not Modified\r\n\r\n', { outcome: 'done', body: '', reusable: true }],
    ['that ends with its connection', reply('', 'all of it'), { outcome: 'done', body: 'all of it', reusable: false }],
    [
      'in chunks with extensions and trailers',
      reply('Transfer-Encoding: Chunked\r\n', '3;a=b\r\nabc\r\n00A \r\n0123456789\r\n0\r\nX: y\r\nZ: z\r\n\r\n'),
      { outcome: 'done', body: 'abc0123456789', reusable: true },
    ],
    [
      'after provisional ones',
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${reply('Content-Length: 1\r\n', 'x')}`,
      { outcome: 'done', status: 200, headers: { 'content-length': '1' }, body: 'x' },
    ],
    ['that closes', reply('Connection: x, Close\r\nContent-Length: 0\r\n'), { outcome: 'done', reusable: false }],
    ['of HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n', { outcome: 'done', reusable: false }],
    [
      'of HTTP/1.0 that stays',
      'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n',
      { outcome: 'done', reusable: true },
    ],
    [
      'with two lengths, of which the chunks count',
      reply('Content-Length: 3\r\nTransfer-Encoding: chunked\r\n', '5\r\nhello\r\n0\r\n\r\n'),
      { outcome: 'done', body: 'hello', reusable: false },
    ],
    [
      'followed by bytes that nobody asked for',
      reply('Content-Length: 1\r\n', 'xHTTP/1.1 200 OK\r\n\r\n'),
      { outcome: 'done', body: 'x', reusable: false },
    ],
    ['cut in its head', 'HTTP/1.1 200 OK\r\nContent-Le', { outcome: 'cut' }],
    ['cut in its body', reply('Content-Length: 9\r\n', 'half'), { outcome: 'cut', body: 'half' }],
    ['cut in a chunk', reply('Transfer-Encoding: chunked\r\n', '9\r\nhalf'), { outcome: 'cut', body: 'half' }],
    ['cut before the last chunk', reply('Transfer-Encoding: chunked\r\n', '1\r\nx\r\n'), { outcome: 'cut', body: 'x' }],
  ])('%s', (_about, text, expected) => {
    expect(parse([text])).toMatchObject(expected)
    expect(parse(Array.from(text))).toMatchObject({ ...expected, reusable: expect.any(Boolean) })
  })

  test('has its headers in lower case, trimmed, and repeated ones joined', () => {
    const text = reply(
      'Set-Cookie: a\r\nX-Empty:\r\nset-cookie:\t b \r\nConstructor: c\r\n__Proto__: d\r\nContent-Length: 0\r\n',
    )
    expect(parse([text]).headers).toMatchObject({ 'set-cookie': 'a, b', 'x-empty': '', constructor: 'c' })
  })

  test('tells how long the connection stays', () => {
    const parser = new ResponseParser()
    parse([reply('Keep-Alive: max=100, timeout=72\r\nContent-Length: 0\r\n')], parser)
    expect(parser.head?.keepAliveMs).toBe(72_000)
  })
})

describe('malformed', () => {
  test.each<[about: string, text: string]>([
    ['another protocol', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['a TLS alert', '\u0015\u0003\u0003\u0000\u0002\u0002F'],
    ['HTTP/2', 'HTTP/2 200 OK\r\n\r\n'],
    ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n'],
    ['a status of letters', 'HTTP/1.1 abc OK\r\n\r\n'],
    ['bare line feeds', 'HTTP/1.1 200 OK\nContent-Length: 0\n\n'],
    ['a bare line feed between headers', reply('A: b\nContent-Length: 0\r\n')],
    ['a bare carriage return in a value', reply('A: b\rc\r\nContent-Length: 0\r\n')],
    ['a NUL in a value', reply('A: b\0\r\nContent-Length: 0\r\n')],
    ['a folded header', reply('A: b\r\n c\r\nContent-Length: 0\r\n')],
    ['a space before the colon', reply('Content-Length : 0\r\n')],
    ['a header without a colon', reply('nothing\r\nContent-Length: 0\r\n')],
    ['a header without a name', reply(': x\r\nContent-Length: 0\r\n')],
    ['conflicting lengths', reply('Content-Length: 5\r\nContent-Length: 6\r\n', 'hello!')],
    ['the same length twice', reply('Content-Length: 5\r\nContent-Length: 5\r\n', 'hello')],
    ['a list of lengths', reply('Content-Length: 5, 5\r\n', 'hello')],
    ['a negative length', reply('Content-Length: -5\r\n')],
    ['a signed length', reply('Content-Length: +5\r\n', 'hello')],
    ['a hexadecimal length', reply('Content-Length: 0x5\r\n', 'hello')],
    ['an empty length', reply('Content-Length:\r\n', 'hello')],
    ['a length beyond numbers', reply('Content-Length: 99999999999999999999\r\n')],
    ['a bad length beside chunks', reply('Content-Length: x\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n')],
    ['another coding', reply('Transfer-Encoding: gzip, chunked\r\n', '0\r\n\r\n')],
    ['chunked twice', reply('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n')],
    ['a switch of protocols', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n'],
    ['a chunk without a size', reply('Transfer-Encoding: chunked\r\n', '\r\nabc')],
    ['a chunk with a bad size', reply('Transfer-Encoding: chunked\r\n', '5g\r\nhello')],
    ['a chunk with a signed size', reply('Transfer-Encoding: chunked\r\n', '-5\r\nhello')],
    ['a chunk longer than its size', reply('Transfer-Encoding: chunked\r\n', '2\r\nhello\r\n0\r\n\r\n')],
    ['a chunk of an endless size', reply('Transfer-Encoding: chunked\r\n', `${'f'.repeat(13)}\r\n`)],
    ['a size with endless zeros', reply('Transfer-Encoding: chunked\r\n', '0'.repeat(50))],
    ['a chunk size ended by a line feed', reply('Transfer-Encoding: chunked\r\n', '2\nab\r\n0\r\n\r\n')],
    ['an endless extension', reply('Transfer-Encoding: chunked\r\n', `1;${'a'.repeat(5000)}`)],
    ['a line feed in an extension', reply('Transfer-Encoding: chunked\r\n', '2;a\nab\r\n0\r\n\r\n')],
    ['endless trailers', reply('Transfer-Encoding: chunked\r\n', `0\r\n${'A: b\r\n'.repeat(20_000)}`)],
    ['endless headers', `HTTP/1.1 200 OK\r\n${'A: b\r\n'.repeat(12_000)}`],
    ['endless headers that end', reply('A: b\r\n'.repeat(12_000))],
  ])('%s is an error as soon as it is read', (_about, text) => {
    expect(parse([text]).outcome).toBe('bad')
    const parser = new ResponseParser()
    const halves = [text.slice(0, text.length / 2), text.slice(text.length / 2)]
    expect(parse(halves, parser).outcome).toBe('bad')
    expect(parser.problem).toMatch(/^(it|its|a|the|Content-Length) /)
  })
})

describe('the cut into reads', () => {
  const token = fc.string({ unit: fc.constantFrom(...Array.from('abcXYZ019-_')), minLength: 1, maxLength: 12 })
  const value = fc.string({ unit: fc.constantFrom(...Array.from('ab :;,="\u00e9')), maxLength: 20 })
  const headers = fc
    .array(fc.tuple(token, value), { maxLength: 6 })
    .map((all) => all.map(([name, of]) => `X-${name}: ${of}\r\n`).join(''))
  const content = fc.string({ unit: 'binary', maxLength: 300 }).map((text) => Buffer.from(text).toString('latin1'))
  const chunked = fc.array(content, { maxLength: 6 }).map((pieces) => ({
    body: pieces.join(''),
    text: `Transfer-Encoding: chunked\r\n\r\n${pieces
      .filter((piece) => piece !== '')
      .map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`)
      .join('')}0\r\nTrailer: x\r\n\r\n`,
  }))
  const sized = content.map((body) => ({ body, text: `Content-Length: ${body.length}\r\n\r\n${body}` }))
  const closed = content.map((body) => ({ body, text: `Connection: close\r\n\r\n${body}` }))
  const anyReply = fc.tuple(headers, fc.oneof(chunked, sized, closed)).map(([more, { body, text }]) => ({
    body,
    text: `HTTP/1.1 200 OK\r\n${more}${text}`,
  }))

  function cut(text: string, sizes: Iterator<number>): Buffer[] {
    const bytes = Buffer.from(text, 'latin1')
    const reads: Buffer[] = []
    for (let from = 0; from < bytes.length;) {
      const size: number = sizes.next().value ?? 1
      reads.push(bytes.subarray(from, from + size))
      from += size
    }
    return reads
  }

  test('does not matter', () => {
    fc.assert(
      fc.property(anyReply, fc.infiniteStream(fc.integer({ min: 1, max: 60 })), ({ text, body }, sizes) => {
        const whole = parse([text])
        expect(whole).toMatchObject({ outcome: 'done', status: 200, body })
        expect(parse(cut(text, sizes))).toEqual(whole)
      }),
      { numRuns: 500 },
    )
  })

  test('does not matter for replies in a row', () => {
    const rows = fc.array(fc.tuple(headers, fc.oneof(chunked, sized)), { minLength: 2, maxLength: 5 })
    fc.assert(
      fc.property(rows, fc.infiniteStream(fc.integer({ min: 1, max: 60 })), (replies, sizes) => {
        const parser = new ResponseParser()
        for (const [more, { text, body }] of replies) {
          const parsed = parse(cut(`HTTP/1.1 200 OK\r\n${more}${text}`, sizes), parser)
          expect(parsed).toMatchObject({ outcome: 'done', body, reusable: true })
        }
      }),
    )
  })

  test('of anything at all ends in a reply, an error or a wait, and never in more bytes than came', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        'HTTP/1.1 200 OK\r\n',
        'Content-Length: 3\r\n',
        'Transfer-Encoding: chunked\r\n',
        '\r\n',
        '3\r\nabc\r\n',
        '0\r\n',
      ),
      content,
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const parsed = parse(pieces)
        expect(parsed.body.length).toBeLessThanOrEqual(pieces.join('').length)
        expect(parse([pieces.join('')])).toMatchObject({ outcome: parsed.outcome })
      }),
      { numRuns: 500 },
    )
  })
})
