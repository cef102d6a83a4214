/** What every storage backend has to do with prompts and their versions. */
import { describe, expect, test } from 'vitest'
import type { PromptRow } from '../storage/agent-state.ts'
import type { Storage } from '../storage/storage.ts'
import { newcomer } from './newcomer.ts'

/** Declares the cases. The store may be shared with other suites. */
export function describePrompts(store: () => Storage): void {
  describe('prompts', () => {
    test('are kept in versions, of which one is the default', async () => {
      const repository = store().prompts(newcomer())
      await repository.insert(prompt('p'))
      const second = { ...prompt('p', 2), prompt: 'Hello {{ name }} of {{ place }}', variables: ['name', 'place'] }
      expect(await repository.addVersion({ ...second, isDefault: false }, 1)).toEqual({ added: true, version: 2 })
      expect(await repository.find('p')).toEqual(prompt('p'))
      expect(await repository.find('p', 2)).toEqual({ ...second, isDefault: false })
      expect(await repository.addVersion(prompt('p', 3), 2)).toEqual({ added: true, version: 3 })
      expect(await repository.find('p')).toEqual(prompt('p', 3))
      expect(await repository.setDefault('p', 2)).toBe(true)
      const defaults = (await repository.listVersions('p')).map(({ version, isDefault }) => [version, isDefault])
      expect(defaults).toEqual([
        [1, false],
        [2, true],
        [3, false],
      ])
      expect(await repository.setDefault('p', 4)).toBe(false)
      expect(await repository.setDefault('q', 1)).toBe(false)
      expect(await repository.find('p', 4)).toBeUndefined()
      expect(await repository.find('p')).toEqual(second)
    })

    test('of two who follow the same version, one is told that it is not the latest any more', async () => {
      const repository = store().prompts(newcomer())
      await repository.insert(prompt('p'))
      const outcomes = await Promise.all([
        repository.addVersion({ ...prompt('p'), prompt: 'one' }, 1),
        repository.addVersion({ ...prompt('p'), prompt: 'two' }, 1),
        repository.addVersion(prompt('q'), 1),
      ])
      expect(outcomes).toEqual([{ added: true, version: 2 }, { added: false, version: 2 }, undefined])
      expect(await repository.find('p')).toMatchObject({ version: 2, prompt: 'one' })
      expect(await repository.listVersions('p')).toHaveLength(2)
    })

    test('are listed newest first, though they share a millisecond, and deleted with all versions', async () => {
      const repository = store().prompts(newcomer())
      for (const id of ['b', 'a', 'c']) await repository.insert(prompt(id))
      await repository.addVersion(prompt('b'), 1)
      expect((await repository.listDefaults()).map(({ id, version }) => [id, version])).toEqual([
        ['c', 1],
        ['a', 1],
        ['b', 2],
      ])
      expect(await repository.delete('b')).toBe(true)
      expect(await repository.delete('b')).toBe(false)
      expect(await repository.find('b')).toBeUndefined()
      expect(await repository.listVersions('b')).toEqual([])
      await repository.insert(prompt('b'))
      expect(await repository.listVersions('b')).toHaveLength(1)
      expect(await repository.listVersions('a')).toHaveLength(1)
    })

    test('are seen, changed and deleted by their owner only', async () => {
      const [mine, theirs] = [store().prompts(newcomer()), store().prompts(newcomer())]
      await mine.insert(prompt('p'))
      expect(await theirs.find('p')).toBeUndefined()
      expect(await theirs.find('p', 1)).toBeUndefined()
      expect(await theirs.listDefaults()).toEqual([])
      expect(await theirs.listVersions('p')).toEqual([])
      expect(await theirs.addVersion(prompt('p'), 1)).toBeUndefined()
      expect(await theirs.setDefault('p', 1)).toBe(false)
      expect(await theirs.delete('p')).toBe(false)
      await theirs.insert(prompt('p'))
      expect(await theirs.delete('p')).toBe(true)
      expect(await mine.listVersions('p')).toEqual([prompt('p')])
    })
  })
}

function prompt(id: string, version = 1): PromptRow {
  return {
    id,
    version,
    prompt: 'Hello {{ name }}',
    variables: ['name'],
    isDefault: true,
    createdAtMs: 1_700_000_000_000,
  }
}
