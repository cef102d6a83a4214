/**
 * JSON that keeps what `JSON.parse` loses: how each number was written, and the order of every key.
 *
 * A recording's hash tells 1 from 1.0, and a replayed body must be the recorded one, `1e-05` included.
 */
import type { Json, JsonObject } from '@llama-stack/api'

/** A number as it was written. */
export class JsonNumber {
  readonly lexeme: string

  constructor(lexeme: string) {
    this.lexeme = lexeme
  }

  /** Whether Python reads it as a float. */
  get isFloat(): boolean {
    return /[.eE]/.test(this.lexeme)
  }
}

/** An object with its keys in the order of the text, also those that look like integers. */
export type LosslessObject = Map<string, LosslessJson>

/** A JSON value with its number lexemes. */
export type LosslessJson = null | boolean | string | JsonNumber | LosslessJson[] | LosslessObject

/** Parses a JSON text. Throws the `SyntaxError` of `JSON.parse`. */
export function parseLossless(text: string): LosslessJson {
  // The platform's parser judges the text, so that the scanner below may trust it.
  JSON.parse(text)
  return readValue({ text, at: 0 })
}

/** Converts a plain value; a number is written as `JSON.stringify` writes it, an undefined member is left out. */
export function toLossless(value: Json): LosslessJson {
  if (typeof value === 'number') return new JsonNumber(JSON.stringify(value))
  if (value === null || typeof value !== 'object') return value
  return isArray(value) ? value.map(toLossless) : toLosslessObject(value)
}

/** Converts a plain object. */
export function toLosslessObject(object: JsonObject): LosslessObject {
  const converted: LosslessObject = new Map()
  for (const [key, member] of Object.entries(object)) if (member !== undefined) converted.set(key, toLossless(member))
  return converted
}

/** Writes compact JSON: the same keys in the same order, the same number lexemes. */
export function renderLossless(value: LosslessJson): string {
  if (value instanceof JsonNumber) return value.lexeme
  if (value instanceof Map) {
    return `{${[...value].map(([key, member]) => `${JSON.stringify(key)}:${renderLossless(member)}`).join(',')}}`
  }
  return Array.isArray(value) ? `[${value.map(renderLossless).join(',')}]` : JSON.stringify(value)
}

/** An object of these members, in the order in which they are written. */
export function objectOf(members: Readonly<Record<string, LosslessJson>>): LosslessObject {
  return new Map(Object.entries(members))
}

/** The value as an object, or undefined. */
export function asObject(value: LosslessJson | undefined): LosslessObject | undefined {
  return value instanceof Map ? value : undefined
}

/** The value as a string, or undefined. */
export function asString(value: LosslessJson | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}

const isArray = (value: Json): value is readonly Json[] => Array.isArray(value)

interface Scanner {
  readonly text: string
  at: number
}

const QUOTE = 0x22
const BACKSLASH = 0x5c

function readValue(scanner: Scanner): LosslessJson {
  skipSpace(scanner)
  switch (scanner.text.charAt(scanner.at)) {
    case '{':
      return readObject(scanner)
    case '[':
      return readArray(scanner)
    case '"':
      return readString(scanner)
    case 't':
      scanner.at += 4
      return true
    case 'f':
      scanner.at += 5
      return false
    case 'n':
      scanner.at += 4
      return null
    default:
      return readNumber(scanner)
  }
}

function readObject(scanner: Scanner): LosslessObject {
  const members: LosslessObject = new Map()
  scanner.at += 1
  while (!endsWith(scanner, '}')) {
    skipSpace(scanner)
    const key = readString(scanner)
    skipSpace(scanner)
    scanner.at += 1
    members.set(key, readValue(scanner))
  }
  return members
}

function readArray(scanner: Scanner): LosslessJson[] {
  const elements: LosslessJson[] = []
  scanner.at += 1
  while (!endsWith(scanner, ']')) elements.push(readValue(scanner))
  return elements
}

/** Steps over the closing bracket, or over a comma before the next member. */
function endsWith(scanner: Scanner, bracket: string): boolean {
  skipSpace(scanner)
  const found = scanner.text[scanner.at]
  if (found === bracket || found === ',') scanner.at += 1
  return found === bracket
}

function readString(scanner: Scanner): string {
  const { text } = scanner
  const start = scanner.at
  let end = start + 1
  let escaped = false
  for (;;) {
    const code = text.charCodeAt(end)
    if (code === QUOTE) break
    if (code === BACKSLASH) {
      escaped = true
      end += 1
    }
    end += 1
  }
  scanner.at = end + 1
  if (!escaped) return text.slice(start + 1, end)
  // A JSON string literal parses to a string.
  return JSON.parse(text.slice(start, end + 1)) as string
}

function readNumber(scanner: Scanner): JsonNumber {
  const start = scanner.at
  while (/[-+.\deE]/.test(scanner.text[scanner.at] ?? ' ')) scanner.at += 1
  return new JsonNumber(scanner.text.slice(start, scanner.at))
}

function skipSpace(scanner: Scanner): void {
  while (scanner.text.charCodeAt(scanner.at) <= 0x20) scanner.at += 1
}
