/** Which of the formats a parsed file is. */
import { isConfigMap } from './env-tree.ts'

/** `recipe` is a `build.yaml`: a list of provider types. `prehistoric` is what came before version 2. */
export type FileFormat = 'llama-stack' | 'ogx' | 'recipe' | 'prehistoric'

const SECOND_ONLY = ['distro_name', 'storage', 'registered_resources', 'vector_stores', 'connectors']
const FIRST_ONLY = ['image_name', 'metadata_store', 'inference_store', 'models', 'shields', 'vector_dbs', 'tool_groups']
const PREHISTORIC = ['routing_table', 'api_providers', 'provider_map', 'apis_to_serve']

/** Tells the format by the keys that only one of them has. */
export function detectFormat(value: Readonly<Record<string, unknown>>): FileFormat {
  const has = (key: string): boolean => Object.hasOwn(value, key)
  if (PREHISTORIC.some(has)) return 'prehistoric'
  if (has('distribution_spec')) return 'recipe'
  if (SECOND_ONLY.some(has)) return 'ogx'
  if (FIRST_ONLY.some(has)) return 'llama-stack'
  return isConfigMap(value['providers']) ? generationOf(Object.keys(value['providers'])) : 'ogx'
}

const FIRST_APIS: ReadonlySet<string> = new Set([
  'agents',
  'telemetry',
  'datasetio',
  'scoring',
  'eval',
  'post_training',
])

/** Tells the generation by the APIs that only the first one has. */
export function generationOf(apis: readonly string[]): 'llama-stack' | 'ogx' {
  return apis.some((api) => FIRST_APIS.has(api)) ? 'llama-stack' : 'ogx'
}
