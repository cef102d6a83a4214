import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { commandEntries } from '../packages/server/src/cli/commands.gen.ts'
import { generateCommands } from './generate-commands.ts'

let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'commands-'))
})

afterEach(() => rmSync(folder, { recursive: true }))

function declare(file: string, words: string, aliases: readonly string[] = []): void {
  const command = { path: words.split(' '), aliases, group: 'Use', summary: `Do ${words}` }
  writeFileSync(join(folder, file), `export const command = ${JSON.stringify(command)}\n`)
}

describe('generateCommands', () => {
  it('lists the files in their order, with what the overview needs', async () => {
    declare('two.ts', 'two')
    declare('one.ts', 'one more', ['once'])
    writeFileSync(join(folder, 'one.test.ts'), 'throw 1')
    const text = await generateCommands(folder)
    expect(text.match(/path: .*/g)).toEqual(["path: 'one more',", "path: 'two',"])
    expect(text).toContain("aliases: ['once'],")
    expect(text).toContain("load: async () => (await import('./commands/one.ts')).command,")
  })

  it('refuses two commands of the same name', async () => {
    declare('one.ts', 'one')
    declare('two.ts', 'two', ['one'])
    await expect(generateCommands(folder)).rejects.toThrow("Both one.ts and two.ts answer to 'llama one'.")
  })

  it('refuses a file without a command', async () => {
    writeFileSync(join(folder, 'one.ts'), 'export {}')
    await expect(generateCommands(folder)).rejects.toThrow("exports no 'command'")
  })

  it('has every listed command load as the one that is listed', async () => {
    for (const entry of commandEntries) expect((await entry.load()).path.join(' ')).toBe(entry.path)
  })
})
