/** Writes every generated file; with `--check`, only tells which ones are out of date. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { generateCommands } from './generate-commands.ts'
import { generateRegistry } from './generate-registry.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const server = join(root, 'packages/server/src')

/** Every generated file and how its text comes about. The order matters: later ones may import earlier ones. */
const files: readonly (readonly [path: string, generate: () => Promise<string> | string])[] = [
  ['packages/server/src/providers/registry.gen.ts', () => generateRegistry(join(server, 'providers'))],
  ['packages/server/src/cli/commands.gen.ts', () => generateCommands(join(server, 'cli/commands'))],
  ['docs/openapi.json', async () => (await import('./generate-openapi.ts')).generateOpenApi()],
  ['docs/reference/errors.md', async () => (await import('./generate-reference.ts')).generateErrorReference()],
  ['docs/reference/models.md', async () => (await import('./generate-model-reference.ts')).generateModelReference()],
  ['docs/responses.md', async () => (await import('./generate-responses-page.ts')).generateResponsesPage()],
  ['docs/compatibility.md', async () => (await import('./generate-reference.ts')).generateCompatibility()],
]

function formatted(path: string, text: string): string {
  if (extname(path) !== '.ts') return text
  const folder = mkdtempSync(join(tmpdir(), 'generate-'))
  try {
    const file = join(folder, 'file.ts')
    writeFileSync(file, text)
    execFileSync(join(root, 'node_modules/.bin/oxfmt'), ['--config', join(root, '.oxfmtrc.json'), file], {
      stdio: 'ignore',
    })
    return readFileSync(file, 'utf8')
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

const check = process.argv.includes('--check')
let stale = 0
for (const [path, generate] of files) {
  const target = join(root, path)
  const text = formatted(path, await generate())
  if (read(target) === text) continue
  if (check) {
    stale += 1
    console.error(`${path} is out of date: run npm run generate`)
    continue
  }
  mkdirSync(dirname(target), { recursive: true })
  writeFileSync(target, text)
  console.log(`wrote ${path}`)
}
process.exitCode = stale === 0 ? 0 : 1
