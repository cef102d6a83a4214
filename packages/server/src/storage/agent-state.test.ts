import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../kernel/clock.ts'
import { silentLog } from '../kernel/log.ts'
import type { NewConversationItem, ResponseRow } from './agent-state.ts'
import { openStorage } from './open-storage.ts'
import type { Storage } from './storage.ts'

const { DatabaseSync: Connection } = process.getBuiltinModule('node:sqlite')
const principal = { id: 'local' }

let folder: string
let path: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'agent-state-'))
  path = join(folder, 'state.db')
})
afterEach(() => rm(folder, { recursive: true }))

const open = (): Promise<Storage> =>
  openStorage({ backend: { type: 'sqlite', db_path: path, busy_timeout_ms: 5000 }, clock: systemClock, log: silentLog })

/** A turn of some length: what is asked, and what is answered. */
function turn(index: number, previousId: string | null, conversationId: string | null): ResponseRow {
  const [question, answer] = ['q', 'a'].map((kind) => `{"id":"${kind}${index}","text":"${'words '.repeat(80)}"}`)
  return {
    id: `resp_${String(index).padStart(6, '0')}`,
    createdAtMs: 1,
    model: 'm',
    status: 'completed',
    background: false,
    previousId,
    conversationId,
    input: [question ?? ''],
    output: [answer ?? ''],
    messages: [question ?? '', answer ?? ''],
    body: `{"id":"resp_${index}"}`,
    state: null,
  }
}

const toItems = ({ id, input, output }: ResponseRow): NewConversationItem[] =>
  [...input, ...output].map((item, index) => ({ id: `${id}-${index}`, item, responseId: id }))

/** The bytes of all rows of the agent engine. */
function storedBytes(): number {
  const connection = new Connection(path)
  const count = (sql: string): number => Number(connection.prepare(sql).get()?.['bytes'])
  const bytes =
    count('SELECT sum(length(input) + length(output) + length(messages) + length(body)) AS bytes FROM responses') +
    count('SELECT sum(length(events)) AS bytes FROM response_events') +
    count('SELECT coalesce(sum(length(item)), 0) AS bytes FROM conversation_items')
  connection.close()
  return bytes
}

test.each(['chain', 'conversation'] as const)(
  'a %s of four times the turns takes four times the bytes',
  async (kind) => {
    await using storage = await open()
    const conversationId = kind === 'conversation' ? 'conv' : null
    await storage.conversations(principal).insert({ id: 'conv', createdAtMs: 1, metadata: {} }, [])
    let previousId: string | null = null
    const growTo = async (from: number, to: number): Promise<number> => {
      for (let index = from; index < to; index += 1) {
        const row = turn(index, kind === 'chain' ? previousId : null, conversationId)
        const addition = conversationId === null ? undefined : { conversationId, items: toItems(row) }
        const deltas = Array.from({ length: 100 }, (_, number) => `{"sequence_number":${number},"delta":"word"}`)
        const events = { firstSequence: 0, lastSequence: 99, events: deltas }
        await storage.responses(principal).insert(row, { addition, events })
        previousId = row.id
      }
      return storedBytes()
    }
    const [ten, forty] = [await growTo(0, 10), await growTo(10, 40)]
    expect(forty / ten).toBeGreaterThan(3.9)
    expect(forty / ten).toBeLessThan(4.1)
  },
)

test('a chain of 25 is read in a few milliseconds at most', async () => {
  await using storage = await open()
  const repository = storage.responses(principal)
  for (let index = 0; index < 25; index += 1)
    await repository.insert(turn(index, index === 0 ? null : turn(index - 1, null, null).id, null))
  const last = turn(24, null, null).id
  const times: number[] = []
  for (let round = 0; round < 100; round += 1) {
    const start = performance.now()
    expect(await repository.chain(last)).toHaveLength(25)
    times.push(performance.now() - start)
  }
  // Measured: 0.4 ms. The least of many, because other tests share the machine.
  expect(Math.min(...times)).toBeLessThan(2)
})

