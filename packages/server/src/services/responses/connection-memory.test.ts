import { expect, onTestFinished, test } from 'vitest'
import type { ResponseRow } from '../../storage/agent-state.ts'
import { newcomer } from '../../testing/newcomer.ts'
import { openResponseRow } from '../../testing/open-response-row.ts'
import { createTemporaryStorage } from '../../testing/temporary-storage.ts'
import { ConnectionMemory } from './connection-memory.ts'

async function setUp() {
  const temporary = await createTemporaryStorage()
  onTestFinished(() => temporary[Symbol.asyncDispose]())
  const { storage } = temporary
  const owner = newcomer()
  const memory = new ConnectionMemory()
  const chain = async (id: string) =>
    (await memory.over(storage).responses(owner).chain(id))?.map(({ id: each }) => each)
  return { memory, chain, stored: storage.responses(owner) }
}

const row = (id: string, previousId: string | null = null, text = ''): ResponseRow => ({
  ...openResponseRow,
  id,
  previousId,
  status: 'completed',
  state: null,
  input: [text],
})

test('a chain leads through what is remembered to what is stored', async () => {
  const { memory, chain, stored } = await setUp()
  await stored.insert(row('a'))
  memory.keep(row('b', 'a'))
  memory.keep(row('c', 'b'))
  expect(await chain('c')).toEqual(['a', 'b', 'c'])
  expect(await chain('b')).toEqual(['a', 'b'])
  expect(await chain('a')).toEqual(['a'])
  expect(await chain('none')).toBeUndefined()
  await stored.delete('a')
  expect(await chain('c')).toBeUndefined()
})

test('the latest stay, with all that they stand on', async () => {
  const { memory, chain } = await setUp()
  const ids = Array.from({ length: 40 }, (_, index) => `r${index}`)
  for (const [index, id] of ids.entries()) memory.keep(row(id, ids[index - 1] ?? null))
  expect(ids.filter((id) => memory.has(id))).toEqual(ids.slice(-16))
  expect(await chain('r39')).toEqual(ids)
})

test('what is much is remembered for fewer, and what several stand on counts once', async () => {
  const { memory } = await setUp()
  const large = 'x'.repeat(30 * 1024 * 1024)
  memory.keep(row('a', null, large))
  for (const id of ['b', 'c', 'd']) memory.keep(row(id, 'a'))
  memory.keep(row('e', null, large))
  expect(['a', 'b', 'c', 'd', 'e'].map((id) => memory.has(id))).toEqual([true, true, true, true, true])
  memory.keep(row('f', null, large))
  expect(['a', 'b', 'c', 'd', 'e', 'f'].map((id) => memory.has(id))).toEqual([false, false, false, false, true, true])
  memory.keep(row('g', null, large + large + large))
  expect(['e', 'f', 'g'].map((id) => memory.has(id))).toEqual([false, false, false])
})
