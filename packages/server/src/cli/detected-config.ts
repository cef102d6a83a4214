/** The configuration of bare `llama`: what was found, and what needs nothing. */
import { join } from 'node:path'
import { DATABASE_FILE } from '../config/stack-config.ts'
import type { StackConfigInput } from '../config/stack-config.ts'
import type { Detection } from './detect.ts'

type ProviderInput = NonNullable<StackConfigInput['providers']>[number]

/** Providers that work without a key and without a network; last, so that `auto` prefers what was found. */
const embedded: readonly ProviderInput[] = Object.freeze([
  { api: 'inference', id: 'demo', type: 'inline::demo' },
  { api: 'inference', id: 'lexical', type: 'inline::lexical' },
])

/** Local engines first: they cost nothing and take no memory of the server. Then files, then keys, then what is built in. */
export function toDetectedConfig(detection: Detection, dataDir: string): StackConfigInput {
  const engines = detection.engines.map(({ engine, url, key }): ProviderInput => {
    const config = { base_url: url, ...(key === undefined ? {} : { api_key: key }) }
    return { api: 'inference', id: engine.id, type: engine.providerType, config }
  })
  const files = detection.files
    .filter(({ install }) => install === undefined)
    .flatMap(({ providers }) => providers.map((provider): ProviderInput => ({ api: 'inference', ...provider })))
  const keyed = detection.keys.map(({ providerType, key, baseUrl }): ProviderInput => {
    const config = { api_key: key, ...(baseUrl === undefined ? {} : { base_url: baseUrl }) }
    return { api: 'inference', id: toProviderId(providerType), type: providerType, config }
  })
  return {
    name: 'detected',
    providers: [...engines, ...files, ...keyed, ...embedded],
    dataDir,
    storage: { sql: { type: 'sqlite', path: join(dataDir, DATABASE_FILE) } },
  }
}

/** `remote::hf::serverless` becomes `hf-serverless`: an id is the first part of a model's name. */
export function toProviderId(providerType: string): string {
  return providerType.replace(/^(?:remote|inline)::/, '').replaceAll('::', '-')
}
