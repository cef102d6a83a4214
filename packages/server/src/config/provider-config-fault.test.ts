import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { parseConfigDocument } from './config-document.ts'
import { explainProviderConfigFault } from './provider-config-fault.ts'

const schema = z.strictObject({
  base_url: z.url(),
  api_key: z.string().optional(),
  network: z.strictObject({ timeout: z.number() }).optional(),
})

const document = parseConfigDocument(
  'run.yaml',
  `providers:
  inference:
  - provider_id: p
    provider_type: remote::p
    config:
      base_url: nowhere
      api_kye: x
      api_key: [hunter2]
      network:
        timeout: soon
`,
)

describe('explainProviderConfigFault', () => {
  it('places each fault of a provider in the file', () => {
    const config = { base_url: 'nowhere', api_kye: 'x', api_key: ['hunter2'], network: { timeout: 'soon' } }
    const { error } = schema.safeParse(config)
    const faults = explainProviderConfigFault(document, {
      provider: { api: 'inference', id: 'p', type: 'remote::p', config, path: 'providers.inference[0]' },
      issues: error?.issues ?? [],
      knownKeys: Object.keys(schema.shape),
    })
    expect(
      faults.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0)).map(({ line, problem, fix }) => [line, problem, fix]),
    ).toEqual([
      [6, 'providers.inference[0].config.base_url is "nowhere": Invalid URL.', 'Correct the value.'],
      [7, "remote::p has no setting 'api_kye'. Did you mean 'api_key'?", 'Its settings: base_url, api_key, network.'],
      [8, 'providers.inference[0].config.api_key is a list, not of type string.', 'Write a string.'],
      [10, 'providers.inference[0].config.network.timeout is "soon", not of type number.', 'Write a number.'],
    ])
    expect(JSON.stringify(faults)).not.toContain('hunter2')
  })
})
