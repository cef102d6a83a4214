import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { writeTinyGguf } from '../../testing/tiny-gguf.ts'
import { createGgufCatalog } from './_gguf-catalog.ts'
import type { GgufCatalogOptions } from './_gguf-catalog.ts'
import { findGgufHeader } from './_gguf-header.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gguf-catalog-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const catalogOf = (more: Partial<GgufCatalogOptions> = {}) =>
  createGgufCatalog({ models: {}, folder, home: folder, contextLength: 1024, ...more })
const idsOf = async (more?: Partial<GgufCatalogOptions>) => (await catalogOf(more).list()).map(({ id }) => id)

describe('the header of a GGUF file', () => {
  test('tells what the model is without its vocabulary', async () => {
    const path = join(folder, 'a.gguf')
    writeTinyGguf(path, { contextLength: 512, poolingType: 3 })
    expect(await findGgufHeader(path)).toEqual({
      architecture: 'llama',
      name: 'tiny',
      sizeLabel: undefined,
      contextLength: 512,
      embeddingLength: 64,
      poolingType: 3,
    })
  })

  test('is not found in other files, cut ones and ones that lie about their lengths', async () => {
    const path = join(folder, 'a.gguf')
    const lying = Buffer.alloc(64)
    lying.write('GGUF')
    lying.writeUInt32LE(3, 4)
    lying.writeBigUInt64LE(1n, 16)
    lying.writeBigUInt64LE(2n ** 60n, 24)
    for (const content of ['', 'GGUF', 'GGUF\u0003\u0000\u0000\u0000', 'PK\u0003\u0004 something else', lying]) {
      writeFileSync(path, content)
      expect(await findGgufHeader(path)).toBeUndefined()
    }
    expect(await findGgufHeader(join(folder, 'absent.gguf'))).toBeUndefined()
  })
})

describe('the catalogue', () => {
  test('lists the folder and what is below it, a model in pieces once', async () => {
    mkdirSync(join(folder, 'acme'))
    for (const name of ['b', 'acme/a', 'big-00001-of-00002', 'big-00002-of-00002'])
      writeTinyGguf(join(folder, `${name}.gguf`))
    writeFileSync(join(folder, 'notes.txt'), '')
    writeTinyGguf(join(folder, 'scores.gguf'), { poolingType: 4 })
    writeFileSync(join(folder, 'half.gguf.part'), 'GGUF')
    expect(await idsOf()).toEqual(['acme/a', 'b', 'big'])
    expect((await catalogOf().find('big'))?.path).toBe(join(folder, 'big-00001-of-00002.gguf'))
    expect(await idsOf({ folder: join(folder, 'absent') })).toEqual([])
  })

  test('finds what it lists, and takes no id for a path', async () => {
    writeTinyGguf(join(folder, 'a.gguf'))
    expect(await catalogOf({ folder: join(folder, 'acme') }).find('../a')).toBeUndefined()
    expect(await catalogOf().find('a')).toMatchObject({ type: 'llm', contextLength: 1024 })
  })

  test('reads entries: paths, sources and settings', async () => {
    mkdirSync(join(folder, 'elsewhere'))
    writeTinyGguf(join(folder, 'elsewhere/c.gguf'), { contextLength: 300 })
    writeTinyGguf(join(folder, 'elsewhere/d.gguf'))
    const models = {
      relative: 'elsewhere/c.gguf',
      home: { path: '~/elsewhere/c.gguf', embedding: true, context_length: 128, gpu_layers: 3 },
      far: { url: 'hf:acme/far/far.gguf', sha256: 'ab'.repeat(32) },
      'odd/name:4b': 'https://files.example/x.gguf',
      absent: 'absent.gguf',
    }
    const catalog = catalogOf({ models })
    expect((await catalog.list()).map(({ id }) => id)).toEqual([
      'relative',
      'home',
      'elsewhere/d',
      'far',
      'odd/name:4b',
    ])
    expect(await catalog.find('relative')).toMatchObject({ contextLength: 300 })
    expect(await catalog.find('home')).toMatchObject({ type: 'embedding', contextLength: 128, gpuLayers: 3 })
    expect(await catalog.find('far')).toMatchObject({ path: join(folder, 'far.gguf'), sha256: 'ab'.repeat(32) })
    expect((await catalog.find('odd/name:4b'))?.path).toBe(join(folder, 'odd-name-4b.gguf'))
  })

  test('reads a file again when it has changed', async () => {
    const path = join(folder, 'a.gguf')
    writeTinyGguf(path, { contextLength: 100 })
    const catalog = catalogOf()
    expect((await catalog.find('a'))?.contextLength).toBe(100)
    writeTinyGguf(path, { contextLength: 200 })
    utimesSync(path, new Date(), new Date(Date.now() + 5000))
    expect((await catalog.find('a'))?.contextLength).toBe(200)
  })
})
