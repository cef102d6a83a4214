/** The second generation's dialect: `config.yaml` of OGX. */
import { join } from 'node:path'
import { z } from 'zod'
import { lateSchema } from '../../kernel/late-schema.ts'
import { anyMap, flag, nameText, optional } from '../file-values.ts'
import { readBlock } from '../read-block.ts'
import { ConfiguredResources } from '../stack-config.ts'
import { servesApi } from './dialect-input.ts'
import type { DialectInput } from './dialect-input.ts'
import { readProviders } from './provider-entries.ts'
import type { ReadProviders } from './provider-entries.ts'
import { readCompaction } from './compaction-block.ts'
import { readConnectorLists } from './connector-lists.ts'
import { keepResources, ModelEntry, readModels, ResourceList } from './resource-entries.ts'
import { readServer } from './server-block.ts'
import { checkSharedBlocks, fromSharedBlocks, placeData, readName, sharedKeys } from './shared-blocks.ts'
import type { DialectConfig } from './shared-blocks.ts'
import { checkStorage, sqliteFileOf, StorageBlock } from './storage-block.ts'
import { parseOnce } from '../../kernel/parse-once.ts'

const RegisteredResources = lateSchema(() =>
  z.strictObject({
    models: optional(z.array(ModelEntry)),
    shields: ResourceList,
    vector_stores: ResourceList,
    vector_dbs: ResourceList,
    datasets: ResourceList,
    scoring_fns: ResourceList,
    benchmarks: ResourceList,
    tool_groups: ResourceList,
  }),
)
type RegisteredResources = z.infer<typeof RegisteredResources>

const ConfigYaml = z.strictObject({
  ...sharedKeys,
  distro_name: optional(nameText),
  image_name: optional(nameText),
  storage: optional(StorageBlock),
  registered_resources: optional(RegisteredResources),
  vector_stores: optional(anyMap),
  safety: optional(anyMap),
  connectors: optional(z.array(anyMap)),
  telemetry: optional(z.strictObject({ enabled: optional(flag) })),
})

/** Which API each list of resources belongs to. Tool groups are ignored by upstream too: it registers them itself. */
const RESOURCE_APIS = Object.freeze({
  shields: 'safety',
  vector_stores: 'vector_io',
  vector_dbs: 'vector_io',
  datasets: 'datasetio',
  scoring_fns: 'scoring',
  benchmarks: 'eval',
  tool_groups: 'tool_runtime',
} as const)

const MOVED = 'In this dialect it stands under registered_resources.'
const hints = {
  models: MOVED,
  shields: MOVED,
  vector_dbs: 'In this dialect it is registered_resources.vector_stores.',
  metadata_store: 'In this dialect it is storage.stores.metadata.',
  inference_store: 'In this dialect it is storage.stores.inference.',
}

/** Reads a `config.yaml`. Undefined: its faults are with the findings. */
export function fromOgx(input: DialectInput): DialectConfig | undefined {
  const { findings, tree } = input
  const blocks = readBlock(ConfigYaml, { value: tree.value, path: [], hints }, findings)
  if (blocks === undefined) return undefined
  checkSharedBlocks(blocks, input)
  const name = readName({ key: 'distro_name', value: blocks.distro_name ?? blocks.image_name }, input)
  const external = typeof blocks.external_providers_dir === 'string' && blocks.external_providers_dir !== ''
  const providers = readProviders(blocks.providers ?? {}, external, input)
  const storage = blocks.storage ?? {}
  checkStorage(storage, providers.started, input)
  const shared = fromSharedBlocks(blocks)
  const compaction = readCompaction(blocks.providers, input)
  const fallback = join(input.configHomes.ogx, 'distributions', name)
  const models = { entries: blocks.registered_resources?.models ?? [], path: ['registered_resources', 'models'] }
  return {
    name,
    dialect: 'ogx',
    ...shared,
    ...(compaction === undefined ? {} : { responses: { ...shared.responses, compaction } }),
    providers: [...providers.started],
    models: [...readModels(models, providers, input)],
    resources: readResources(blocks, providers, input),
    apiSettings: readApiSettings(blocks, input),
    ...placeData({ sqliteFile: sqliteFileOf(storage), fallback }, input),
    inferenceStore: { enabled: storage.stores?.inference !== null },
    server: readServer(blocks.server ?? {}, input),
  }
}

function readResources(
  blocks: z.infer<typeof ConfigYaml>,
  providers: ReadProviders,
  input: DialectInput,
): DialectConfig['resources'] {
  const registered: RegisteredResources = blocks.registered_resources ?? {}
  const kept = Object.fromEntries(
    Object.entries(RESOURCE_APIS).map(([list, api]) => {
      // The keys of RESOURCE_APIS are keys of the schema; Object.entries forgets them.
      const entries = registered[list as keyof typeof RESOURCE_APIS] ?? []
      const path = ['registered_resources', list]
      return [list, keepResources({ entries, path, api, ...(list === 'shields' && { providers }) }, input)]
    }),
  )
  const lists = {
    connectors: { entries: blocks.connectors ?? [], path: ['connectors'] },
    tool_groups: {
      entries: registered.tool_groups ?? [],
      path: ['registered_resources', 'tool_groups'],
      kept: kept['tool_groups'] ?? [],
    },
  }
  return ConfiguredResources.parse({ ...kept, ...readConnectorLists(lists, input) }, parseOnce)
}

function readApiSettings(
  blocks: z.infer<typeof ConfigYaml>,
  input: DialectInput,
): Record<string, Record<string, unknown>> {
  const settings: Record<string, Record<string, unknown>> = {}
  for (const [key, api] of [
    ['vector_stores', 'vector_io'],
    ['safety', 'safety'],
  ] as const) {
    const block = blocks[key]
    if (block === null || block === undefined) continue
    settings[key] = block
    if (servesApi(input, api)) continue
    input.findings.note([key], {
      severity: 'unsupported',
      message: `The settings in ${key} are kept, not applied: this version has no ${api} providers yet.`,
      target: 'key',
    })
  }
  return settings
}
