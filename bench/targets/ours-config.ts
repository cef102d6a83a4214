import { join } from 'node:path'

/** A vendor as the configuration names it. */
export type OursProvider = {
  readonly id: string
  readonly type: string
  readonly baseUrl: string
  /** When silence is called a failure; the server's default where it is left out. */
  readonly patienceSeconds?: number
}

/** What a generated configuration varies. */
export type OursConfig = {
  readonly providers: readonly OursProvider[]
  /** Where the databases are written. */
  readonly directory: string
  /** Whether chat completions are kept, as they are by default. */
  readonly store: boolean
  /** Further sections, as YAML. */
  readonly more?: string
}

function toProviderEntry({ id, type, baseUrl, patienceSeconds }: OursProvider): string {
  const seconds = String(patienceSeconds)
  const network =
    patienceSeconds === undefined ? '' : `      network: {timeout: {connect: ${seconds}, read: ${seconds}}}\n`
  return `  - provider_id: ${id}
    provider_type: ${type}
    config:
      base_url: ${baseUrl}
      api_key: bench-dummy-key
${network}`
}

/** A configuration in OGX's dialect with a SQLite store. */
export function toOursConfig(config: OursConfig): string {
  const inference = config.store
    ? '    inference:\n      table_name: inference_store\n      backend: sql_default\n'
    : '    inference: null\n'
  return `version: 2
distro_name: bench
apis:
- inference
providers:
  inference:
${config.providers.map(toProviderEntry).join('')}storage:
  backends:
    kv_default:
      type: kv_sqlite
      db_path: ${join(config.directory, 'kvstore.db')}
    sql_default:
      type: sql_sqlite
      db_path: ${join(config.directory, 'sql_store.db')}
  stores:
    metadata:
      namespace: registry
      backend: kv_default
${inference}${config.more ?? ''}`
}
