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
    responseCacheMaxBytes: 10_000,
  })
}

describeStorage({ name: 'sqlite', open })

// The suite that backends share has fixed cases: it is published, and fast-check is not among its dependencies.
// Few ids, so that most are repeated.
test('pages follow each other without a gap or a repeat, and each row is found by the id that it is shown with', async () => {
  await using storage = await open('pages')
  const scenario = fc.record({
    rows: fc.array(fc.record({ vendorId: fc.constantFrom('a', 'b', 'a~1', 'b~2'), deleted: fc.boolean() }), {
      maxLength: 30,
    }),
    limit: fc.integer({ min: 1, max: 7 }),
    order: fc.constantFrom('asc' as const, 'desc' as const),
  })
  let owners = 0
  await fc.assert(
    fc.asyncProperty(scenario, async ({ rows, limit, order }) => {
      owners += 1
      const repository = storage.chatCompletions({ id: `owner-${owners}` })
      const bytes = Buffer.from('{}')
      const reply = { format: 'json' as const, bytes }
      await Promise.all(
        rows.map(({ vendorId }, index) =>
          repository.insert({ id: vendorId, model: `m${index}`, createdAtMs: 1, request: bytes, reply }),
        ),
      )
      const { rows: inserted } = await repository.list({ limit: 100, order: 'asc' })
      const gone = inserted.filter((_, index) => rows[index]?.deleted)
      const deletions = await Promise.all(gone.map(({ id }) => repository.delete(id)))
      expect(deletions).toEqual(gone.map(() => true))
      const left = rows.flatMap(({ deleted }, index) => (deleted ? [] : [`m${index}`]))

      const seen: { readonly id: string; readonly model: string }[] = []
      for (let more = true; more;) {
        const page = await repository.list({ limit, order, after: seen.at(-1)?.id })
        seen.push(...page.rows)
        more = page.hasMore
      }
      expect(seen.map(({ model }) => model)).toEqual(order === 'asc' ? left : left.toReversed())
      for (const { id, model } of seen) expect(await repository.find(id)).toMatchObject({ id, model })
    }),
    { numRuns: 40 },
  )
})
