import fc from 'fast-check'
import { expect, test } from 'vitest'
import { toStreamEvents } from '../mock/bodies.ts'
import { createResponseFraming } from './response-framing.ts'
import { createSseCounter } from './sse-counter.ts'

/** Cuts the bytes at the given places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [0, ...places.map((place) => place % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length]
  return sorted.slice(1).map((end, index) => bytes.subarray(sorted[index], end))
}

/** Frames the text in chunks whose borders have nothing to do with its events. */
function toChunked(text: string, sizes: readonly number[]): Buffer {
  const pieces = ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n']
  let at = 0
  for (let index = 0; at < text.length; index += 1) {
    const piece = text.slice(at, at + (sizes[index % sizes.length] ?? 1))
    pieces.push(`${piece.length.toString(16)}\r\n${piece}\r\n`)
    at += piece.length
  }
  return Buffer.from(`${pieces.join('')}0\r\n\r\n`)
}

const places = fc.array(fc.nat(), { maxLength: 40 })
const sizes = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 10 })

test('every event is counted once, however frames and reads cut the stream', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), places, sizes, (events, where, chunkSizes) => {
      const counter = createSseCounter()
      const framing = createResponseFraming((buffer, start, end) => counter.push(buffer, start, end))
      const stream = toStreamEvents(events, true)
      const reads = cut(toChunked(stream.join(''), chunkSizes), where)
      const ended = reads.map((read) => framing.push(read))
      expect(counter.events).toBe(stream.length)
      expect(counter.endsWith('[DONE]')).toBe(true)
      expect(framing.status).toBe(200)
      expect(ended.at(-1)).toBe(true)
    }),
  )
})

test('a stream that is cut short does not end with [DONE], and its reply is not complete', () => {
  const bytes = toChunked(toStreamEvents(3, false).join(''), [50])
  const counter = createSseCounter()
  const framing = createResponseFraming((buffer, start, end) => counter.push(buffer, start, end))
  expect(framing.push(bytes.subarray(0, bytes.length - 20))).toBe(false)
  expect(counter.endsWith('[DONE]')).toBe(false)
})

test('the last event is known by its beginning, wherever reads cut it', () => {
  const types = ['response.created', 'dat', 'data:', 'response.completed']
  const frames = types.map((type) => `event: ${type}\ndata: {"type":"${type}","response":{"text":"data"}}\n\n`)
  fc.assert(
    fc.property(places, (where) => {
      const counter = createSseCounter()
      const whole = Buffer.from(frames.join(''))
      for (const read of cut(whole.subarray(0, -1), where)) counter.push(read, 0, read.length)
      expect(counter.endsWith('{"type":"response.completed"')).toBe(false)
      counter.push(whole, whole.length - 1, whole.length)
      expect(counter.events).toBe(types.length)
      expect(counter.endsWith('{"type":"response.completed"')).toBe(true)
      expect(counter.endsWith('{"type":"response.created"')).toBe(false)
    }),
  )
})

test('near misses of the mark are not events', () => {
  const counter = createSseCounter()
  for (const read of ['dat', 'data', ': 1\n\nda', 'ta:x data: 2\n\n', 'd', 'ata: [DONE]\n\n']) {
    const bytes = Buffer.from(read)
    counter.push(bytes, 0, bytes.length)
  }
  expect(counter.events).toBe(3)
  expect(counter.endsWith('[DONE]')).toBe(true)
})

test('replies with a length follow each other on a connection', () => {
  const framing = createResponseFraming()
  expect(framing.push(Buffer.from('HTTP/1.1 429 Too Many\r\nContent-Length: 2\r\n\r\n{'))).toBe(false)
  expect(framing.push(Buffer.from('}'))).toBe(true)
  expect(framing.status).toBe(429)
  framing.reset()
  expect(framing.push(Buffer.from('HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n'))).toBe(true)
  expect(framing.status).toBe(204)
})

test('a reply without a length ends with the connection', () => {
  const framing = createResponseFraming()
  expect(framing.push(Buffer.from('HTTP/1.1 200 OK\r\n\r\ndata: [DONE]\n\n'))).toBe(false)
  expect(framing.untilClose).toBe(true)
})
