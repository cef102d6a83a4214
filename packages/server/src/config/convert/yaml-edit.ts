/** Edits of a YAML tree that keep the comments of what stays. */
import { isMap, isPair, isScalar, isSeq, Pair, Scalar, YAMLMap, YAMLSeq } from 'yaml'

/** A map of a parsed file. */
export type TreeMap = YAMLMap<unknown, unknown>

/** The text of a key. */
export function keyOf(pair: Pair<unknown, unknown>): string {
  return isScalar(pair.key) ? String(pair.key.value) : String(pair.key)
}

/** Finds an entry of a map. */
export function findPair(map: TreeMap, key: string): Pair<unknown, unknown> | undefined {
  return map.items.find((pair) => keyOf(pair) === key)
}

/** Takes an entry out of a map and returns its value. */
export function takeValue(map: TreeMap, key: string): unknown {
  const pair = findPair(map, key)
  if (pair === undefined) return undefined
  map.items.splice(map.items.indexOf(pair), 1)
  return pair.value
}

/** Gives an entry another key, in its place and with its comments. */
export function renameKey(map: TreeMap, from: string, to: string): void {
  const pair = findPair(map, from)
  if (pair !== undefined && isScalar(pair.key)) pair.key.value = to
}

/** The text of an entry. */
export function textOf(map: TreeMap, key: string): string | undefined {
  const value = findPair(map, key)?.value
  return isScalar(value) && typeof value.value === 'string' ? value.value : undefined
}

/** Replaces the text of an entry and keeps its comments. */
export function setText(map: TreeMap, key: string, text: string): void {
  const value = findPair(map, key)?.value
  if (isScalar(value)) value.value = text
  else map.set(key, text)
}

/** The entry's map, or undefined when it is something else. */
export function mapAt(map: TreeMap, key: string): TreeMap | undefined {
  const value = findPair(map, key)?.value
  return isMap(value) ? value : undefined
}

/** The entry's list, or undefined when it is something else. */
export function listAt(map: TreeMap, key: string): YAMLSeq<unknown> | undefined {
  const value = findPair(map, key)?.value
  return isSeq(value) ? value : undefined
}

/** Whether the entry is there and neither null nor an empty list or map. */
export function isFilled(map: TreeMap, key: string): boolean {
  const value = findPair(map, key)?.value
  if (isMap(value) || isSeq(value)) return value.items.length > 0
  return isScalar(value) && value.value !== null
}

/** Builds a map of plain values and of parts of the tree. */
export function toMap(entries: Readonly<Record<string, unknown>>): TreeMap {
  const map: TreeMap = new YAMLMap()
  for (const [key, value] of Object.entries(entries)) {
    if (value !== undefined) map.items.push(new Pair(new Scalar(key), toNode(value)))
  }
  return map
}

/** Builds a list of maps. */
export function toList(items: readonly unknown[]): YAMLSeq<unknown> {
  const list = new YAMLSeq<unknown>()
  list.items = items.map(toNode)
  return list
}

/** Adds a comment behind what a map or a list holds. */
export function addComment(collection: TreeMap | YAMLSeq<unknown>, text: string): void {
  const line = ` ${text}`
  collection.comment = typeof collection.comment === 'string' ? `${collection.comment}\n${line}` : line
}

function toNode(value: unknown): unknown {
  if (isMap(value) || isSeq(value) || isScalar(value) || isPair(value)) return value
  if (Array.isArray(value)) return toList(value)
  if (typeof value === 'object' && value !== null) return toMap(Object.fromEntries(Object.entries(value)))
  return new Scalar(value)
}
