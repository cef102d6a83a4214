import { join } from 'node:path'

/** What a generated configuration varies. */
export type OursConfig = {
  readonly providerId: string
  readonly providerType: string
  readonly baseUrl: string
  /** Where the databases are written. */
  readonly directory: string
  /** Whether chat completions are kept, as they are by default. */
  readonly store: boolean
}

/** A configuration in OGX's dialect with one provider and a SQLite store. */
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
  - provider_id: ${config.providerId}
    provider_type: ${config.providerType}
    config:
      base_url: ${config.baseUrl}
      api_key: bench-dummy-key
storage:
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
${inference}`
}
