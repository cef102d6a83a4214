import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { machineFiles } from './config-files.ts'
import { explainConfig } from './explain.ts'
import { findDistributionsDir, listDistributions } from './find-config.ts'
import { loadConfig } from './load-config.ts'
import type { StackConfig } from './stack-config.ts'
import { upstreamCatalog } from './upstream-catalog.ts'

const distributionsDir = fileURLToPath(new URL('../../../../distributions/', import.meta.url))
const typesOf = (of: string): string[] => upstreamCatalog.filter(({ api }) => api === of).map(({ type }) => type)
const servedTypes = {
  inference: typesOf('inference'),
  tool_runtime: typesOf('tool_runtime'),
  safety: typesOf('safety'),
}

function load(source: string, env: Readonly<Record<string, string>> = {}): Promise<StackConfig> {
  return loadConfig({ source, env, cwd: '/', home: '/home/ada', servedTypes, distributionsDir })
}

const ids = (config: StackConfig): readonly string[] => config.providers.map(({ id }) => id)

describe('the shipped distributions', () => {
  it('are found from inside the package', async () => {
    expect(`${await findDistributionsDir(import.meta.dirname, machineFiles)}/`).toBe(distributionsDir)
    expect(await findDistributionsDir('/', machineFiles)).toBeUndefined()
    expect(await listDistributions({ files: machineFiles, distributionsDir })).toEqual(['ci-tests', 'demo', 'starter'])
  })

  it.each(['starter', 'ci-tests', 'demo'])('%s has nothing that is unknown or unsupported', async (name) => {
    const config = await load(name)
    expect(config.name).toBe(name)
    expect(config.notes.filter(({ severity }) => severity === 'unknown' || severity === 'unsupported')).toEqual([])
    expect(config.storage.sql.path).toBe(`/home/ada/.llama/distributions/${name}/llama-stack.db`)
    expect((await load(name, { SQLITE_STORE_DIR: '/data' })).storage.sql.path).toBe('/data/llama-stack.db')
  })

  it('starter always has the providers that a caller may bring a key for', async () => {
    expect(ids(await load('starter'))).toEqual([
      'together',
      'bedrock',
      'openai',
      'anthropic',
      'gemini',
      'groq',
      'fireworks',
      'sambanova',
      'sentence-transformers',
      'transformers',
    ])
  })

  it.each([
    ['OLLAMA_URL', 'ollama'],
    ['VLLM_URL', 'vllm'],
    ['TGI_URL', 'tgi'],
    ['CEREBRAS_API_KEY', 'cerebras'],
    ['NVIDIA_API_KEY', 'nvidia'],
    ['AZURE_API_KEY', 'azure'],
    ['MISTRAL_API_KEY', 'mistral'],
    ['OPENROUTER_API_KEY', 'openrouter'],
    ['TAVILY_SEARCH_API_KEY', 'tavily-search'],
    ['BRAVE_SEARCH_API_KEY', 'brave-search'],
    ['BING_API_KEY', 'bing-search'],
  ])('starter turns on with %s: %s', async (variable, id) => {
    expect(ids(await load('starter', { [variable]: 'http://value' }))).toContain(id)
  })

  it('ci-tests has the same providers as starter', async () => {
    const everything = Object.fromEntries(
      (await load('starter')).notes.flatMap(({ fix }) =>
        (fix?.match(/[A-Z][A-Z0-9_]+/g) ?? []).map((name) => [name, 'http://x']),
      ),
    )
    const [starter, ciTests] = await Promise.all([load('starter', everything), load('ci-tests', everything)])
    const compared = ({ providers }: StackConfig): unknown =>
      providers.map(({ api, id, type, config }) => ({ api, id, type, config }))
    expect(compared(ciTests)).toEqual(compared(starter))
    expect(ciTests.providers).toHaveLength(32)
    expect(ciTests.models.map(({ model_id }) => model_id)).toContain('azure/gpt-4o')
  })

  it('keys of digits stay text', async () => {
    const config = await load('starter', { TOGETHER_API_KEY: '0123' })
    expect(config.providers[0]?.config).toEqual({ api_key: '0123' })
  })

  it('starter is explained: what runs, by what, and what would turn the rest on', async () => {
    const explained = explainConfig(await load('starter', { OLLAMA_URL: 'http://o' }))
    expect(explained.providers).toEqual({ listed: 32, enabled: 11, started: 11 })
    expect(explained.native).toEqual([
      {
        api: 'inference',
        ids: ['together', 'bedrock', 'openai', 'anthropic', 'gemini', 'groq', 'fireworks', 'sambanova', 'ollama'],
      },
    ])
    expect(explained.substituted.map(({ provider }) => provider?.id)).toEqual(['sentence-transformers', 'transformers'])
    expect(explained.off.find(({ provider }) => provider?.type === 'remote::vllm')?.fix).toBe(
      'Set VLLM_URL to turn it on.',
    )
  })

  it('demo needs no network', async () => {
    expect((await load('demo')).providers.map(({ type }) => type)).toEqual(['inline::demo', 'inline::lexical'])
  })
})
