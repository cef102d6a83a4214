/** What every storage backend has to do with conversations and their items. */
import { isStackError } from '@llama-stack/api'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { ConversationRepository, NewConversationItem } from '../storage/agent-state.ts'
import type { Storage } from '../storage/storage.ts'
import { newcomer } from './newcomer.ts'

/** Declares the cases. `open` is that of the suite of storage. */
export function describeConversations(open: (store: string) => Promise<Storage>): void {
  const store = async (name = 'conversations'): Promise<Storage> => {
    const opened = await open(name)
    onTestFinished(() => opened[Symbol.asyncDispose]())
    return opened
  }
  describe('conversations', () => {
    describeRows(store)
    describeItems(store)
    describeWriters(store)
  })
}

type OpenStore = (name?: string) => Promise<Storage>

const conversation = (id: string, metadata = {}) => ({ id, createdAtMs: 1_700_000_000_000, metadata })

const items = (...ids: readonly string[]): NewConversationItem[] => ids.map((id) => ({ id, item: `{"id":"${id}"}` }))

async function ids(repository: ConversationRepository, id: string, query = {}): Promise<string[]> {
  const page = await repository.listItems(id, { order: 'asc', ...query })
  return page.rows.map((row) => row.id)
}

function describeRows(open: OpenStore): void {
  test('are given back with their items by the next start', async () => {
    const owner = newcomer()
    const first = await open('conversations-kept')
    const row = conversation('conv', { topic: 'a "b"' })
    await first.conversations(owner).insert(row, [{ id: 'a', item: '{"a":"\\n"}' }, ...items('b')])
    await first.conversations(owner).addItems('conv', [{ id: 'c', item: '{}', responseId: 'resp' }])
    await first[Symbol.asyncDispose]()
    const next = (await open('conversations-kept')).conversations(owner)
    expect(await next.find('conv')).toEqual(row)
    expect(await next.listItems('conv', { order: 'asc' })).toEqual({
      rows: [
        { id: 'a', item: '{"a":"\\n"}', responseId: null },
        { id: 'b', item: '{"id":"b"}', responseId: null },
        { id: 'c', item: '{}', responseId: 'resp' },
      ],
      hasMore: false,
    })
    expect(await next.findItem('conv', 'b')).toBe('{"id":"b"}')
  })

  test('change their metadata, and are deleted with their items', async () => {
    const repository = (await open()).conversations(newcomer())
    await repository.insert(conversation('conv', { a: '1' }), items('a', 'b'))
    expect(await repository.updateMetadata('conv', { b: '2' })).toBe(true)
    expect((await repository.find('conv'))?.metadata).toEqual({ b: '2' })
    expect(await repository.delete('conv')).toBe(true)
    expect(await repository.delete('conv')).toBe(false)
    expect(await repository.updateMetadata('conv', {})).toBe(false)
    expect(await repository.addItems('conv', items('c'))).toBe(false)
    expect(await repository.findItem('conv', 'a')).toBeUndefined()
    await repository.insert(conversation('conv'), [])
    expect(await ids(repository, 'conv')).toEqual([])
  })

  test('are seen, changed and deleted by their owner only', async () => {
    const storage = await open()
    const [mine, theirs] = [storage.conversations(newcomer()), storage.conversations(newcomer())]
    await mine.insert(conversation('conv', { a: '1' }), items('a'))
    expect(await theirs.find('conv')).toBeUndefined()
    expect(await theirs.updateMetadata('conv', {})).toBe(false)
    expect(await theirs.addItems('conv', items('b'))).toBe(false)
    expect(await ids(theirs, 'conv')).toEqual([])
    expect(await theirs.findItem('conv', 'a')).toBeUndefined()
    expect(await theirs.deleteItem('conv', 'a')).toBe(false)
    expect(await theirs.delete('conv')).toBe(false)
    // The same ids of another owner are other rows.
    await theirs.insert(conversation('conv'), items('a', 'b'))
    expect(await theirs.delete('conv')).toBe(true)
    expect(await ids(mine, 'conv')).toEqual(['a'])
    expect((await mine.find('conv'))?.metadata).toEqual({ a: '1' })
  })
}

