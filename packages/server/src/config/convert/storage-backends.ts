/** From a store in every provider's block to named backends and references to them. */
import { isMap, isScalar } from 'yaml'
import { findPair, renameKey, setText, takeValue, textOf, toMap } from './yaml-edit.ts'
import type { TreeMap } from './yaml-edit.ts'

/** The two kinds of stores. */
export type StoreKind = 'kv' | 'sql'

/** Collects backends. The first of a kind is the default that everything alike refers to. */
export class StorageBackends {
  readonly #entries: { readonly name: string; readonly likeness: string; readonly node: TreeMap }[] = []

  /** The name of the backend for a store of the first dialect; a new one where none is alike. */
  nameFor(kind: StoreKind, store: unknown): string {
    const fallback = `${kind}_default`
    if (!isMap(store)) return fallback
    const type = textOf(store, 'type') ?? 'sqlite'
    const likeness = `${kind} ${likenessOf(store, type)}`
    const known = this.#entries.find((entry) => entry.likeness === likeness)
    if (known !== undefined) return known.name
    const node = store
    takeValue(node, 'namespace')
    if (kind === 'sql') takeValue(node, 'table_name')
    setText(node, 'type', `${kind}_${type}`)
    const name = this.#freeName(this.#has(fallback) ? `${kind}_${type}` : fallback)
    this.#entries.push({ name, likeness, node })
    return name
  }

  /** Adds a SQLite default for a kind that no store has named. */
  ensureDefault(kind: StoreKind, path: string): void {
    if (this.#has(`${kind}_default`)) return
    const node = toMap({ type: `${kind}_sqlite`, db_path: path })
    this.#entries.push({ name: `${kind}_default`, likeness: `${kind} sqlite`, node })
  }

  toMap(): TreeMap {
    return toMap(Object.fromEntries(this.#entries.map(({ name, node }) => [name, node])))
  }

  #has(name: string): boolean {
    return this.#entries.some((entry) => entry.name === name)
  }

  #freeName(wanted: string): string {
    let name = wanted
    for (let number = 2; this.#has(name); number += 1) name = `${wanted}_${number}`
    return name
  }
}

/** SQLite files may share one file; servers are alike when they are the same database. */
function likenessOf(store: TreeMap, type: string): string {
  if (type === 'sqlite') return type
  const fields = ['host', 'port', 'db', 'user', 'password'].map((key) => {
    const value = findPair(store, key)?.value
    return isScalar(value) ? String(value.value) : ''
  })
  return [type, ...fields].join(' ')
}

/** A reference to a key-value backend. */
export function toKeyValueReference(namespace: string, backend: string): TreeMap {
  return toMap({ namespace, backend })
}

/** A reference to a SQL backend, with the write queue where the first dialect had one. */
export function toSqlReference(tableName: string, backend: string, queue?: TreeMap): TreeMap {
  const reference = toMap({ table_name: tableName, backend })
  if (queue === undefined) return reference
  for (const key of ['max_write_queue_size', 'num_writers']) {
    const pair = findPair(queue, key)
    if (pair !== undefined) reference.items.push(pair)
  }
  return reference
}

/** Renames a key and replaces its value, in its place. */
export function replaceStore(map: TreeMap, { from, to }: { from: string; to: string }, reference: TreeMap): void {
  renameKey(map, from, to)
  const pair = findPair(map, to)
  if (pair !== undefined) pair.value = reference
}