test('whatever is done to a conversation, it lists what was added and not deleted, in that order', async () => {
  await using storage = await open()
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ add: fc.integer({ min: 1, max: 4 }) }) },
    fc.record({ remove: fc.nat({ max: 30 }) }),
  )
  let conversations = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 15 }), fc.integer({ min: 1, max: 5 }), async (steps, limit) => {
      const repository = storage.conversations(principal)
      const id = `conv-${(conversations += 1)}`
      await repository.insert({ id, createdAtMs: 1, metadata: {} }, [])
      let expected: string[] = []
      let next = 0
      const deletions: [boolean, boolean][] = []
      for (const each of steps) {
        if ('add' in each) {
          const added = Array.from({ length: each.add }, () => `i${(next += 1)}`)
          await repository.addItems(
            id,
            added.map((itemId) => ({ id: itemId, item: `{"id":"${itemId}"}` })),
          )
          expected.push(...added)
        } else {
          const gone = `i${each.remove}`
          deletions.push([await repository.deleteItem(id, gone), expected.includes(gone)])
          expected = expected.filter((itemId) => itemId !== gone)
        }
      }
      for (const [deleted, wasThere] of deletions) expect(deleted).toBe(wasThere)
      const seen: string[] = []
      for (let more = true; more;) {
        const page = await repository.listItems(id, { order: 'desc', limit, after: seen.at(-1) })
        seen.push(...page.rows.map((row) => row.id))
        more = page.hasMore
      }
      expect(seen.toReversed()).toEqual(expected)
    }),
    { numRuns: 40 },
  )
})

test('two processes that append to one conversation lose no item and mix no turn', async () => {
  await using storage = await open()
  await storage.conversations(principal).insert({ id: 'conv', createdAtMs: 1, metadata: {} }, [])
  const writer = (name: string): string => `
    const { openStorage } = await import(${JSON.stringify(new URL('open-storage.ts', import.meta.url))})
    const { systemClock } = await import(${JSON.stringify(new URL('../kernel/clock.ts', import.meta.url))})
    const { silentLog } = await import(${JSON.stringify(new URL('../kernel/log.ts', import.meta.url))})
    const storage = await openStorage({
      backend: { type: 'sqlite', db_path: ${JSON.stringify(path)}, busy_timeout_ms: 20000 }, clock: systemClock, log: silentLog,
    })
    const owner = { id: 'local' }
    for (let turn = 0; turn < 60; turn += 1) {
      const items = ['q', 'a'].map((kind) => ({ id: '${name}-' + turn + kind, item: '{}' }))
      const addition = { conversationId: 'conv', items }
      const row = { id: '${name}-' + turn, createdAtMs: 1, model: 'm', background: false, previousId: null, conversationId: 'conv' }
      const texts = { input: [], output: [], messages: [], body: '{}', state: null }
      if (turn % 2 === 0) await storage.conversations(owner).addItems('conv', items)
      else {
        await storage.responses(owner).insert({ ...row, ...texts, status: 'in_progress' })
        await storage.responses(owner).advance(row.id, { status: 'completed' }, { addition })
      }
    }
    await storage[Symbol.asyncDispose]()
  `
  const flags = ['--conditions=llama-stack-source', '--disable-warning=ExperimentalWarning', '--input-type=module']
  const children = ['one', 'two'].map((name) =>
    spawn(process.execPath, [...flags, '--eval', writer(name)], { stdio: ['ignore', 'ignore', 'inherit'] }),
  )
  const ends = await Promise.all(children.map(async (child): Promise<unknown> => (await once(child, 'close'))[0]))
  expect(ends).toEqual([0, 0])
  const { rows } = await storage.conversations(principal).listItems('conv', { order: 'asc' })
  const seen = rows.map(({ id }) => id)
  expect(seen).toHaveLength(240)
  for (const name of ['one', 'two']) {
    const turns = Array.from({ length: 60 }, (_, index) => [`${name}-${index}q`, `${name}-${index}a`]).flat()
    expect(seen.filter((id) => id.startsWith(name))).toEqual(turns)
  }
  for (let index = 0; index < seen.length; index += 2) expect(seen[index + 1]).toBe(seen[index]?.replace(/q$/, 'a'))
})
