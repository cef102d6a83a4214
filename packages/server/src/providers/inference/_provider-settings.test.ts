import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bug } from '@llama-stack/api'
import type { AnyProviderDefinition } from '@llama-stack/api'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { substituteTree } from '../../config/env-tree.ts'
import { dialects } from './_dialect-table.ts'
import { toDialect, wellBehaved } from './_dialect.ts'
import type { Dialect } from './_dialect.ts'
import { toBaseUrl, toSettingsSchema, whyOff } from './_provider-settings.ts'
import { provider as oci } from './oci.ts'
import { provider as ollama } from './ollama.ts'
import { providers } from './openai-compatible.ts'
import { provider as vllm } from './vllm.ts'
import { provider as watsonx } from './watsonx.ts'

const definitions: readonly AnyProviderDefinition<'inference'>[] = [...providers, oci, ollama, vllm, watsonx]

function dialectOf(type: string): Dialect {
  return dialects.find((dialect) => dialect.type === type) ?? bug(`no row ${type}`)
}

describe('the URL, over both generations', () => {
  test.each([
    ['remote::openai', {}, 'https://api.openai.com/v1'],
    ['remote::openai', { base_url: 'http://proxy.example/openai/' }, 'http://proxy.example/openai'],
    ['remote::groq', { url: 'https://api.groq.com' }, 'https://api.groq.com/openai/v1'],
    ['remote::groq', { base_url: 'https://api.groq.com/openai/v1' }, 'https://api.groq.com/openai/v1'],
    ['remote::groq', { url: 'https://proxy.example/groq' }, 'https://proxy.example/groq/openai/v1'],
    ['remote::cerebras', { base_url: 'https://api.cerebras.ai' }, 'https://api.cerebras.ai/v1'],
    ['remote::cerebras', { base_url: 'https://api.cerebras.ai/v1' }, 'https://api.cerebras.ai/v1'],
    ['remote::sambanova', { url: 'https://api.sambanova.ai/v1' }, 'https://api.sambanova.ai/v1'],
    ['remote::fireworks', { url: 'https://api.fireworks.ai/inference/v1' }, 'https://api.fireworks.ai/inference/v1'],
    [
      'remote::llama-openai-compat',
      { openai_compat_api_base: 'https://api.llama.com/compat/v1/' },
      'https://api.llama.com/compat/v1',
    ],
    ['remote::azure', { api_base: 'https://a.openai.azure.com' }, 'https://a.openai.azure.com/openai/v1'],
    ['remote::azure', { base_url: 'https://a.openai.azure.com/openai/v1' }, 'https://a.openai.azure.com/openai/v1'],
    [
      'remote::databricks',
      { url: 'https://a.cloud.databricks.com' },
      'https://a.cloud.databricks.com/serving-endpoints',
    ],
    ['remote::tgi', { url: 'http://localhost:8080' }, 'http://localhost:8080/v1'],
    ['remote::nvidia', { url: 'https://nim.example' }, 'https://nim.example/v1'],
    ['remote::nvidia', { url: 'https://nim.example', append_api_version: false }, 'https://nim.example'],
    ['remote::passthrough', { base_url: 'https://stack.example/team' }, 'https://stack.example/team/v1'],
    ['remote::passthrough', { base_url: 'https://stack.example/v1' }, 'https://stack.example/v1'],
    ['remote::runpod', { url: 'https://api.runpod.ai/v2/x/openai/v1' }, 'https://api.runpod.ai/v2/x/openai/v1'],
    ['remote::together', { base_url: '', url: null }, 'https://api.together.xyz/v1'],
  ])('%s with %o', (type, settings, expected) => {
    expect(toBaseUrl(dialectOf(type), settings)).toBe(expected)
  })
})

describe('why a provider is off', () => {
  test.each([
    ['remote::together', {}, 'no key; set api_key (TOGETHER_API_KEY)'],
    ['remote::together', { api_key: '' }, 'no key; set api_key (TOGETHER_API_KEY)'],
    ['remote::together', { api_key: 'k' }, undefined],
    ['remote::databricks', { api_token: 'k' }, 'no URL; set base_url (DATABRICKS_HOST)'],
    ['remote::azure', { api_key: 'k' }, 'no URL; set base_url (AZURE_API_BASE)'],
    ['remote::nvidia', {}, 'no key; set api_key (NVIDIA_API_KEY)'],
    ['remote::nvidia', { url: 'http://nim.example' }, undefined],
    ['remote::gemini', { access_token: 't', project: 'p' }, undefined],
    ['remote::hf::endpoint', { api_token: 'k' }, 'no endpoint; set endpoint_name or base_url'],
    ['remote::hf::endpoint', { api_token: 'k', endpoint_name: 'mine' }, undefined],
    ['remote::llama-cpp-server', {}, undefined],
  ])('%s with %o: %s', (type, settings, expected) => {
    expect(whyOff(dialectOf(type), settings)).toBe(expected)
  })
})

