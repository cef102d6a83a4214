/**
 * From the first dialect to the second: `run.yaml` of Llama Stack to `config.yaml` of OGX.
 *
 * Expressions stay expressions and comments stay with what they comment. What has no successor is left out, with a
 * comment in its place and a note.
 */
import { bug } from '@llama-stack/api'
import { isMap, isScalar, Pair, parseDocument, Scalar } from 'yaml'
import { parseConfigDocument, yamlOptions } from './config-document.ts'
import type { ConfigDocument } from './config-document.ts'
import { throwFaults } from './config-faults.ts'
import { Conversion } from './convert/conversion.ts'
import { convertProviders, goneApis, toSecondApi } from './convert/providers.ts'
import { convertResources } from './convert/resources.ts'
import { replaceStore, StorageBackends, toKeyValueReference, toSqlReference } from './convert/storage-backends.ts'
import { addComment, findPair, isFilled, keyOf, listAt, mapAt, takeValue, textOf, toMap } from './convert/yaml-edit.ts'
import type { TreeMap } from './convert/yaml-edit.ts'
import { detectFormat } from './detect-dialect.ts'
import { isConfigMap } from './env-tree.ts'
import type { ConfigNote } from './stack-config.ts'

/** A file in the second dialect, and what its owner should know about the way there. */
export interface ConvertedConfig {
  readonly text: string
  /** Lines are those of the original. */
  readonly notes: readonly ConfigNote[]
}

/** Converts a file. One that is in the second dialect already is returned as it is. */
export function convertConfig({ file, text }: { readonly file: string; readonly text: string }): ConvertedConfig {
  const source = parseConfigDocument(file, text)
  const format = isConfigMap(source.value) ? detectFormat(source.value) : undefined
  if (format === 'ogx') {
    return { text, notes: [{ severity: 'info', path: '', message: 'The file is in the second dialect already.' }] }
  }
  if (format !== 'llama-stack') refuse(source, format)
  const document = parseDocument(text, yamlOptions)
  const root = document.contents
  if (!isMap(root)) return refuse(source, undefined)
  const conversion = new Conversion(source)
  rebuild(root, conversion)
  const head = ' Converted from run.yaml. Comments say what has no successor.'
  document.commentBefore = typeof document.commentBefore === 'string' ? `${head}\n${document.commentBefore}` : head
  return { text: document.toString({ lineWidth: 0, indentSeq: false, directives: false }), notes: conversion.notes }
}

function refuse(source: ConfigDocument, format: string | undefined): never {
  throwFaults([
    source.fault([], {
      problem: `The file is ${format === 'recipe' ? 'a build recipe' : 'no configuration of Llama Stack'}.`,
      fix: 'Convert a run.yaml.',
    }),
  ])
  return bug('the fault was thrown')
}

function rebuild(root: TreeMap, conversion: Conversion): void {
  const name = textOf(root, 'image_name') ?? 'stack'
  const backends = new StorageBackends()
  const stores = convertStores(root, backends)
  convertApis(root, conversion)
  const providers = mapAt(root, 'providers')
  if (providers !== undefined) convertProviders(providers, backends, conversion)
  convertServer(root, backends)
  const { registered, connectors } = convertResources(root, conversion)
  convertTelemetry(root, conversion)
  const directory = `\${env.SQLITE_STORE_DIR:=~/.llama/distributions/${name}}`
  backends.ensureDefault('kv', `${directory}/kvstore.db`)
  backends.ensureDefault('sql', `${directory}/sql_store.db`)
  const key = findPair(root, 'image_name')?.key
  if (isScalar(key)) key.value = 'distro_name'
  insertBefore(root, 'server', [
    new Pair(new Scalar('storage'), toMap({ backends: backends.toMap(), stores })),
    new Pair(new Scalar('registered_resources'), registered),
    ...(connectors === undefined ? [] : [new Pair(new Scalar('connectors'), connectors)]),
  ])
}

/** The two stores of the root, and those that the second dialect has beside them. */
function convertStores(root: TreeMap, backends: StorageBackends): TreeMap {
  const metadata = backends.nameFor('kv', takeValue(root, 'metadata_store'))
  const hadInferenceStore = findPair(root, 'inference_store') !== undefined
  const written = takeValue(root, 'inference_store')
  const queue = isMap(written) && findPair(written, 'sql_store_config') !== undefined ? written : undefined
  const sql = backends.nameFor('sql', queue === undefined ? written : takeValue(queue, 'sql_store_config'))
  const isOff = hadInferenceStore && !isMap(written)
  return toMap({
    metadata: toKeyValueReference('registry', metadata),
    inference: isOff ? null : toSqlReference('inference_store', sql, queue),
    conversations: toSqlReference('openai_conversations', sql),
    prompts: toKeyValueReference('prompts', metadata),
    connectors: toKeyValueReference('connectors', metadata),
  })
}

function convertApis(root: TreeMap, conversion: Conversion): void {
  const apis = listAt(root, 'apis')
  if (apis === undefined) return
  apis.items = apis.items.filter((item, index) => {
    if (!isScalar(item) || typeof item.value !== 'string') return true
    const api = item.value
    const successor = toSecondApi(api)
    if (successor !== undefined) {
      item.value = successor
      return true
    }
    // With providers of that API, the note and the comment stand with them.
    if (findPair(mapAt(root, 'providers') ?? root, api) === undefined) {
      conversion.lost(['apis', index], `The API ${api} has no successor.`, goneApis[api])
    }
    return false
  })
}

function convertServer(root: TreeMap, backends: StorageBackends): void {
  const server = mapAt(root, 'server')
  const quota = server === undefined ? undefined : mapAt(server, 'quota')
  if (quota === undefined || !isFilled(quota, 'kvstore')) return
  const backend = backends.nameFor('kv', findPair(quota, 'kvstore')?.value)
  replaceStore(quota, { from: 'kvstore', to: 'kvstore' }, toKeyValueReference('quota', backend))
}

function convertTelemetry(root: TreeMap, conversion: Conversion): void {
  if (!isFilled(root, 'telemetry')) return
  takeValue(root, 'telemetry')
  const advice = goneApis['telemetry'] ?? ''
  addComment(root, `telemetry: ${advice}`)
  conversion.lost(['telemetry'], 'The telemetry block has no successor.', advice)
}

function insertBefore(root: TreeMap, key: string, pairs: readonly Pair<unknown, unknown>[]): void {
  const index = root.items.findIndex((pair) => keyOf(pair) === key)
  root.items.splice(index === -1 ? root.items.length : index, 0, ...pairs)
}
