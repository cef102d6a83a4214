/** Tells whether two calls of a tool are the same. */
import { hash } from 'node:crypto'
import { isRecord } from '../../kernel/json-record.ts'

/** A short text that is equal for calls of one tool with equal arguments, however their JSON is written. */
export function toCallKey(call: { readonly name: string; readonly arguments: string }): string {
  return hash('sha256', JSON.stringify([call.name, toCanonical(call.arguments)]), 'base64url')
}

function toCanonical(json: string): unknown {
  try {
    return sortKeys(json.trim() === '' ? {} : JSON.parse(json))
  } catch {
    // What is no JSON is compared as it is.
    return { text: json }
  }
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys)
  if (!isRecord(value)) return value
  // Pairs, since an object would put keys that are numbers first and drop one named __proto__.
  const pairs = Object.entries(value).map(([key, member]) => [key, sortKeys(member)] as const)
  return { members: pairs.toSorted(([one], [other]) => (one < other ? -1 : 1)) }
}
