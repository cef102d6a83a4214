/** What a schema says about a value, in words that name the place, the value and the fix. */
import type { z } from 'zod'
import { findNearest } from '../kernel/nearest.ts'
import type { ConfigPath } from './config-path.ts'
import { formatPath } from './config-path.ts'
import { isSecretKey, maskSecrets } from '../kernel/secrets.ts'

/** One issue of zod. */
export type SchemaIssue = z.core.$ZodIssue

/** What is wrong and what to do. */
export interface IssueExplanation {
  readonly problem: string
  readonly fix: string
}

/** Explains an issue. `path` is the place to name, `root` the value that the issue's own path leads through. */
export function explainIssue(issue: SchemaIssue, path: ConfigPath, root: unknown): IssueExplanation {
  const name = formatPath(path)
  const value = valueAt(root, issue.path)
  const got = value === undefined ? 'missing' : showValue(path, value)
  switch (issue.code) {
    case 'invalid_type':
      if (value === undefined || value === null) {
        return { problem: `${name} is missing.`, fix: `Give it a value of type ${typeName(issue.expected)}.` }
      }
      return {
        problem: `${name} is ${got}, not of type ${typeName(issue.expected)}.`,
        fix: typeFix(issue.expected, isTold(path) ? value : undefined),
      }
    case 'invalid_value':
      return {
        problem: `${name} is ${got}.`,
        fix: `${didYouMean(value, issue.values)}Use one of: ${issue.values.join(', ')}.`,
      }
    case 'too_small':
      return { problem: `${name} is ${got}.`, fix: `Use ${issue.minimum} or more.` }
    case 'too_big':
      return { problem: `${name} is ${got}.`, fix: `Use ${issue.maximum} or less.` }
    case 'unrecognized_keys':
      return {
        problem: `${name} has the unknown ${issue.keys.length === 1 ? 'key' : 'keys'} ${issue.keys.join(', ')}.`,
        fix: 'Remove it.',
      }
    case 'invalid_union':
      return explainUnion(issue, path, root)
    case 'invalid_format':
    case 'invalid_key':
    case 'invalid_element':
    case 'not_multiple_of':
    case 'custom':
      return { problem: `${name} is ${got}: ${issue.message}.`, fix: 'Correct the value.' }
  }
}

/** The keys that an object schema knows, at a path inside it; empty where the schema cannot tell. */
export function knownKeysAt(schema: z.ZodType, path: readonly PropertyKey[]): readonly string[] {
  let current: unknown = schema
  for (const part of path) {
    const shape = unwrap(current)
    current = isObjectSchema(shape) ? shape.shape[String(part)] : elementOf(shape)
  }
  const shape = unwrap(current)
  return isObjectSchema(shape) ? Object.keys(shape.shape) : []
}

/** The value at a path. */
export function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, part) => (typeof value === 'object' && value !== null ? Reflect.get(value, part) : undefined),
    root,
  )
}

const MAX_SHOWN = 60

/** Names under which anything may be a secret. */
const SECRETIVE: ReadonlySet<unknown> = new Set(['headers', 'env', 'args'])
/** Names of addresses of MCP servers, the path of which may be all that protects them. */
const ADDRESSES: ReadonlySet<unknown> = new Set(['url', 'uri'])

/** Whether a value may be repeated. */
function isTold(path: ConfigPath): boolean {
  const key = path.findLast((part) => typeof part === 'string')
  const isSecret = key !== undefined && (isSecretKey(key) || ADDRESSES.has(key))
  return !isSecret && !path.some((part) => SECRETIVE.has(part))
}

function showValue(path: ConfigPath, value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object' && value !== null) return 'a map'
  if (!isTold(path)) return `a ${typeof value}`
  const text = JSON.stringify(maskSecrets(value))
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text
}

function typeName(expected: string): string {
  const names: Readonly<Record<string, string>> = { record: 'map', object: 'map', array: 'list', int: 'whole number' }
  return names[expected] ?? expected
}

function typeFix(expected: string, value: unknown): string {
  if (expected === 'string' && typeof value === 'number') return `Quote it: "${value}".`
  return `Write a ${typeName(expected)}.`
}

function didYouMean(value: unknown, values: readonly unknown[]): string {
  const nearest = findNearest(
    String(value),
    values.filter((candidate) => typeof candidate === 'string'),
  )
  return nearest === undefined ? '' : `Did you mean ${nearest}? `
}

function explainUnion(
  issue: SchemaIssue & { code: 'invalid_union' },
  path: ConfigPath,
  root: unknown,
): IssueExplanation {
  const options = issue.errors.flatMap((issues) => issues.slice(0, 1))
  const deepest = options.toSorted((a, b) => b.path.length - a.path.length)[0]
  if (deepest !== undefined && deepest.path.length > 0) {
    const nested = { ...deepest, path: [...issue.path, ...deepest.path] }
    return explainIssue(nested, [...path, ...toConfigPath(deepest.path)], root)
  }
  const expected = options.flatMap((option) => (option.code === 'invalid_type' ? [typeName(option.expected)] : []))
  const value = showValue(path, valueAt(root, issue.path))
  const fix = expected.length === 0 ? 'Correct the value.' : `Write one of: ${[...new Set(expected)].join(', ')}.`
  return { problem: `${formatPath(path)} is ${value}, which fits none of its forms.`, fix }
}

/** An issue's path without symbols, which no configuration has. */
export function toConfigPath(path: readonly PropertyKey[]): ConfigPath {
  return path.map((part) => (typeof part === 'symbol' ? String(part) : part))
}

function unwrap(schema: unknown): unknown {
  let current = schema
  while (isWrapper(current)) current = current.unwrap()
  return current
}

function isWrapper(schema: unknown): schema is { unwrap(): unknown } {
  if (typeof schema !== 'object' || schema === null || !('unwrap' in schema)) return false
  return typeof schema.unwrap === 'function' && !('element' in schema)
}

function isObjectSchema(schema: unknown): schema is { shape: Readonly<Record<string, unknown>> } {
  return typeof schema === 'object' && schema !== null && 'shape' in schema && typeof schema.shape === 'object'
}

function elementOf(schema: unknown): unknown {
  if (typeof schema !== 'object' || schema === null) return undefined
  if ('element' in schema) return schema.element
  return 'valueType' in schema ? schema.valueType : undefined
}
