/**
 * What Python's `json` module prints, byte for byte: recordings are named by the SHA-256 of such a text, and are
 * stored as one.
 */
import { JsonNumber } from './lossless-json.ts'
import type { LosslessJson } from './lossless-json.ts'

/** The text of `json.dumps(value, sort_keys=True)`. */
export function canonicalJson(value: LosslessJson): string {
  if (value instanceof JsonNumber) return pythonNumber(value)
  if (typeof value === 'string') return pythonString(value)
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(', ')}]`
  if (value instanceof Map) {
    const members = [...value].sort(([a], [b]) => compareCodePoints(a, b))
    return `{${members.map(([key, member]) => `${pythonString(key)}: ${canonicalJson(member)}`).join(', ')}}`
  }
  return String(value)
}

/** The text of `json.dumps(value, indent=2)`: how upstream lays out a recording's file. Number lexemes are kept. */
export function indentedJson(value: LosslessJson, margin = ''): string {
  const inner = `${margin}  `
  if (value instanceof JsonNumber) return value.lexeme
  if (typeof value === 'string') return pythonString(value)
  if (Array.isArray(value)) {
    if (value.length === 0) return '[]'
    return `[\n${value.map((element) => inner + indentedJson(element, inner)).join(',\n')}\n${margin}]`
  }
  if (value instanceof Map) {
    if (value.size === 0) return '{}'
    const members = [...value].map(([key, member]) => `${inner}${pythonString(key)}: ${indentedJson(member, inner)}`)
    return `{\n${members.join(',\n')}\n${margin}}`
  }
  return String(value)
}

/** A string as `ensure_ascii` prints it: everything outside printable ASCII as lower-case `\uXXXX` units. */
export function pythonString(value: string): string {
  return JSON.stringify(value).replace(/[\u007f-\uffff]+/g, escapeUnits)
}

function escapeUnits(units: string): string {
  let escaped = ''
  for (let at = 0; at < units.length; at += 1) {
    escaped += `\\u${units.charCodeAt(at).toString(16).padStart(4, '0')}`
  }
  return escaped
}

/** A float as `repr` prints it: the shortest digits that read back, an exponent below 1e-4 and from 1e16 on. */
export function pythonFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity'
  if (Object.is(value, -0)) return '-0.0'
  const scientific = value.toExponential()
  const mark = scientific.indexOf('e')
  const exponent = Number(scientific.slice(mark + 1))
  if (value === 0 || (exponent >= -4 && exponent < 16)) return Number.isInteger(value) ? `${value}.0` : String(value)
  const digits = String(Math.abs(exponent)).padStart(2, '0')
  return `${scientific.slice(0, mark)}e${exponent < 0 ? '-' : '+'}${digits}`
}

const DECIMALS = 5

/** A float as `'%.5f'` prints it: an exact tie goes to the even digit, where `toFixed` takes the larger one. */
export function fixedToFiveDecimals(value: number): string {
  if (Object.is(value, -0)) return '-0.00000'
  if (!Number.isFinite(value)) return pythonFloat(value).toLowerCase().replace('infinity', 'inf')
  // Beyond 1e21 `toFixed` turns to exponents; a double of that size is an integer.
  if (Math.abs(value) >= 1e21) return `${BigInt(value)}.${'0'.repeat(DECIMALS)}`
  const rounded = value.toFixed(DECIMALS)
  // A tie has exactly six decimals, and no other double comes as close to one as the twentieth decimal.
  const isTie = /50{14}$/.test(value.toFixed(20))
  const isOdd = /[13579]$/.test(rounded)
  return isTie && isOdd ? value.toFixed(DECIMALS + 1).slice(0, -1) : rounded
}

/** `round(value, 5)`. */
export function roundToFiveDecimals(value: number): number {
  return value === 0 || !Number.isFinite(value) ? value : Number(fixedToFiveDecimals(value))
}

/** Orders strings as Python does, by code point. Plain `<` orders by UTF-16 unit: U+E000 after U+1F600. */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  let at = 0
  while (at < length && a.charCodeAt(at) === b.charCodeAt(at)) at += 1
  if (at === length) return a.length - b.length
  // The first difference may lie in the second half of a surrogate pair; two lone halves are equal there.
  const whole = at > 0 && isHighSurrogate(a.charCodeAt(at - 1)) ? codePointDifference(a, b, at - 1) : 0
  return whole === 0 ? codePointDifference(a, b, at) : whole
}

const codePointDifference = (a: string, b: string, at: number): number =>
  (a.codePointAt(at) ?? 0) - (b.codePointAt(at) ?? 0)

const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff

function pythonNumber(number: JsonNumber): string {
  if (number.isFloat) return pythonFloat(Number(number.lexeme))
  // Python's integers have no negative zero.
  return number.lexeme === '-0' ? '0' : number.lexeme
}
