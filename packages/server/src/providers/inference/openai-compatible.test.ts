import { readdirSync, readFileSync } from 'node:fs'
import { bug } from '@llama-stack/api'
import { describe, expect, test } from 'vitest'
import { describeInferenceProvider } from '../../testing/inference-conformance.ts'
import type { ConformanceCase, VendorFixture } from '../../testing/inference-conformance.ts'
import { dialects } from './_dialect-table.ts'
import type { Dialect } from './_dialect.ts'
import { providers } from './openai-compatible.ts'

const FIXTURES = new URL('../../../../../tests/fixtures/vendors/', import.meta.url)
/** Vendors with a file of their own, whose tests read their fixtures. */
const OWN_FILES = ['ollama', 'vllm']

function fixtureName(type: string): string {
  return type.replace('remote::', '').replaceAll('::', '-')
}

function readFixture(type: string): VendorFixture {
  const text = readFileSync(new URL(`${fixtureName(type)}.json`, FIXTURES), 'utf8')
  return JSON.parse(text) as VendorFixture
}

function skipsOf(dialect: Dialect): Partial<Record<ConformanceCase, string>> {
  return {
    ...(dialect.keyless !== 'never' && { 'key missing': 'a server of one’s own may need none' }),
    ...(!dialect.streamUsage && { 'usage on request': 'usage comes unasked' }),
    ...(dialect.listing === undefined && { health: 'the vendor has nothing that can be asked' }),
  }
}

test('each row has a fixture and each fixture a row', () => {
  const rows = dialects.map((dialect) => fixtureName(dialect.type))
  const files = readdirSync(FIXTURES).map((file) => file.replace('.json', ''))
  expect(files.toSorted()).toEqual([...rows, ...OWN_FILES].toSorted())
})

test('the table cannot be changed', () => {
  const [first] = dialects
  expect(Object.isFrozen(first)).toBe(true)
  expect(Object.isFrozen(first?.embeddingModels)).toBe(true)
})

describe.each(providers.map((definition, index) => ({ definition, dialect: dialects[index] })))(
  '$definition.type',
  ({ definition, dialect }) => {
    if (dialect === undefined) bug('a definition without a row')
    describeInferenceProvider({
      definition,
      fixture: readFixture(dialect.type),
      config: (url) => ({ [dialect.urlSettings[0] ?? 'base_url']: url + dialect.apiPath }),
      apiPath: dialect.apiPath,
      credential: {
        setting: dialect.keySettings[0] ?? 'api_key',
        header: (key) => (dialect.auth === 'api-key' ? ['api-key', key] : ['authorization', `Bearer ${key}`]),
      },
      skips: skipsOf(dialect),
    })
  },
)
