/** Lists the command files of the server package into `cli/commands.gen.ts`. */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { AnyCommand } from '../packages/server/src/cli/command.ts'

const HEADER = `/** Generated from the folder \`commands\` by tools/generate-commands.ts: do not edit. */
import type { CommandEntry } from './command.ts'

/** Every command, loaded when it is called. */
export const commandEntries: readonly CommandEntry[] = [
`

/** Returns the content of \`commands.gen.ts\` for a folder of command files, ordered by file name. */
export async function generateCommands(folder: string): Promise<string> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts')).toSorted()
  const entries = await Promise.all(files.map(async (file) => toEntry(file, await loadCommand(join(folder, file)))))
  refuseDuplicates(entries)
  return `${HEADER}${entries.map(({ source }) => source).join('')}]\n`
}

interface Entry {
  readonly file: string
  readonly paths: readonly string[]
  readonly source: string
}

async function loadCommand(file: string): Promise<AnyCommand> {
  const module: { command?: AnyCommand } = await import(pathToFileURL(file).href)
  if (module.command === undefined) throw new Error(`${file} exports no 'command'.`)
  return module.command
}

function toEntry(file: string, command: AnyCommand): Entry {
  const path = command.path.join(' ')
  const aliases = command.aliases ?? []
  const source = [
    '  {',
    `    path: ${quote(path)},`,
    `    aliases: [${aliases.map(quote).join(', ')}],`,
    `    group: ${quote(command.group)},`,
    `    summary: ${quote(command.summary)},`,
    `    load: async () => (await import('./commands/${file}')).command,`,
    '  },',
    '',
  ].join('\n')
  return { file, paths: [path, ...aliases], source }
}

function quote(text: string): string {
  return text.includes("'") ? JSON.stringify(text) : `'${text}'`
}

function refuseDuplicates(entries: readonly Entry[]): void {
  const owners = new Map<string, string>()
  for (const { file, paths } of entries) {
    for (const path of paths) {
      const owner = owners.get(path)
      if (owner !== undefined) throw new Error(`Both ${owner} and ${file} answer to 'llama ${path}'.`)
      owners.set(path, file)
    }
  }
}

const cli = fileURLToPath(new URL('../packages/server/src/cli/', import.meta.url))

/** Writes the list where it differs. Returns whether it did. */
export async function writeCommands(): Promise<boolean> {
  const target = join(cli, 'commands.gen.ts')
  const content = await generateCommands(join(cli, 'commands'))
  if ((await readFile(target, 'utf8').catch(() => '')) === content) return false
  await writeFile(target, content)
  return true
}

if (import.meta.main) {
  console.log((await writeCommands()) ? 'commands.gen.ts written' : 'commands.gen.ts is up to date')
}
