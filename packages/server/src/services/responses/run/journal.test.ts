import { setTimeout as sleep } from 'node:timers/promises'
import { StackError } from '@llama-stack/api'
import { expect, onTestFinished, test } from 'vitest'
import type { NewJob, ResponseRepository } from '../../../storage/agent-state.ts'
import { newcomer } from '../../../testing/newcomer.ts'
import { openResponseRow as row } from '../../../testing/open-response-row.ts'
import { createTemporaryStorage } from '../../../testing/temporary-storage.ts'
import { EventFeed } from './event-feed.ts'
import { Journal } from './journal.ts'
import type { JournalOptions } from './journal.ts'

const job: NewJob = { id: 'job', kind: 'response', payload: {}, worker: 'me', leaseMs: 60_000 }
const event = (sequence: number): string => `{"type":"response.output_text.delta","sequence_number":${sequence}}`

async function setUp(more: Partial<JournalOptions> = {}, wrap = (repository: ResponseRepository) => repository) {
  const temporary = await createTemporaryStorage()
  onTestFinished(() => temporary[Symbol.asyncDispose]())
  const repository = temporary.storage.responses(newcomer())
  const feed = new EventFeed({ first: 0, keeps: true })
  const lost: (string | undefined)[] = []
  const journal = new Journal({
    id: 'resp_1',
    repository: wrap(repository),
    conversations: temporary.storage.conversations(newcomer()),
    feed,
    isStored: true,
    worker: 'me',
    onLost: (reason) => lost.push(reason),
    ...more,
  })
  let next = 0
  const tell = (count: number): void => {
    for (let index = 0; index < count; index += 1) journal.event(event(next++))
  }
  return { journal, repository, feed, lost, tell, jobs: temporary.storage.jobs }
}

test('tells at once while somebody waits, and only what is kept once nobody does', async () => {
  const { journal, repository, feed, tell } = await setUp()
  tell(3)
  expect([feed.next, await repository.find('resp_1')]).toEqual([3, undefined])
  const persisting = journal.persist(row, job)
  tell(2)
  expect(await persisting).toBe(true)
  // What was told belongs to the row; what came while it was written waits for its own write.
  expect([feed.next, (await repository.events('resp_1', -1)).length]).toEqual([3, 3])
  const seen: Promise<number>[] = []
  feed.add({ flow: () => void seen.push(repository.events('resp_1', -1).then(({ length }) => length)) })
  await journal.checkpoint(() => ({ output: ['{}'] }))
  tell(2)
  await expect.poll(() => feed.next).toBe(7)
  expect((await Promise.all(seen)).every((kept, index) => kept >= 4 + index)).toBe(true)
  await journal.finish(() => ({ ...row, status: 'completed', state: null }), event(7), undefined)
  expect(await repository.events('resp_1', -1)).toEqual(Array.from({ length: 8 }, (_, index) => event(index)))
  expect([feed.next, feed.end]).toEqual([8, { error: undefined }])
  expect(await repository.find('resp_1')).toMatchObject({ status: 'completed', output: [] })
})

test.each([
  ['another process holds the job', ({ jobs }: Scene) => jobs.release('job', 'me')],
  ['the response was cancelled', ({ repository }: Scene) => repository.advance('resp_1', { status: 'cancelled' })],
  ['the response was deleted', ({ repository }: Scene) => repository.delete('resp_1')],
])('tells nothing more when %s', async (_, happens) => {
  const scene = await setUp()
  const { journal, repository, feed, lost, tell } = scene
  await journal.persist(row, job)
  await happens(scene)
  tell(3)
  await expect.poll(() => lost).toEqual([undefined])
  tell(1)
  await journal.checkpoint(() => ({ output: ['{}'] }))
  await journal.finish(() => ({ ...row, status: 'completed' }), event(4), undefined)
  expect([lost.length, feed.next, await repository.events('resp_1', -1)]).toEqual([1, 0, []])
  expect((await repository.find('resp_1'))?.status).not.toBe('completed')
})

type Scene = Awaited<ReturnType<typeof setUp>>

test('says so when the store fails, once, and to whoever waits', async () => {
  const failure = new StackError('storage_failed', { reason: 'the disk is full' })
  const { journal, feed, lost, tell } = await setUp({}, (repository) => ({
    ...repository,
    advance: () => Promise.reject(failure),
  }))
  await journal.persist(row, job)
  tell(2)
  await expect.poll(() => lost).toEqual([expect.stringContaining('the disk is full')])
  await expect(journal.checkpoint(() => ({}))).rejects.toBe(failure)
  await expect(journal.finish(() => row, event(2), undefined)).rejects.toBe(failure)
  await journal.abandon(failure)
  expect([lost.length, feed.next, feed.end]).toEqual([1, 0, { error: failure }])
})

test('writes fewer and larger pieces on a slow disk', async () => {
  let writes = 0
  const { journal, repository, tell } = await setUp({}, (fast) => ({
    ...fast,
    async advance(...args) {
      writes += 1
      await sleep(200)
      return fast.advance(...args)
    },
  }))
  await journal.persist(row, job)
  for (let index = 0; index < 40; index += 1) {
    tell(5)
    await sleep(10)
  }
  await journal.finish(() => ({ ...row, status: 'completed' }), event(200), undefined)
  expect((await repository.events('resp_1', -1)).length).toBe(201)
  expect(writes).toBeLessThanOrEqual(5)
})

test('keeps an end once, whoever leaves while it is written', async () => {
  const { journal, repository, tell } = await setUp()
  tell(2)
  const finishing = journal.finish(() => ({ ...row, status: 'completed', state: null }), event(2), undefined)
  expect(await journal.persist(row, job)).toBe(false)
  // A call that was broken off still says something.
  tell(1)
  await finishing
  expect(await repository.events('resp_1', -1)).toEqual([event(0), event(1), event(2)])
})

test('waits for what is being written before it lets go', async () => {
  const { journal, repository, feed, tell } = await setUp()
  await journal.persist(row, job)
  tell(2)
  const checkpoint = journal.checkpoint(() => ({ output: ['{"kept":true}'] }))
  tell(1)
  await journal.abandon()
  expect(await repository.find('resp_1')).toMatchObject({ status: 'in_progress', output: ['{"kept":true}'] })
  expect([feed.next, feed.end, (await repository.events('resp_1', -1)).length]).toEqual([2, { error: undefined }, 2])
  await checkpoint
})