function describeItems(open: OpenStore): void {
  test('list their items page by page in the order of insertion', async () => {
    const repository = (await open()).conversations(newcomer())
    await repository.insert(conversation('conv'), items('z', 'y'))
    await repository.insert(conversation('other'), items('z', 'x'))
    await repository.addItems('conv', items('x', 'w', 'v'))
    for (const order of ['asc', 'desc'] as const) {
      for (const limit of [1, 2, 3, 5, 7]) {
        const seen: string[] = []
        for (let more = true; more;) {
          const page = await repository.listItems('conv', { order, limit, after: seen.at(-1) })
          expect(page.rows.length).toBeLessThanOrEqual(limit)
          seen.push(...page.rows.map(({ id }) => id))
          more = page.hasMore
        }
        expect(seen.join('')).toBe(order === 'asc' ? 'zyxwv' : 'vwxyz')
      }
    }
    expect(await ids(repository, 'conv', { order: 'desc', after: 'x' })).toEqual(['y', 'z'])
    await expect(ids(repository, 'conv', { after: 'nowhere' })).rejects.toMatchObject({ param: 'after' })
    await expect(ids(repository, 'other', { after: 'v' })).rejects.toMatchObject({ code: 'invalid_value' })
    expect(await ids(repository, 'unknown')).toEqual([])
  })

  test('refuse an item that they have, and all that came with it', async () => {
    const repository = (await open()).conversations(newcomer())
    await repository.insert(conversation('conv'), items('a'))
    for (const added of [items('b', 'a'), items('c', 'd', 'c')]) {
      const error: unknown = await repository.addItems('conv', added).catch((reason: unknown) => reason)
      expect(isStackError(error, 'invalid_value') && error.message).toContain(added[0]?.id === 'b' ? '"a"' : '"c"')
    }
    await expect(repository.insert(conversation('twice'), items('a', 'a'))).rejects.toMatchObject({ param: 'items' })
    expect(await repository.find('twice')).toBeUndefined()
    expect(await ids(repository, 'conv')).toEqual(['a'])
    expect(await repository.findItem('conv', 'a')).toBe('{"id":"a"}')
  })

  test('lose an item that is deleted, and that one only', async () => {
    const repository = (await open()).conversations(newcomer())
    await repository.insert(conversation('conv'), items('a', 'b', 'c'))
    await repository.insert(conversation('other'), items('c'))
    expect(await repository.deleteItem('conv', 'c')).toBe(true)
    expect(await repository.deleteItem('conv', 'c')).toBe(false)
    expect(await repository.findItem('conv', 'c')).toBeUndefined()
    await repository.addItems('conv', items('d', 'c'))
    expect(await ids(repository, 'conv')).toEqual(['a', 'b', 'd', 'c'])
    expect(await ids(repository, 'other')).toEqual(['c'])
  })
}

function describeWriters(open: OpenStore): void {
  test('keep the items of all who write at the same time, those of each in their order', async () => {
    const owner = newcomer()
    const [one, two] = [await open('conversations-shared'), await open('conversations-shared')]
    await one.conversations(owner).insert(conversation('conv'), [])
    const write = async (storage: Storage, name: string): Promise<void> => {
      for (let turn = 0; turn < 20; turn += 1)
        await storage.conversations(owner).addItems('conv', items(`${name}-${turn}-q`, `${name}-${turn}-a`))
    }
    const names = ['a', 'b', 'c', 'd']
    await Promise.all(names.map((name, index) => write(index % 2 === 0 ? one : two, name)))
    const seen = await ids(two.conversations(owner), 'conv')
    expect(seen).toHaveLength(160)
    for (const name of names) {
      const turns = Array.from({ length: 20 }, (_, turn) => [`${name}-${turn}-q`, `${name}-${turn}-a`]).flat()
      expect(seen.filter((id) => id.startsWith(name))).toEqual(turns)
    }
    // What was added together stands together.
    for (let index = 0; index < seen.length; index += 2) expect(seen[index + 1]).toBe(seen[index]?.replace(/q$/, 'a'))
  })
}
