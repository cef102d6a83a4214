import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { toEventStreamFrame } from '../../testing/event-stream-frame.ts'
import { EventStreamDecoder } from './event-stream.ts'

const text = (payload: Uint8Array): string => Buffer.from(payload).toString()

/**
 * AWS's published vectors for the encoding (`awslabs/aws-c-event-stream`): an empty message, a payload alone, and a header
 * of type 4 that carries the number 40972 beside a payload.
 */
describe('AWS’s published frames', () => {
  test.each<[string, string, Record<string, string>, string]>([
    ['an empty message', '000000100000000005c248eb7d98c8ff', {}, ''],
    ['a payload without headers', '0000001d00000000fd528c5a7b27666f6f273a27626172277dc3653936', {}, "{'foo':'bar'}"],
    [
      'an integer header, which is skipped',
      '0000002d0000001041c424b80a6576656e742d74797065040000a00c7b27666f6f273a27626172277d36f480a0',
      {},
      "{'foo':'bar'}",
    ],
  ])('%s', (_name, hex, ...[headers, payload]) => {
    const [message] = new EventStreamDecoder('p').decode(Buffer.from(hex, 'hex'))
    expect(message?.headers).toEqual(headers)
    expect(text(message?.payload ?? Buffer.from('absent'))).toBe(payload)
  })
})

const header = fc.tuple(fc.string({ minLength: 1, maxLength: 20 }), fc.string({ maxLength: 40, unit: 'grapheme' }))
const frame = fc.record({
  headers: fc.array(header, { maxLength: 4 }).map((pairs) => Object.fromEntries(pairs)),
  payload: fc.uint8Array({ maxLength: 200 }),
})

it('reads the same frames whatever the cuts', () => {
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 5 }), fc.array(fc.nat(), { maxLength: 12 }), (frames, marks) => {
      const bytes = Buffer.concat(frames.map(({ headers, payload }) => toEventStreamFrame(headers, payload)))
      const cuts = [0, ...marks.map((mark) => mark % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b)
      const decoder = new EventStreamDecoder('p')
      const read = cuts.flatMap((cut, index) => decoder.decode(Buffer.from(bytes.subarray(cuts[index - 1] ?? 0, cut))))
      decoder.end()
      expect(read.map(({ headers, payload }) => ({ headers, payload: text(payload) }))).toEqual(
        frames.map(({ headers, payload }) => ({ headers, payload: text(payload) })),
      )
    }),
  )
})

it('refuses a frame with any bit turned', () => {
  const good = toEventStreamFrame({ ':event-type': 'messageStop' }, '{"stopReason":"end_turn"}')
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.nat(7), (at, bit) => {
      const bad = Buffer.from(good)
      bad[at] = (bad[at] ?? 0) ^ (1 << bit)
      expect(() => new EventStreamDecoder('p').decode(bad)).toThrow('checksum')
    }),
  )
})

it('keeps no reference to the memory of a chunk', () => {
  const bytes = toEventStreamFrame({}, 'hello')
  const decoder = new EventStreamDecoder('p')
  const chunk = Buffer.from(bytes.subarray(0, 20))
  expect(decoder.decode(chunk)).toEqual([])
  chunk.fill(0)
  const last = Buffer.from(bytes.subarray(20))
  const [message] = decoder.decode(last)
  last.fill(0)
  expect(text(message?.payload ?? Buffer.of())).toBe('hello')
})

describe('what cannot be a frame', () => {
  const withLengths = (total: number, headers: number): Buffer =>
    rewritten(toEventStreamFrame({}, 'some payload'), total, headers)

  it('is refused as soon as its lengths are there', () => {
    for (const [total, headers] of [
      [0, 0],
      [15, 0],
      [40, 30],
      [0xffff_ffff, 0],
    ] as const) {
      expect(() => new EventStreamDecoder('p').decode(withLengths(total, headers))).toThrow('impossible length')
    }
  })

  it('is noticed where the body ends', () => {
    const decoder = new EventStreamDecoder('p')
    decoder.decode(toEventStreamFrame({}, 'hello').subarray(0, 9))
    expect(() => decoder.end()).toThrow("The stream of provider 'p' broke off: it ended within a frame")
  })

  it('is a header that leaves its frame, or has a type of its own', () => {
    const good = toEventStreamFrame({ a: 'b' }, '')
    const long = Buffer.from(good)
    long.writeUInt16BE(999, 15)
    expect(() => new EventStreamDecoder('p').decode(rewritten(long, long.length, 6))).toThrow('longer than its frame')
    const odd = Buffer.from(good)
    odd.writeUInt8(77, 14)
    expect(() => new EventStreamDecoder('p').decode(rewritten(odd, odd.length, 6))).toThrow('unknown type 77')
  })
})

/** The frame with other lengths and right checksums. */
function rewritten(frame: Buffer, total: number, headers: number): Buffer {
  const bytes = Buffer.from(frame)
  bytes.writeUInt32BE(total, 0)
  bytes.writeUInt32BE(headers, 4)
  bytes.writeUInt32BE(crc32(bytes.subarray(0, 8)), 8)
  bytes.writeUInt32BE(crc32(bytes.subarray(0, -4)), bytes.length - 4)
  return bytes
}
