/** What every storage backend has to do with jobs, by the machine's clock. */
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { NewJob, ResponseRow } from '../storage/agent-state.ts'
import type { Storage } from '../storage/storage.ts'
import { newcomer } from './newcomer.ts'

const LONG_MS = 60_000

/** Declares the cases. `open` is that of the suite of storage. */
export function describeJobs(open: (store: string) => Promise<Storage>): void {
  const store = async (name = 'jobs'): Promise<Storage> => {
    const opened = await open(name)
    onTestFinished(() => opened[Symbol.asyncDispose]())
    return opened
  }

  describe('jobs', () => {
    test('are handed out oldest first, of the kind that was asked for, with whose they are', async () => {
      const storage = await store()
      const [kind, other] = [crypto.randomUUID(), crypto.randomUUID()]
      const owners = [newcomer(), newcomer()]
      for (const [index, owner] of owners.entries()) {
        await storage.responses(owner).insert(queued(`r${index}`), { job: job(`${kind}${index}`, { kind }) })
      }
      await storage.responses(newcomer()).insert(queued('r'), { job: job(other, { kind: other }) })
      const claim = () => storage.jobs.claim(kind, { worker: 'w', leaseMs: LONG_MS })
      const claimed = [await claim(), await claim(), await claim()]
      expect(claimed).toEqual([
        { id: `${kind}0`, kind, owner: owners[0]?.id, payload: { of: ['it'] }, attempts: 1 },
        { id: `${kind}1`, kind, owner: owners[1]?.id, payload: { of: ['it'] }, attempts: 1 },
        undefined,
      ])
    })

    test('that somebody holds are handed out when the lease has run out, and renewed by the holder only', async () => {
      const storage = await store()
      const kind = crypto.randomUUID()
      const held = job(kind, { kind, worker: 'first', leaseMs: 60 })
      await storage.responses(newcomer()).insert(queued('r'), { job: held })
      const next = { worker: 'next', leaseMs: 60 }
      expect(await storage.jobs.claim(kind, next)).toBeUndefined()
      expect(await storage.jobs.renew(kind, next)).toBe(false)
      expect(await storage.jobs.renew(kind, { worker: 'first', leaseMs: 200 })).toBe(true)
      await sleep(100)
      expect(await storage.jobs.claim(kind, next)).toBeUndefined()
      await sleep(120)
      expect(await storage.jobs.claim(kind, next)).toMatchObject({ id: kind, attempts: 2 })
      expect(await storage.jobs.renew(kind, { worker: 'first', leaseMs: LONG_MS })).toBe(false)
      expect(await storage.jobs.renew(kind, next)).toBe(true)
    })

    test('are handed out at once when they are released, and never when they are done', async () => {
      const storage = await store()
      const kind = crypto.randomUUID()
      const lease = { worker: 'w', leaseMs: LONG_MS }
      await storage.responses(newcomer()).insert(queued('r'), { job: job(kind, { kind, ...lease }) })
      await storage.jobs.release(kind, 'other')
      expect(await storage.jobs.claim(kind, lease)).toBeUndefined()
      await storage.jobs.release(kind, 'w')
      expect(await storage.jobs.claim(kind, { ...lease, worker: 'next' })).toMatchObject({ attempts: 1 })
      await storage.jobs.finish(kind)
      await storage.jobs.release(kind, 'next')
      expect(await storage.jobs.claim(kind, lease)).toBeUndefined()
      expect(await storage.jobs.renew(kind, lease)).toBe(false)
    })

    test('go to one worker each, however many ask, and outlive who began them', async () => {
      const first = await store('jobs-shared')
      const kind = 'shared'
      const names = Array.from({ length: 10 }, (_, index) => `job-${index}`)
      for (const name of names)
        await first.responses(newcomer()).insert(queued('r'), { job: job(name, { kind, worker: 'dead', leaseMs: -1 }) })
      await first[Symbol.asyncDispose]()
      const [one, two] = [await store('jobs-shared'), await store('jobs-shared')]
      const claims = Array.from({ length: 12 }, (_, index) =>
        (index % 2 === 0 ? one : two).jobs.claim(kind, { worker: `w${index}`, leaseMs: LONG_MS }),
      )
      const claimed = (await Promise.all(claims)).flatMap((each) => (each === undefined ? [] : [each.id]))
      expect(claimed.toSorted()).toEqual(names.toSorted())
    })
  })
}

function job(id: string, more: Partial<NewJob> = {}): NewJob {
  return { id, kind: 'response', payload: { of: ['it'] }, leaseMs: LONG_MS, ...more }
}

function queued(id: string): ResponseRow {
  const links = { previousId: null, conversationId: null }
  const texts = { input: [], output: [], messages: [], body: '{}', state: '{}' }
  return { id, createdAtMs: 1, model: 'm', status: 'queued', background: true, ...links, ...texts }
}
