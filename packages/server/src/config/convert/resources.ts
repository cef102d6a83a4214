/** Registered resources: under one key now, some with other names, some gone. */
import { isMap, isScalar, isSeq } from 'yaml'
import type { YAMLSeq } from 'yaml'
import type { Conversion } from './conversion.ts'
import {
  addComment,
  findPair,
  isFilled,
  listAt,
  mapAt,
  renameKey,
  takeValue,
  textOf,
  toList,
  toMap,
} from './yaml-edit.ts'
import type { TreeMap } from './yaml-edit.ts'

/** Resources of APIs without a successor. */
const GONE = ['datasets', 'scoring_fns', 'benchmarks'] as const

/** What takes the place of the lists of the first dialect. */
export interface ConvertedResources {
  readonly registered: TreeMap
  readonly connectors: YAMLSeq<unknown> | undefined
}

/** Takes the lists out of the root and builds what takes their place. */
export function convertResources(root: TreeMap, conversion: Conversion): ConvertedResources {
  const registered = toMap({
    models: toModels(root, conversion),
    shields: asList(takeValue(root, 'shields')),
    vector_stores: toVectorStores(root),
  })
  for (const key of GONE) {
    if (isFilled(root, key)) {
      const count = listAt(root, key)?.items.length ?? 0
      conversion.lost([key], `${key} have no successor: ${count} left out.`)
      addComment(registered, `${key}: ${count} left out, they have no successor.`)
    }
    takeValue(root, key)
  }
  return { registered, connectors: toConnectors(root, conversion) }
}

function asList(value: unknown): YAMLSeq<unknown> {
  return isSeq(value) ? value : toList([])
}

function toModels(root: TreeMap, conversion: Conversion): YAMLSeq<unknown> {
  const models = asList(takeValue(root, 'models'))
  models.items = models.items.filter((model, index) => {
    if (!isMap(model)) return true
    const provider = textOf(model, 'provider_id')
    if (provider === undefined || !conversion.lostProviders.has(provider)) return true
    const message = `The model ${textOf(model, 'model_id') ?? ''} is left out with its provider '${provider}'.`
    conversion.lost(['models', index], message)
    addComment(models, message)
    return false
  })
  return models
}

const VECTOR_STORE_KEYS: Readonly<Record<string, string>> = Object.freeze({
  vector_db_id: 'vector_store_id',
  provider_vector_db_id: 'provider_vector_store_id',
  vector_db_name: 'vector_store_name',
})

function toVectorStores(root: TreeMap): YAMLSeq<unknown> {
  const stores = asList(takeValue(root, 'vector_dbs'))
  for (const store of stores.items) {
    if (!isMap(store)) continue
    for (const [from, to] of Object.entries(VECTOR_STORE_KEYS)) renameKey(store, from, to)
  }
  return stores
}

/** The second generation registers its own tool groups; MCP servers became connectors. */
function toConnectors(root: TreeMap, conversion: Conversion): YAMLSeq<unknown> | undefined {
  const groups = takeValue(root, 'tool_groups')
  if (!isSeq(groups) || groups.items.length === 0) return undefined
  const connectors = groups.items.filter(isMap).flatMap((group) => {
    const url = mapAt(group, 'mcp_endpoint')
    const address = url === undefined ? undefined : findPair(url, 'uri')?.value
    if (!isScalar(address)) return []
    return [toMap({ connector_id: textOf(group, 'toolgroup_id'), connector_type: 'mcp', url: address })]
  })
  const builtIn = groups.items.length - connectors.length
  if (builtIn > 0) {
    conversion.changed(['tool_groups'], `${builtIn} tool groups are left out: their providers bring them along now.`)
  }
  if (connectors.length === 0) return undefined
  conversion.changed(['tool_groups'], `${connectors.length} MCP tool groups are connectors now.`)
  return toList(connectors)
}
