import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { convertConfig } from './convert.ts'
import { explainConfig } from './explain.ts'
import { loadConfig, readConfig } from './load-config.ts'
import { upstreamCatalog } from './upstream-catalog.ts'

const root = fileURLToPath(new URL('../../../../../shared/distributions/', import.meta.url))
const isThere = existsSync(root)
const files = isThere
  ? readdirSync(root, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.yaml'))
      .toSorted()
  : []

/** What an inference-only build serves, written down so that these tests pin notes and not the registry. */
const NOT_SERVED = ['inline::meta-reference']
const servedTypes = {
  inference: upstreamCatalog
    .filter(({ api, type }) => api === 'inference' && !NOT_SERVED.includes(type))
    .map(({ type }) => type),
}

const input = {
  // Only what the files require; everything else has a default.
  env: { INFERENCE_MODEL: 'model', SAFETY_MODEL: 'guard', DEH_URL: 'http://tgi', DEH_SAFETY_URL: 'http://guard' },
  cwd: root,
  home: '/home/ada',
  servedTypes,
  distributionsDir: fileURLToPath(new URL('../../../../distributions/', import.meta.url)),
}

describe.skipIf(!isThere)(
  `[B023] files of both generations${isThere ? '' : ' (skipped: ../shared/distributions is absent)'}`,
  () => {
    it('are all there', () => {
      expect(files).toHaveLength(33)
    })

    it.each(files)('%s loads, with a line for each note', async (file) => {
      const { config, document } = await readConfig({ ...input, source: join(root, file) })
      expect(document.file).toBe(relative(root, join(root, file)))
      expect(config.dialect).toBe(file.startsWith('ogx/') ? 'ogx' : 'llama-stack')
      expect(config.notes.filter(({ line }) => line === undefined)).toEqual([])
      const explained = explainConfig(config)
      // The only file with entries under the wrong API.
      expect(explained.unknown).toHaveLength(file === 'ogx/starter/build.yaml' ? 6 : 0)
      const written = Object.values(rawProviders(document.value)).flat()
      expect(explained.providers.listed).toBe(written.length)
    })

    it('llama-stack/starter/run.yaml is explained', async () => {
      const config = await loadConfig({ ...input, source: join(root, 'llama-stack/starter/run.yaml') })
      const explained = explainConfig(config)
      expect(explained).toMatchObject({
        name: 'starter',
        dialectName: 'Llama Stack (run.yaml)',
        providers: { listed: 38, enabled: 28, started: 10 },
        native: [
          {
            api: 'inference',
            ids: ['fireworks', 'together', 'bedrock', 'openai', 'anthropic', 'gemini', 'groq', 'sambanova'],
          },
        ],
        dataDir: '/home/ada/.llama/distributions/starter',
        database: '/home/ada/.llama/distributions/starter/llama-stack.db',
      })
      expect(explained.substituted.map(({ line, provider }) => [line, provider?.type])).toEqual([
        [91, 'inline::sentence-transformers'],
        [212, 'remote::model-context-protocol'],
      ])
      expect(explained.unsupported.map(({ path }) => path.replace(/\[\d+\]$/, ''))).toEqual([
        'providers.vector_io',
        'providers.vector_io',
        'providers.files',
        'providers.safety',
        'providers.safety',
        'providers.agents',
        'providers.telemetry',
        'providers.post_training',
        'providers.eval',
        'providers.datasetio',
        'providers.datasetio',
        'providers.scoring',
        'providers.scoring',
        'providers.scoring',
        'providers.tool_runtime',
        'providers.tool_runtime',
        'providers.tool_runtime',
        'providers.batches',
        'shields',
        'tool_groups',
      ])
      expect(explained.off).toHaveLength(11)
    })

    it('ogx/starter/config.yaml is explained', async () => {
      const config = await loadConfig({ ...input, source: join(root, 'ogx/starter/config.yaml') })
      const explained = explainConfig(config)
      expect(explained.providers).toEqual({ listed: 37, enabled: 24, started: 12 })
      expect(explained.substituted.map(({ provider }) => provider?.type)).toEqual([
        'inline::sentence-transformers',
        'inline::transformers',
        'inline::builtin',
        'remote::model-context-protocol',
      ])
      expect(explained.dataDir).toBe('/home/ada/.ogx/distributions/starter')
      expect(config.models.map(({ provider_id, provider_model_id }) => [provider_id, provider_model_id])).toEqual([
        ['all', 'auto'],
        ['all', 'auto'],
        ['all', 'auto'],
      ])
      expect(config.apiSettings).toMatchObject({ vector_stores: { default_provider_id: 'faiss' }, safety: {} })
    })

    it.each([
      ['llama-stack/starter/run.yaml', 'us-central1'],
      ['ogx/starter/config.yaml', 'global'],
    ])('%s starts Vertex AI in %s where its project is named', async (file, location) => {
      const env = { ...input.env, VERTEX_AI_PROJECT: 'acme' }
      const config = await loadConfig({ ...input, env, source: join(root, file) })
      const vertex = config.providers.find(({ type }) => type === 'remote::vertexai')
      expect(vertex).toMatchObject({ id: 'vertexai', config: { project: 'acme', location } })
    })

    it('ogx/starter/run-with-postgres-store.yaml keeps its data in SQLite, and says so at the backends', async () => {
      const config = await loadConfig({ ...input, source: join(root, 'ogx/starter/run-with-postgres-store.yaml') })
      const { substituted } = explainConfig(config)
      expect(
        substituted.filter(({ path }) => path.startsWith('storage')).map(({ path, line }) => [path, line]),
      ).toEqual([
        ['storage.backends.kv_default', 240],
        ['storage.backends.sql_default', 248],
      ])
    })

    it('ogx/ci-tests/config.yaml starts without authentication until AUTH_PROVIDER asks for it', async () => {
      const source = join(root, 'ogx/ci-tests/config.yaml')
      expect((await loadConfig({ ...input, source })).server.apiKeys).toEqual([])
      const asked = loadConfig({ ...input, source, env: { ...input.env, AUTH_PROVIDER: 'yes' } })
      await expect(asked).rejects.toMatchObject({
        code: 'config_invalid',
        details: { problem: expect.stringContaining('oauth2_token') },
      })
    })

    describe('converted to the second dialect', () => {
      const directory = mkdtempSync(join(tmpdir(), 'converted-'))
      afterAll(() => rmSync(directory, { recursive: true }))
      const runFiles = files.filter((file) => file.startsWith('llama-stack/') && !file.endsWith('build.yaml'))

      it.each(runFiles)('%s loads without an unknown key and serves the same', async (file) => {
        const original = join(root, file)
        const converted = convertConfig({ file, text: readFileSync(original, 'utf8') })
        const path = join(directory, 'config.yaml')
        writeFileSync(path, converted.text)
        const before = await loadConfig({ ...input, source: original })
        const after = await loadConfig({ ...input, source: path })
        expect(after.dialect).toBe('ogx')
        expect(after.notes.filter(({ severity }) => severity === 'unknown')).toEqual([])
        expect(after.providers.map(({ api, id, type }) => [api, id, type])).toEqual(
          before.providers.map(({ api, id, type }) => [api, id, type]),
        )
        expect(after.models).toEqual(before.models)
        expect(after.name).toBe(before.name)
        expect(after.dataDir).toBe(before.dataDir)
        expect(converted.notes.every(({ line }) => line !== undefined)).toBe(true)
      })
    })
  },
)

function rawProviders(value: unknown): Readonly<Record<string, readonly unknown[]>> {
  // The files are upstream's own: each has this block.
  return (value as { providers: Record<string, unknown[]> }).providers
}
