import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ResponseRow } from '../../../storage/agent-state.ts'
import { newcomer } from '../../../testing/newcomer.ts'
import { createTemporaryStorage } from '../../../testing/temporary-storage.ts'
import { ChainHistory } from './chain-history.ts'
import { RecentChains } from './recent-chains.ts'

let opened: Awaited<ReturnType<typeof createTemporaryStorage>>
beforeAll(async () => {
  opened = await createTemporaryStorage()
})
afterAll(() => opened[Symbol.asyncDispose]())

const text = (value: object): string => JSON.stringify(value)

function response(id: string, previousId: string | null, more: Partial<ResponseRow> = {}): ResponseRow {
  return {
    id,
    createdAtMs: 1,
    model: 'm',
    status: 'completed',
    background: false,
    previousId,
    conversationId: null,
    input: [text({ id: `msg_${id}`, type: 'message', role: 'user' })],
    output: [],
    messages: [text({ role: 'user', content: `question ${id}` }), text({ role: 'assistant', content: `answer ${id}` })],
    body: '{}',
    state: null,
    ...more,
  }
}

/** Stores a chain, each response continuing the one before. */
async function storeChain(ids: readonly string[], principal = newcomer()) {
  const repository = opened.storage.responses(principal)
  const rows = ids.map((id, index) => response(id, ids[index - 1] ?? null))
  for (const row of rows) await repository.insert(row)
  return { principal, repository, rows, chain: ChainHistory.of(rows) }
}

test('a chain that was lengthened is the one that is read', () => {
  const row = fc.record({
    beginsHistory: fc.boolean(),
    listing: fc.option(fc.record({ server_label: fc.constantFrom('a', 'b'), error: fc.option(fc.constant('down')) })),
    call: fc.option(fc.constantFrom('c1', 'c2')),
    answer: fc.option(fc.constantFrom('c1', 'c2')),
  })
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 8 }), (shapes) => {
      const rows = shapes.map(({ beginsHistory, listing, call, answer }, index) => {
        const called = call === null ? {} : { tool_calls: [{ index: 0, id: call, function: { name: 'f' } }] }
        return response(`r${index}`, index === 0 ? null : `r${index - 1}`, {
          beginsHistory,
          output: listing === null ? [] : [text({ id: `mcpl_${index}`, type: 'mcp_list_tools', ...listing })],
          messages: [
            ...(answer === null ? [] : [text({ role: 'tool', tool_call_id: answer, content: 'x' })]),
            text({ role: 'assistant', content: `answer ${index}`, ...called }),
          ],
        })
      })
      const lengthened = rows.slice(1).reduce((chain, next) => chain.after(next), ChainHistory.of(rows.slice(0, 1)))
      const read = ChainHistory.of(rows)
      expect(lengthened.chat).toEqual(read.chat)
      expect(lengthened.listings).toEqual(read.listings)
      expect(lengthened.rows).toEqual(rows)
      expect(lengthened.find('msg_r0')).toEqual(read.find('msg_r0'))
    }),
  )
})

test('what continues a known chain is known too, to its owner', async () => {
  const { principal, repository, chain } = await storeChain(['a', 'b'])
  const recent = new RecentChains()
  expect(await recent.find('b', principal, repository)).toBeUndefined()
  recent.keep(chain, principal)
  expect(await recent.find('b', principal, repository)).toBe(chain)
  const next = response('c', 'b')
  await repository.insert(next)
  recent.lengthen(next, principal)
  expect((await recent.find('c', principal, repository))?.chat.messages).toHaveLength(6)
  expect(await recent.find('b', principal, repository)).toBe(chain)
  expect(await recent.find('b', newcomer(), repository)).toBeUndefined()
})

test('what continues an unknown chain stays unknown', async () => {
  const { principal, repository, rows } = await storeChain(['a', 'b'])
  const recent = new RecentChains()
  for (const row of rows) recent.lengthen(row, principal)
  expect(await recent.find('b', principal, repository)).toBeUndefined()
})

test('a chain of which a response was deleted, by whomever, is not known any more', async () => {
  const { principal, repository, chain } = await storeChain(['a', 'b', 'c'])
  const recent = new RecentChains()
  recent.keep(chain, principal)
  await repository.delete('b')
  expect(await recent.find('c', principal, repository)).toBeUndefined()
})

test('the chains that were not used for the longest time are given up when they become too much', async () => {
  const recent = new RecentChains()
  const long = 'x'.repeat(6 * 1024 * 1024)
  const stored = await Promise.all(
    ['a', 'b', 'c'].map(async (id) => {
      const { principal, repository, rows } = await storeChain([id])
      return { id, principal, repository, chain: ChainHistory.of(rows.map((row) => ({ ...row, input: [long] }))) }
    }),
  )
  const findKnown = async (): Promise<(string | undefined)[]> => {
    const found: (string | undefined)[] = []
    for (const { id, principal, repository } of stored)
      found.push((await recent.find(id, principal, repository))?.rows[0]?.id)
    return found
  }
  for (const { chain, principal } of stored.slice(0, 2)) recent.keep(chain, principal)
  // What is looked up is used.
  expect(await findKnown()).toEqual(['a', 'b', undefined])
  const [first] = stored
  if (first !== undefined) await recent.find('a', first.principal, first.repository)
  for (const { chain, principal } of stored.slice(2)) recent.keep(chain, principal)
  expect(await findKnown()).toEqual(['a', undefined, 'c'])
})
