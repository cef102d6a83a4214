import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../kernel/clock.ts'
import { silentLog } from '../kernel/log.ts'
import { describeStorage } from '../testing/storage-conformance.ts'
import { openStorage } from './open-storage.ts'
import type { Storage } from './storage.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'storage-'))
})
afterAll(() => rm(folder, { recursive: true }))

function open(name: string): Promise<Storage> {
  return openStorage({
    backend: { type: 'sqlite', db_path: join(folder, `${name}.db`), busy_timeout_ms: 1000 },
    clock: systemClock,
    log: silentLog,
    requestLogRetentionDays: 30,
  })
}

describeStorage({ name: 'sqlite', open })

// The suite that backends share has fixed cases: it is published, and fast-check is not among its dependencies.
test('pages follow each other without a gap or a repeat, whatever the times', async () => {
  await using storage = await open('pages')
  const scenario = fc.record({
    times: fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 30 }),
    limit: fc.integer({ min: 1, max: 7 }),
    order: fc.constantFrom('asc' as const, 'desc' as const),
  })
  let owners = 0
  await fc.assert(
    fc.asyncProperty(scenario, async ({ times, limit, order }) => {
      owners += 1
      const repository = storage.chatCompletions({ id: `owner-${owners}` })
      const bytes = Buffer.from('{}')
      const row = { model: 'm', request: bytes, reply: { format: 'json' as const, bytes } }
      await Promise.all(times.map((createdAtMs, index) => repository.insert({ ...row, id: `c${index}`, createdAtMs })))
      const sorted = times
        .map((time, index) => ({ time, index }))
        .toSorted((a, b) => a.time - b.time || a.index - b.index)
      const expected = (order === 'asc' ? sorted : sorted.toReversed()).map(({ index }) => `c${index}`)

      const seen: string[] = []
      for (let more = true; more;) {
        const page = await repository.list({ limit, order, after: seen.at(-1) })
        seen.push(...page.rows.map(({ id }) => id))
        more = page.hasMore
      }
      expect(seen).toEqual(expected)
    }),
    { numRuns: 40 },
  )
})
