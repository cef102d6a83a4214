/** The first generation's dialect: `run.yaml` of Llama Stack. */
import { join } from 'node:path'
import { z } from 'zod'
import { flag, nameText, optional, wholeNumber } from '../file-values.ts'
import { readBlock } from '../read-block.ts'
import { ConfiguredResources } from '../stack-config.ts'
import type { DialectInput } from './dialect-input.ts'
import { readProviders } from './provider-entries.ts'
import type { ReadProviders } from './provider-entries.ts'
import { readConnectorLists } from './connector-lists.ts'
import { keepResources, ModelEntry, readModels, ResourceList } from './resource-entries.ts'
import { readServer } from './server-block.ts'
import { checkSharedBlocks, fromSharedBlocks, placeData, readName, sharedKeys } from './shared-blocks.ts'
import type { DialectConfig } from './shared-blocks.ts'
import { parseOnce } from '../../kernel/parse-once.ts'

const sqlite = z.strictObject({
  type: z.literal('sqlite'),
  db_path: optional(z.string()),
  namespace: optional(z.string()),
})
const network = {
  host: optional(z.string()),
  port: optional(wholeNumber),
  db: optional(nameText),
  user: optional(nameText),
  password: optional(nameText),
  namespace: optional(z.string()),
}
const postgres = z.strictObject({
  type: z.literal('postgres'),
  ...network,
  table_name: optional(z.string()),
  ssl_mode: optional(z.string()),
  ca_cert_path: optional(z.string()),
})
const redis = z.strictObject({ type: z.literal('redis'), ...network })
const mongodb = z.strictObject({ type: z.literal('mongodb'), ...network, collection_name: optional(z.string()) })

const KeyValueStore = z.discriminatedUnion('type', [sqlite, redis, postgres, mongodb])
const SqlStore = z.discriminatedUnion('type', [sqlite, postgres])
type Store = z.infer<typeof KeyValueStore> | z.infer<typeof SqlStore>

const QueuedSqlStore = z.strictObject({
  sql_store_config: SqlStore,
  max_write_queue_size: optional(wholeNumber),
  num_writers: optional(wholeNumber),
})

const RunYaml = z.strictObject({
  ...sharedKeys,
  image_name: optional(nameText),
  metadata_store: z.unknown().optional(),
  inference_store: z.unknown().optional(),
  models: optional(z.array(ModelEntry)),
  shields: ResourceList,
  vector_dbs: ResourceList,
  datasets: ResourceList,
  scoring_fns: ResourceList,
  benchmarks: ResourceList,
  tool_groups: ResourceList,
  telemetry: optional(z.strictObject({ enabled: optional(flag) })),
})

/** Which API each list of resources belongs to. */
const RESOURCE_APIS = Object.freeze({
  shields: 'safety',
  vector_dbs: 'vector_io',
  datasets: 'datasetio',
  scoring_fns: 'scoring',
  benchmarks: 'eval',
  tool_groups: 'tool_runtime',
} as const)

const SECOND_DIALECT = 'This key belongs to the second dialect (config.yaml of OGX): llama config convert.'

/** Reads a `run.yaml`. Undefined: its faults are with the findings. */
export function fromLlamaStack(input: DialectInput): DialectConfig | undefined {
  const { findings, tree } = input
  const hints = { storage: SECOND_DIALECT, registered_resources: SECOND_DIALECT, vector_stores: SECOND_DIALECT }
  const blocks = readBlock(RunYaml, { value: tree.value, path: [], hints }, findings)
  if (blocks === undefined) return undefined
  checkSharedBlocks(blocks, input)
  const name = readName({ key: 'image_name', value: blocks.image_name }, input)
  const external = typeof blocks.external_providers_dir === 'string' && blocks.external_providers_dir !== ''
  const providers = readProviders(blocks.providers ?? {}, external, input)
  const metadata = readStore('metadata_store', blocks.metadata_store, input)
  const inference = readStore('inference_store', blocks.inference_store, input)
  const sqliteFile = [inference, metadata].find((store) => store?.type === 'sqlite')?.db_path ?? undefined
  return {
    name,
    dialect: 'llama-stack',
    ...fromSharedBlocks(blocks),
    providers: [...providers.started],
    models: [...readModels({ entries: blocks.models ?? [], path: ['models'] }, providers, input)],
    resources: readResources(blocks, providers, input),
    ...placeData({ sqliteFile, fallback: join(input.configHomes.llamaStack, 'distributions', name) }, input),
    inferenceStore: { enabled: blocks.inference_store !== null },
    server: readServer(blocks.server ?? {}, input),
  }
}

function readResources(
  blocks: z.infer<typeof RunYaml>,
  providers: ReadProviders,
  input: DialectInput,
): DialectConfig['resources'] {
  const kept = Object.fromEntries(
    Object.entries(RESOURCE_APIS).map(([list, api]) => {
      // The keys of RESOURCE_APIS are keys of the schema; Object.entries forgets them.
      const entries = blocks[list as keyof typeof RESOURCE_APIS] ?? []
      return [list, keepResources({ entries, path: [list], api, ...(list === 'shields' && { providers }) }, input)]
    }),
  )
  const lists = {
    connectors: { entries: [], path: [] },
    tool_groups: { entries: blocks.tool_groups ?? [], path: ['tool_groups'], kept: kept['tool_groups'] ?? [] },
  }
  return ConfiguredResources.parse({ ...kept, ...readConnectorLists(lists, input) }, parseOnce)
}

function readStore(key: 'metadata_store' | 'inference_store', value: unknown, input: DialectInput): Store | undefined {
  if (value === null || value === undefined) return undefined
  const store = parseStore(key, value, input)
  if (store !== undefined && store.type !== 'sqlite') {
    input.findings.note([key], {
      severity: 'substituted',
      message: `${key}: SQLite in the data directory takes the place of ${store.type}.`,
      fix: 'Nothing to do. Data that is in the other store stays there and is not read.',
      target: 'key',
    })
  }
  return store
}

function parseStore(
  key: 'metadata_store' | 'inference_store',
  value: unknown,
  { findings }: DialectInput,
): Store | undefined {
  if (key === 'metadata_store') return readBlock(KeyValueStore, { value, path: [key] }, findings)
  const isQueued = typeof value === 'object' && value !== null && 'sql_store_config' in value
  if (!isQueued) return readBlock(SqlStore, { value, path: [key] }, findings)
  return readBlock(QueuedSqlStore, { value, path: [key] }, findings)?.sql_store_config
}
