import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const server = join(root, 'packages/server/src')

/** What a layer of the server may import besides itself and `@llama-stack/api` (docs/decisions/0001-layers.md). */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  kernel: [],
  config: ['kernel'],
  storage: ['kernel'],
  recordings: ['kernel'],
  services: ['storage', 'kernel'],
  providers: ['services', 'storage', 'kernel'],
  http: ['kernel'],
  stack: ['http', 'providers', 'services', 'recordings', 'config', 'storage', 'kernel'],
  cli: ['stack', 'http', 'providers', 'recordings', 'config', 'kernel'],
  index: ['stack', 'recordings', 'config', 'kernel'],
  testing: ['cli', 'stack', 'http', 'providers', 'services', 'recordings', 'config', 'storage', 'kernel'],
}

/** Files at the root of the server's sources belong to the layer that wires. */
function layerOf(file: string): string {
  const [first = ''] = relative(server, file).split(sep)
  if (first === 'index.ts') return 'index'
  return first.endsWith('.ts') ? 'stack' : first
}

function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8')
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g)].map(([, path = '']) =>
    resolve(dirname(file), path),
  )
}

const files = readdirSync(server, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  .map((file) => join(server, file))

describe('imports point down', () => {
  test('every layer is known', () => {
    expect([...new Set(files.map(layerOf))].filter((layer) => !(layer in mayImport))).toEqual([])
  })

  test('no layer imports one above it', () => {
    const wrong = files.flatMap((file) =>
      importsOf(file)
        .filter((target) => layerOf(target) !== layerOf(file) && !mayImport[layerOf(file)]?.includes(layerOf(target)))
        .filter((target) => target.startsWith(server))
        .map((target) => `${relative(server, file)} → ${relative(server, target)}`),
    )
    expect(wrong).toEqual([])
  })

  test('the check sees an upward import', () => {
    expect(mayImport['kernel']?.includes(layerOf(join(server, 'services/models/model-router.ts')))).toBe(false)
  })

  test('providers are islands: only the blocks of their own folder are shared', () => {
    const wrong = files
      .filter((file) => layerOf(file) === 'providers' && !file.endsWith('.gen.ts'))
      .flatMap((file) =>
        importsOf(file)
          .filter((target) => layerOf(target) === 'providers')
          .filter((target) => dirname(target) !== dirname(file) || !target.split(sep).at(-1)?.startsWith('_'))
          .map((target) => `${relative(server, file)} → ${relative(server, target)}`),
      )
    expect(wrong).toEqual([])
  })
})

describe('the api package', () => {
  const api = join(root, 'packages/api/src')
  test('depends on zod only and does no input or output', () => {
    const wrong = readdirSync(api, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
      .flatMap((file) =>
        [...readFileSync(join(api, file), 'utf8').matchAll(/^(?:import|export) .*from '([^.'][^']*)'/gm)]
          .map(([, name = '']) => name)
          .filter((name) => name !== 'zod')
          .map((name) => `${file} → ${name}`),
      )
    expect(wrong).toEqual([])
  })
})

/** `fetch` is specified to throw a TypeError when it is called wrongly, and clients look for one. */
const FETCH_CONTRACT = join(server, 'http/stack-fetch.ts')

test('sources throw only from the error table', () => {
  const wrong = files
    .filter((file) => file !== FETCH_CONTRACT)
    .filter((file) => !file.includes(`${sep}testing${sep}`))
    .filter((file) => /throw new (?:Error|TypeError|RangeError)\b/.test(readFileSync(file, 'utf8')))
    .map((file) => relative(server, file))
  expect(wrong).toEqual([])
})

test('names say what a file holds', () => {
  const vague = /^(utils?|helpers?|common|types|base|impl|misc|.*manager)\.ts$/
  expect(files.map((file) => file.split(sep).at(-1) ?? '').filter((name) => vague.test(name))).toEqual([])
})
