import { setTimeout as sleep } from 'node:timers/promises'
import type { ByteSink } from '@llama-stack/api'
import { expect, onTestFinished, test } from 'vitest'
import { newcomer } from '../../../testing/newcomer.ts'
import { openResponseRow as row } from '../../../testing/open-response-row.ts'
import { createTemporaryStorage } from '../../../testing/temporary-storage.ts'
import { EventFeed } from '../run/event-feed.ts'
import { StoredStream } from './stored-stream.ts'

const event = (sequence: number): string => `{"type":"response.output_text.delta","sequence_number":${sequence}}`
const events = (from: number, count: number): string[] =>
  Array.from({ length: count }, (_, index) => event(from + index))

async function setUp() {
  const temporary = await createTemporaryStorage()
  onTestFinished(() => temporary[Symbol.asyncDispose]())
  const repository = temporary.storage.responses(newcomer())
  await repository.insert(row)
  let next = 0
  /** Keeps events, and tells them where somebody does. */
  const keep = async (count: number, feed?: EventFeed): Promise<void> => {
    const told = events(next, count)
    const segment = { firstSequence: next, lastSequence: next + count - 1, events: told }
    next += count
    await repository.advance('resp_1', {}, { events: segment })
    for (const json of told) feed?.tell(json)
  }
  return { repository, keep, end: () => repository.advance('resp_1', { status: 'completed' }) }
}

/** A client. `slowly`: it takes one event after the other, and is given none before it asks. */
function createClient(stream: StoredStream, slowly = false) {
  const numbers: number[] = []
  let isPaused = false
  const ended = Promise.withResolvers<string>()
  const take = (chunk: Uint8Array | string): void => {
    if (isPaused) ended.resolve('given something while it was paused')
    const text = typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString()
    numbers.push(Number(/"sequence_number":(\d+)/.exec(text)?.[1]))
    if (!slowly) return
    isPaused = true
    stream.pause()
    setImmediate(() => {
      isPaused = false
      stream.resume()
    })
  }
  const sink: ByteSink = {
    data: take,
    text: take,
    end: () => ended.resolve('ended'),
    fail: (error) => ended.resolve(error.code),
  }
  stream.pipe(sink)
  return { numbers, ended: ended.promise }
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

test('a slow reader and a late one lose nothing, and the feed does not grow', async () => {
  const { repository, keep, end } = await setUp()
  const feed = new EventFeed({ first: 0, keeps: true })
  feed.shorten()
  const options = { responseId: 'resp_1', repository, feed }
  const slow = createClient(new StoredStream({ ...options, after: -1 }), true)
  const fast = createClient(new StoredStream({ ...options, after: -1 }))
  for (let index = 0; index < 40; index += 1) {
    await keep(100, feed)
    expect(feed.events.length).toBeLessThan(1200)
  }
  const late = createClient(new StoredStream({ ...options, after: 2999 }))
  await end()
  feed.close()
  expect(await Promise.all([slow.ended, fast.ended, late.ended])).toEqual(['ended', 'ended', 'ended'])
  expect(fast.numbers).toEqual(upTo(4000))
  expect(slow.numbers).toEqual(upTo(4000))
  expect(late.numbers).toEqual(upTo(4000).slice(3000))
})

test('a slow reader of what is in the store only is given it at its pace, and the store is not asked each time', async () => {
  const { repository, keep, end } = await setUp()
  let reads = 0
  const counted: typeof repository = {
    ...repository,
    events(id, after) {
      reads += 1
      return repository.events(id, after)
    },
  }
  const options = { responseId: 'resp_1', repository: counted, feed: undefined }
  await keep(300)
  const early = createClient(new StoredStream({ ...options, after: -1 }), true)
  await expect.poll(() => early.numbers.length).toBe(300)
  await keep(300)
  await end()
  const late = createClient(new StoredStream({ ...options, after: 99 }), true)
  expect(await Promise.all([early.ended, late.ended])).toEqual(['ended', 'ended'])
  expect(early.numbers).toEqual(upTo(600))
  expect(late.numbers).toEqual(upTo(600).slice(100))
  expect(reads).toBeLessThan(20)
})

test('a reader goes on with another process’s events when this one lets go', async () => {
  const { repository, keep, end } = await setUp()
  const feed = new EventFeed({ first: 0, keeps: true })
  const client = createClient(new StoredStream({ responseId: 'resp_1', repository, feed, after: -1 }))
  await keep(3, feed)
  feed.close()
  await keep(3)
  await expect.poll(() => client.numbers.length).toBe(6)
  await keep(1)
  await end()
  expect(await client.ended).toBe('ended')
  expect(client.numbers).toEqual(upTo(7))
})

test('a reader hears that the response was deleted, and one that has left hears nothing', async () => {
  const { repository, keep } = await setUp()
  await keep(2)
  const stream = new StoredStream({ responseId: 'resp_1', repository, feed: undefined, after: -1 })
  const left = createClient(stream)
  const client = createClient(new StoredStream({ responseId: 'resp_1', repository, feed: undefined, after: 0 }))
  await expect.poll(() => left.numbers.length).toBe(2)
  stream.cancel()
  await repository.delete('resp_1')
  expect(await client.ended).toBe('response_not_found')
  expect(client.numbers).toEqual([1])
  await sleep(300)
  expect(await Promise.race([left.ended, Promise.resolve('nothing')])).toBe('nothing')
})
