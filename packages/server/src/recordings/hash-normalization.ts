/**
 * What a request's body is reduced to before it is hashed, so that two runs of one test meet in one recording
 * although their scores, document ids and last decimals differ. HEAD's rules; the seed generation hashes bodies as
 * they are.
 */
import { JsonNumber } from './lossless-json.ts'
import type { LosslessJson, LosslessObject } from './lossless-json.ts'
import { fixedToFiveDecimals, pythonFloat, roundToFiveDecimals } from './python-json.ts'

export interface NormalizationOptions {
  /** Bedrock's `stream_options` differ from run to run. Default: kept. */
  readonly dropStreamOptions?: boolean
}

/** Normalises a body. Numbers and strings anywhere, credentials' project ids at the top. */
export function normalizeForHash(body: LosslessObject, options: NormalizationOptions = {}): LosslessObject {
  const normalized = normalizeRoot(body)
  if (options.dropStreamOptions === true) normalized.delete('stream_options')
  return normalized
}

/** Upstream takes an object within an array for a root too, and its hashes depend on it. */
function normalizeRoot(root: LosslessObject): LosslessObject {
  const normalized = normalizeMembers(root)
  for (const key of ['extra_body', 'extra_query']) {
    const extra = normalized.get(key)
    if (extra instanceof Map) extra.delete('project_id')
  }
  return normalized
}

function normalizeMembers(members: LosslessObject): LosslessObject {
  return new Map([...members].map(([key, member]) => [key, normalizeValue(member)]))
}

function normalizeValue(value: LosslessJson): LosslessJson {
  if (typeof value === 'string') return normalizeText(value)
  if (value instanceof Map) return normalizeMembers(value)
  if (Array.isArray(value)) {
    return value.map((element) => (element instanceof Map ? normalizeRoot(element) : normalizeValue(element)))
  }
  if (value instanceof JsonNumber && value.isFloat) {
    return new JsonNumber(pythonFloat(roundToFiveDecimals(Number(value.lexeme))))
  }
  return value
}

// Python's `\s` and `\d` for text: `\s` has the separators 1c to 1f and 85 that JavaScript's lacks, and lacks U+FEFF.
const SPACE = String.raw`[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]`
const DIGIT = String.raw`\p{Nd}`
const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
const pattern = (source: string): RegExp => new RegExp(source, 'gu')

const SCORE = pattern(String.raw`score:${SPACE}*[-+]?${DIGIT}*\.?${DIGIT}+(?:[eE][-+]?${DIGIT}+)?`)
// The look-behinds change no match; they spare trying every character of a long run as a start.
const ATTRIBUTES = pattern(String.raw`(?:,|(?<!${SPACE}))${SPACE}*attributes:${SPACE}*\{[^}]*\}`)
const DOCUMENT_ID = pattern(`document_id:${SPACE}*${UUID}`)
const CITATION = pattern(String.raw`<\|${UUID}\|>`)
const LONG_DECIMAL = pattern(String.raw`-?(?<!${DIGIT})${DIGIT}+\.${DIGIT}{4,}`)

/** The substitutions of upstream, in its order: the rounding sees what the others left. */
function normalizeText(text: string): string {
  let result = text
  if (result.includes('score:')) result = result.replace(SCORE, 'score: __NORMALIZED__')
  if (result.includes('attributes:')) result = removeAttributes(result)
  if (result.includes('document_id:')) result = result.replace(DOCUMENT_ID, 'document_id: __NORMALIZED__')
  if (result.includes('<|')) result = result.replace(CITATION, '<|__NORMALIZED__|>')
  if (result.includes('.')) result = result.replace(LONG_DECIMAL, (found) => fixedToFiveDecimals(toNumber(found)))
  return result
}

/** Behind the last brace nothing can match, and trying there would be quadratic. */
function removeAttributes(text: string): string {
  const end = text.lastIndexOf('}') + 1
  return text.slice(0, end).replace(ATTRIBUTES, '') + text.slice(end)
}

/** Python's `float()` reads the decimal digits of every script. */
function toNumber(decimal: string): number {
  return Number(decimal.replace(/(?![0-9])\p{Nd}/gu, (digit) => String(decimalDigitValue(digit))))
}

/** Unicode lays out each script's digits as a run of ten, zero first. */
function decimalDigitValue(digit: string): number {
  const code = digit.codePointAt(0) ?? 0
  let zero = code
  while (/\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero -= 1
  return (code - zero) % 10
}
