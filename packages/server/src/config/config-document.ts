/**
 * A YAML file that remembers where each of its values stands.
 *
 * It is read as PyYAML reads it (YAML 1.1, so `yes` and `on` are booleans), with two corrections: dates stay text, since
 * an `api_version: 2024-02-01` is none, and `y` and `n` are not booleans there either.
 */
import type { ConfigFault } from '@llama-stack/api'
import { isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml'
import type { Document, Node, ScalarTag, Tags, YAMLError } from 'yaml'
import { throwFaults } from './config-faults.ts'
import type { ConfigPath } from './config-path.ts'
import { redactLine } from './secret-keys.ts'

/** Where something stands in a file. Line and column are 1-based. */
export interface ConfigPosition {
  readonly line: number
  readonly column: number
  /** The line, without the secrets that it may hold. */
  readonly source: string
}

/** What of a place is meant: the value, its key, or a piece of its text. */
export type ConfigTarget = 'value' | 'key' | { readonly text: string }

/** A configuration file, parsed. */
export interface ConfigDocument {
  /** As it is shown to people. */
  readonly file: string
  readonly value: unknown
  /** Where a place stands, or the closest place around it that the file has. */
  locate(path: ConfigPath, target?: ConfigTarget): ConfigPosition | undefined
  /** A fault at a place. */
  fault(path: ConfigPath, what: { problem: string; fix: string; target?: ConfigTarget }): ConfigFault
}

/** Parses a configuration file. Everything that is not YAML is reported at once. */
export function parseConfigDocument(file: string, text: string): ConfigDocument {
  const lines = new LineCounter()
  const document = parseDocument(text, { ...yamlOptions, lineCounter: lines })
  const positions = new Positions(text, document, lines)
  const fault: ConfigDocument['fault'] = (path, { problem, fix, target }) => ({
    file,
    ...positions.locate(path, target),
    problem,
    fix,
  })
  throwFaults(document.errors.map((error) => ({ file, ...positions.at(error.pos[0]), ...explainYaml(error) })))
  return {
    file,
    value: document.toJS(),
    locate: (path, target) => positions.locate(path, target),
    fault,
  }
}

/** How every configuration file is read. */
export const yamlOptions = Object.freeze({
  version: '1.1',
  prettyErrors: false,
  logLevel: 'silent',
  customTags: (tags: Tags): Tags => tags.filter((tag) => !isTag(tag, 'timestamp')).map(narrowBoolean),
} as const)

function isTag(tag: Tags[number], name: string): boolean {
  return typeof tag !== 'string' && tag.tag === `tag:yaml.org,2002:${name}`
}

function narrowBoolean(tag: Tags[number]): Tags[number] {
  if (typeof tag === 'string' || !isTag(tag, 'bool') || !('test' in tag) || tag.test === undefined) return tag
  const { test } = tag
  // Only scalars have a test: the tag is one.
  const scalarTag = tag as ScalarTag
  // The library calls nothing of the expression but `test`.
  return { ...scalarTag, test: { test: (text: string) => text.length > 1 && test.test(text) } as RegExp }
}

class Positions {
  readonly #text: string
  readonly #document: Document
  readonly #lines: LineCounter

  constructor(text: string, document: Document, lines: LineCounter) {
    this.#text = text
    this.#document = document
    this.#lines = lines
  }

  locate(path: ConfigPath, target: ConfigTarget = 'value'): ConfigPosition | undefined {
    for (let length = path.length; length > 0; length -= 1) {
      const part = path.slice(0, length)
      const node = target === 'key' || length < path.length ? this.#key(part) : this.#value(part)
      if (node?.range) return this.at(this.#offset(node, node.range, target), listKeyOf(part))
    }
    return this.#document.contents?.range ? this.at(this.#document.contents.range[0]) : undefined
  }

  at(offset: number, listKey?: string): ConfigPosition {
    const { line, col: column } = this.#lines.linePos(offset)
    const end = this.#text.indexOf('\n', offset)
    const start = this.#lines.lineStarts[line - 1] ?? 0
    const source = redactLine(this.#text.slice(start, end === -1 ? undefined : end).trimEnd(), listKey)
    return { line, column, source }
  }

  #value(path: ConfigPath): Node | undefined {
    const node: unknown = this.#document.getIn(path, true)
    return isNode(node) ? node : undefined
  }

  /** The key of a map entry; an entry of a list has none and stands for itself. */
  #key(path: ConfigPath): Node | undefined {
    const parent = path.length === 1 ? this.#document.contents : this.#value(path.slice(0, -1))
    if (!isMap(parent)) return this.#value(path)
    const pair = parent.items.find(({ key }) => (isScalar(key) ? String(key.value) : key) === String(path.at(-1)))
    return isNode(pair?.key) ? pair.key : undefined
  }

  #offset(node: Node, range: readonly number[], target: ConfigTarget): number {
    const [start = 0, end = start] = range
    if (typeof target === 'string' || !isScalar(node)) return start
    const found = this.#text.indexOf(target.text, start)
    return found === -1 || found >= end ? start : found
  }
}

function listKeyOf(path: ConfigPath): string | undefined {
  const [key, index] = path.slice(-2)
  return typeof key === 'string' && typeof index === 'number' ? key : undefined
}

function explainYaml(error: YAMLError): { problem: string; fix: string } {
  if (error.code === 'DUPLICATE_KEY') {
    return {
      problem: 'A key stands twice in the same block.',
      fix: 'Remove one of the two: which one counts is not defined.',
    }
  }
  if (error.code === 'TAB_AS_INDENT') return { problem: 'A tab indents this line.', fix: 'Indent with spaces.' }
  return {
    problem: `This is not YAML: ${error.message}.`,
    fix: 'Correct the line; indentation and quotes are the usual causes.',
  }
}
