import fc from 'fast-check'
import { expect, test } from 'vitest'
import { toEvents } from '../../../storage/delta-run.ts'
import type { ToldEvents } from '../../../storage/delta-run.ts'
import { toldEvents } from '../../../testing/told-events.ts'
import { EventFeed, FeedStream } from './event-feed.ts'
import { toFrame } from './event-frames.ts'

/** What a client of the stream is sent, if it can take something every other time. */
function read(feed: EventFeed): { readonly text: () => string; readonly ended: Promise<void> } {
  const stream = new FeedStream({ feed, onLeave: () => undefined })
  const pieces: Buffer[] = []
  const ended = Promise.withResolvers<void>()
  const take = (bytes: Buffer): void => {
    pieces.push(bytes)
    if (pieces.length % 2 === 1) return
    stream.pause()
    setImmediate(() => stream.resume())
  }
  stream.pipe({
    data: (bytes) => take(Buffer.from(bytes)),
    text: (text) => take(Buffer.from(text, 'latin1')),
    end: () => ended.resolve(),
    fail: (error) => ended.reject(error),
  })
  return { text: () => Buffer.concat(pieces).toString(), ended: ended.promise }
}

test('whoever reads along is sent each event once, whatever came together', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(9), fc.boolean(), toldEvents, async (first, keeps, pieces) => {
      const feed = new EventFeed({ first, keeps })
      const { text, ended } = read(feed)
      const told = pieces(first)
      for (const each of told) {
        feed.tell(each)
        if (typeof each === 'string') await Promise.resolve()
      }
      feed.close()
      await ended
      expect(text()).toBe(toEvents(told).map(toFrame).join(''))
      expect(feed.next).toBe(first + toEvents(told).length)
    }),
  )
})

test('an event is found by its number, and a short feed holds the latest', () => {
  const run = (first: number, count: number): ToldEvents => ({
    head: '{"type":"response.output_text.delta","delta":',
    rest: '}',
    first,
    values: Array.from({ length: count }, () => '"x"'),
  })
  const feed = new EventFeed({ first: 3, keeps: true })
  feed.tell('{"type":"response.created","sequence_number":3}')
  feed.tell(run(4, 600))
  expect([feed.at(2), feed.at(604)]).toEqual([undefined, undefined])
  expect(feed.at(3)).toBe('{"type":"response.created","sequence_number":3}')
  expect(feed.at(5)).toBe('{"type":"response.output_text.delta","delta":"x","sequence_number":5}')
  feed.shorten()
  for (let next = 604; next < 4000; next += 7) feed.tell(run(next, 7))
  expect(feed.next - feed.first).toBeLessThan(1100)
  expect(feed.at(feed.first - 1)).toBeUndefined()
  for (const number of [feed.first, feed.next - 512, feed.next - 1])
    expect(JSON.parse(feed.at(number) ?? '')).toMatchObject({ sequence_number: number })
})
