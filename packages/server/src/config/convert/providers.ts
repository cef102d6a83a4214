/** The `providers` block: types that were renamed, APIs that are gone, stores that became references. */
import { isMap, isScalar, isSeq, Pair, Scalar } from 'yaml'
import type { YAMLSeq } from 'yaml'
import type { ConfigPath } from '../config-path.ts'
import { findEnvExpressions } from '../env-grammar.ts'
import type { Conversion } from './conversion.ts'
import { convertInferenceSettings } from './inference-settings.ts'
import { replaceStore, toKeyValueReference, toSqlReference } from './storage-backends.ts'
import type { StorageBackends } from './storage-backends.ts'
import { addComment, findPair, isFilled, keyOf, mapAt, setText, takeValue, textOf, toMap } from './yaml-edit.ts'
import type { TreeMap } from './yaml-edit.ts'

/** APIs without a successor, and what to do instead. */
export const goneApis: Readonly<Record<string, string>> = Object.freeze({
  telemetry: 'Set OTEL_EXPORTER_OTLP_ENDPOINT: telemetry is OpenTelemetry now.',
  datasetio: 'Keep datasets as files.',
  scoring: 'Score outside the server.',
  eval: 'Evaluate outside the server.',
  post_training: 'Train outside the server.',
})

/** The name of an API in the second dialect; undefined where it is gone. */
export function toSecondApi(api: string): string | undefined {
  if (Object.hasOwn(goneApis, api)) return undefined
  return api === 'agents' ? 'responses' : api
}

const RENAMED_TYPES: Readonly<Record<string, string>> = Object.freeze({
  'agents inline::meta-reference': 'inline::builtin',
  'tool_runtime inline::rag-runtime': 'inline::file-search',
  'vector_io inline::meta-reference': 'inline::faiss',
  'vector_io inline::sqlite_vec': 'inline::sqlite-vec',
})

const RENAMED_IDS: Readonly<Record<string, string>> = Object.freeze({
  'agents meta-reference': 'builtin',
  'tool_runtime rag-runtime': 'file-search',
})

/** Types that the second generation does not have and this server serves all the same. */
const OURS: ReadonlySet<string> = new Set(['remote::tgi', 'remote::hf::serverless', 'remote::hf::endpoint'])

/** Converts the block in place. */
export function convertProviders(providers: TreeMap, backends: StorageBackends, conversion: Conversion): void {
  providers.items = providers.items.filter((pair) => {
    const api = keyOf(pair)
    const successor = toSecondApi(api)
    if (successor === undefined) {
      const advice = goneApis[api] ?? ''
      addComment(providers, `${api}: has no successor. ${advice}`)
      conversion.lost(['providers', api], `The API ${api} has no successor.`, advice)
      return false
    }
    if (isScalar(pair.key)) pair.key.value = successor
    if (isSeq(pair.value)) convertList(pair.value, { api, backends, conversion })
    return true
  })
}

interface Surroundings {
  readonly api: string
  readonly backends: StorageBackends
  readonly conversion: Conversion
}

function convertList(list: YAMLSeq<unknown>, around: Surroundings): void {
  list.items = list.items.filter((entry, index) => {
    if (!isMap(entry)) return true
    const at = { ...around, path: ['providers', around.api, index] }
    if (around.api === 'inference' && textOf(entry, 'provider_type') === 'inline::meta-reference') {
      noteLocalWeights(list, entry, at)
      return false
    }
    convertEntry(entry, at)
    return true
  })
}

function noteLocalWeights(
  list: YAMLSeq<unknown>,
  entry: TreeMap,
  { conversion, path }: Surroundings & { path: ConfigPath },
): void {
  const id = textOf(entry, 'provider_id') ?? ''
  const message = `The provider '${id}' (inline::meta-reference) has no successor.`
  const fix = 'Serve the model with Ollama or vLLM and use that provider.'
  conversion.lostProviders.add(id)
  conversion.lost(path, message, fix)
  addComment(list, `${message} ${fix}`)
}

function convertEntry(entry: TreeMap, around: Surroundings & { path: ConfigPath }): void {
  const { api, conversion, path } = around
  const type = textOf(entry, 'provider_type') ?? ''
  const id = textOf(entry, 'provider_id') ?? ''
  const newType = RENAMED_TYPES[`${api} ${type}`]
  if (newType !== undefined) {
    setText(entry, 'provider_type', newType)
    conversion.changed([...path, 'provider_type'], `${type} of ${api} is ${newType} now.`)
  }
  const newId = RENAMED_IDS[`${api} ${id}`]
  if (newId !== undefined) setText(entry, 'provider_id', newId)
  if (OURS.has(type)) {
    const value = findPair(entry, 'provider_type')?.value
    if (isScalar(value)) value.comment = ' not a type of OGX; this server has it'
    conversion.changed([...path, 'provider_type'], `${type} is no type of OGX. This server serves it.`)
  }
  const settings = mapAt(entry, 'config')
  if (settings === undefined) {
    if (api === 'agents')
      entry.items.push(new Pair(new Scalar('config'), toMap({ persistence: toPersistence(undefined, around) })))
    return
  }
  if (api === 'inference') convertInferenceSettings(type, settings, { conversion, path: [...path, 'config'] })
  convertStores(settings, newId ?? id, around)
}

function convertStores(settings: TreeMap, id: string, around: Surroundings): void {
  const { api, backends } = around
  if (api === 'agents') {
    settings.items.unshift(new Pair(new Scalar('persistence'), toPersistence(settings, around)))
  }
  if (api === 'vector_io' && isFilled(settings, 'kvstore')) {
    const backend = backends.nameFor('kv', findPair(settings, 'kvstore')?.value)
    const namespace = `vector_io::${plainId(id).replaceAll('-', '_')}`
    replaceStore(settings, { from: 'kvstore', to: 'persistence' }, toKeyValueReference(namespace, backend))
  }
  if (api === 'batches' && isFilled(settings, 'kvstore')) {
    const backend = backends.nameFor('kv', findPair(settings, 'kvstore')?.value)
    replaceStore(settings, { from: 'kvstore', to: 'kvstore' }, toKeyValueReference('batches', backend))
  }
  if (api === 'files' && isFilled(settings, 'metadata_store')) {
    const backend = backends.nameFor('sql', findPair(settings, 'metadata_store')?.value)
    replaceStore(settings, { from: 'metadata_store', to: 'metadata_store' }, toSqlReference('files_metadata', backend))
  }
}

function toPersistence(settings: TreeMap | undefined, { backends }: Surroundings): TreeMap {
  const state = settings === undefined ? undefined : takeValue(settings, 'persistence_store')
  const responses = settings === undefined ? undefined : takeValue(settings, 'responses_store')
  return toMap({
    agent_state: toKeyValueReference('agents', backends.nameFor('kv', state)),
    responses: toSqlReference('responses', backends.nameFor('sql', responses)),
  })
}

/** The id that a conditional expression resolves to. */
function plainId(id: string): string {
  return findEnvExpressions(id)[0]?.operand ?? id
}