describe('the schema', () => {
  const problems = (type: string, settings: object): string[] => {
    const parsed = toSettingsSchema(dialectOf(type)).safeParse(settings)
    return parsed.error?.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`) ?? []
  }

  test('takes what every provider may say', () => {
    const network = {
      tls: { verify: '/etc/ca.pem', min_version: 'TLSv1.2', ciphers: ['A'], client_cert: '/c', client_key: '/k' },
      proxy: { http: 'http://p:1', https: 'http://p:2', cacert: '/ca', no_proxy: ['.corp'] },
      timeout: { connect: 1.5, read: null },
      headers: { 'x-team': 'a' },
      limits: { max_connections: 5 },
    }
    expect(problems('remote::openai', { allowed_models: ['a'], refresh_models: true, api_key: 1234, network })).toEqual(
      [],
    )
  })

  test.each([
    ['remote::openai', { api_kye: 'x' }, 'Unrecognized key: "api_kye"'],
    ['remote::openai', { api_version: '1' }, 'Unrecognized key: "api_version"'],
    ['remote::openai', { base_url: 'api.openai.com' }, 'must be a URL that begins with'],
    [
      'remote::openai',
      { network: { tls: { client_cert: '/c' } } },
      'client_key: client_cert is given without client_key',
    ],
    [
      'remote::openai',
      { network: { tls: { client_key: '/k' } } },
      'client_cert: client_key is given without client_cert',
    ],
    ['remote::openai', { network: { proxy: { url: 'http://p', http: 'http://q' } } }, 'url excludes http and https'],
    ['remote::gemini', { api_key: 'k', access_token: 't', project: 'p' }, 'access_token excludes api_key'],
    ['remote::gemini', { access_token: 't' }, 'access_token needs project'],
    ['remote::passthrough', { forward_headers: { a: 'Host' } }, "the header 'Host' may not be forwarded"],
    ['remote::passthrough', { forward_headers: { a: 'Content-Length' } }, 'may not be forwarded'],
    [
      'remote::passthrough',
      { forward_headers: { a: 'X-Team' }, extra_blocked_headers: ['x-team'] },
      'may not be forwarded',
    ],
    ['remote::passthrough', { forward_headers: { __user: 'X-User' } }, "the key '__user' is reserved"],
  ])('%s refuses %o', (type, settings, problem) => {
    expect(problems(type, settings).join('\n')).toContain(problem)
  })

  test('describes every key of every provider', () => {
    for (const { type, config } of definitions) {
      const { shape } = config as unknown as { readonly shape: Record<string, { description?: string }> }
      const bare = Object.entries(shape).filter(([, field]) => (field.description ?? '') === '')
      expect({ [type]: bare }).toEqual({ [type]: [] })
    }
  })
})

test('a row that says nothing behaves well', () => {
  const dialect = toDialect({ type: 'remote::x', description: 'X.', providerData: 'x_api_key' })
  expect(dialect).toMatchObject({ ...wellBehaved, type: 'remote::x' })
  expect(Object.isFrozen(dialect)).toBe(true)
})

const distributions = fileURLToPath(new URL('../../../../../../shared/distributions', import.meta.url))
const isAbsent = !existsSync(distributions)
// eslint-disable-next-line no-console -- a skip has to be heard
if (isAbsent) console.warn(`skipped: no distributions of upstream at ${distributions}`)

interface Entry {
  readonly provider_type: string
  readonly config: Record<string, unknown>
}

function entriesOf(file: string): readonly Entry[] {
  const document: unknown = parse(readFileSync(join(distributions, file), 'utf8'))
  const variables = /\$\{env\.([A-Z0-9_]+)\}/g
  const required = [...JSON.stringify(document).matchAll(variables)].map(([, name = '']) => name)
  const env = Object.fromEntries(required.map((name) => [name, 'http://somewhere.example']))
  const { value } = substituteTree(document, { env, home: '/home/me' }, { dropsEmptyIds: false })
  const { providers: byApi } = value as { providers?: { inference?: Entry[] } }
  return byApi?.inference ?? []
}

describe.skipIf(isAbsent)("upstream's distributions (needs ../shared)", () => {
  const files = isAbsent ? [] : globSync('*/*/{run,config}*.yaml', { cwd: distributions }).toSorted()

  test('there are some', () => {
    expect(files.length).toBeGreaterThan(15)
  })

  test.each(files)('%s: every block of ours is accepted', (file) => {
    const ours = entriesOf(file).flatMap((entry) => {
      const definition = definitions.find((one) => one.type === entry.provider_type)
      return definition === undefined ? [] : [{ definition, entry }]
    })
    for (const { definition, entry } of ours) {
      const parsed = definition.config.safeParse(entry.config)
      expect({ [entry.provider_type]: parsed.error?.issues }).toEqual({ [entry.provider_type]: undefined })
    }
  })
})
