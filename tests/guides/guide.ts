/** A guide whose blocks of YAML are loaded as the configuration of a stack. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadConfig } from '../../packages/server/src/config/load-config.ts'
import type { StackConfig } from '../../packages/server/src/config/stack-config.ts'
import { createStack, servedProviderTypes } from '../../packages/server/src/stack.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')

/** The dialects that a guide's blocks have to be good for. */
export const dialects = ['Llama Stack', 'OGX'] as const
export type Dialect = (typeof dialects)[number]

const heads: Readonly<Record<Dialect, string>> = {
  'Llama Stack': 'version: 2\nimage_name: guide\n',
  OGX: 'version: 2\ndistro_name: guide\nstorage: {}\n',
}

export interface Guide {
  readonly text: string
  /** Its blocks by name, in their order. */
  readonly blocks: ReadonlyMap<string, string>
}

/** Reads a guide by its file's name. */
export function readGuide(name: string): Guide {
  const text = readFileSync(join(root, 'docs/guides', name), 'utf8')
  const found = text.matchAll(/```yaml (\S+)\n([^]*?)```/g)
  return { text, blocks: new Map([...found].map(([, key = '', block = '']) => [key, block])) }
}

/** Loads a file that has this text below the dialect's first lines, and starts a stack with it. */
export async function loadBlock(dialect: Dialect, block: string): Promise<StackConfig> {
  const cwd = mkdtempSync(join(tmpdir(), 'guide-'))
  try {
    writeFileSync(join(cwd, 'run.yaml'), heads[dialect] + block)
    const servedTypes = servedProviderTypes()
    const dataDir = join(cwd, 'data')
    const distributionsDir = join(root, 'distributions')
    const input = { source: 'run.yaml', env: {}, cwd, home: cwd, servedTypes, distributionsDir, overrides: { dataDir } }
    const config = await loadConfig(input)
    // It has to start with it as well.
    await using _stack = await createStack({ config })
    return config
  } finally {
    rmSync(cwd, { recursive: true, force: true })
  }
}
