/** Sample numbers and texts within a schema's bounds, taken from the prompt where something in it fits. */
import type { Evidence } from './_demo-evidence.ts'
import { samplePattern } from './_demo-pattern.ts'
import { pickOne } from './_demo-random.ts'
import type { Random } from './_demo-random.ts'
import { numberAt } from './_demo-schema.ts'
import type { Schema } from './_demo-schema.ts'

/** What samples are made from. */
export interface SampleSource {
  readonly evidence: Evidence
  readonly random: Random
  /** How many samples were refused for being there already; later ones are made more unlike. */
  readonly refused: number
}

/** A demo reply is for looking at: longer texts are cut, even where a schema asks for more. */
const MAX_CHARACTERS = 100_000
const PLAIN_WORDS = Object.freeze(['sample', 'value', 'example', 'demo', 'text'])

/** A number within `minimum`, `maximum`, their exclusive forms and `multipleOf`. */
export function sampleNumber(schema: Schema, isInteger: boolean, source: SampleSource): number {
  const least = numberAt(schema, 'minimum')
  const above = numberAt(schema, 'exclusiveMinimum')
  const most = numberAt(schema, 'maximum')
  const below = numberAt(schema, 'exclusiveMaximum')
  const step = stepOf(numberAt(schema, 'multipleOf'), isInteger)
  const allows = (value: number): boolean =>
    (least === undefined || value >= least) &&
    (above === undefined || value > above) &&
    (most === undefined || value <= most) &&
    (below === undefined || value < below) &&
    (step === undefined || Number.isInteger(value / step))
  const said = source.evidence.numbers.find(allows)
  if (said !== undefined && source.refused === 0) return said
  const { low, high } = comfortable(maximumOf(least, above), minimumOf(most, below))
  const draws = Array.from({ length: 8 }, () => draw({ low, high }, step, source.random))
  const edges =
    step === undefined
      ? [low, high, (low + high) / 2]
      : [Math.ceil(low / step), Math.floor(low / step) + 1, Math.floor(high / step)].map((k) => tidy(k * step))
  return [...draws, ...edges].find(allows) ?? edges[0] ?? 0
}

function stepOf(multiple: number | undefined, isInteger: boolean): number | undefined {
  if (multiple === undefined || multiple <= 0) return isInteger ? 1 : undefined
  return isInteger && Number.isInteger(1 / multiple) ? 1 : multiple
}

function draw({ low, high }: { low: number; high: number }, step: number | undefined, random: Random): number {
  if (step === undefined) return Math.round((low + random() * (high - low)) * 100) / 100
  const first = Math.ceil(low / step)
  return tidy((first + Math.floor(random() * (Math.floor(high / step) - first + 1))) * step)
}

/** Takes away what binary fractions add: 3 × 0.1 is 0.3. */
function tidy(value: number): number {
  return Number(value.toPrecision(15))
}

/** Bounds that leave room for everyday numbers are not used to the full: `1` to `100` says more than `-9e15`. */
function comfortable(least: number | undefined, most: number | undefined): { low: number; high: number } {
  const low = least ?? Math.min(1, (most ?? 100) - 99)
  const high = most ?? Math.max(100, low + 99)
  return low <= 1 && high >= 100 ? { low: 1, high: 100 } : { low, high }
}

function maximumOf(left: number | undefined, right: number | undefined): number | undefined {
  return left === undefined || right === undefined ? (left ?? right) : Math.max(left, right)
}

function minimumOf(left: number | undefined, right: number | undefined): number | undefined {
  return left === undefined || right === undefined ? (left ?? right) : Math.min(left, right)
}

/** A text of the right length, format or pattern. */
export function sampleText(schema: Schema, source: SampleSource): string {
  const { format, pattern } = schema
  if (typeof format === 'string' && format in formats) return formats[format]?.(source) ?? ''
  const least = numberAt(schema, 'minLength') ?? 0
  if (typeof pattern === 'string') return samplePattern(pattern, source.random, least)
  return fit(plainText(source), least, numberAt(schema, 'maxLength') ?? Infinity)
}

function plainText({ evidence, random, refused }: SampleSource): string {
  const said = [...evidence.quotes, ...evidence.names].filter(isPlain)
  if (refused === 0 && said.length > 0) return pickOne(said, random) ?? ''
  const words = evidence.words.filter(isPlain)
  const from = words.length < 3 ? [...words, ...PLAIN_WORDS] : words
  const count = 1 + Math.floor(random() * 3)
  const text = Array.from({ length: count }, () => pickOne(from, random) ?? '').join(' ')
  return refused > 3 ? `${refused} ${text}` : text
}

/** Characters beyond the first plane count once for JSON Schema and twice for JavaScript; samples avoid the question. */
function isPlain(text: string): boolean {
  return text !== '' && !/[\uD800-\uDFFF]/.test(text)
}

function fit(text: string, least: number, most: number): string {
  const wanted = Math.min(least, MAX_CHARACTERS)
  const filled =
    text.length >= wanted ? text : `${text} `.repeat(Math.ceil(wanted / (text.length + 1)) + 1).slice(0, wanted)
  return filled.slice(0, Math.min(most, MAX_CHARACTERS))
}

const hexDigits = ({ random }: SampleSource, length: number): string =>
  Array.from({ length }, () => Math.floor(random() * 16).toString(16)).join('')
const dayOf = ({ random, evidence, refused }: SampleSource): string => {
  const said = refused === 0 ? evidence.dates[0]?.slice(0, 10) : undefined
  const two = (most: number): string => String(1 + Math.floor(random() * most)).padStart(2, '0')
  return said ?? `2026-${two(12)}-${two(28)}`
}
const minuteOf = ({ random }: SampleSource): string =>
  [24, 60, 60].map((most) => String(Math.floor(random() * most)).padStart(2, '0')).join(':')
const hostOf = (source: SampleSource): string => `host-${hexDigits(source, 4)}.example.com`
const uuidOf = (source: SampleSource): string =>
  `${hexDigits(source, 8)}-${hexDigits(source, 4)}-4${hexDigits(source, 3)}-a${hexDigits(source, 3)}-${hexDigits(source, 12)}`

/** The formats of JSON Schema that have a shape of their own. */
const formats: Readonly<Record<string, (source: SampleSource) => string>> = Object.freeze({
  date: dayOf,
  time: (source: SampleSource) => `${minuteOf(source)}Z`,
  'date-time': (source: SampleSource) => `${dayOf(source)}T${minuteOf(source)}Z`,
  duration: ({ random }: SampleSource) => `PT${1 + Math.floor(random() * 59)}M`,
  email: (source: SampleSource) =>
    (source.refused === 0 ? source.evidence.emails[0] : undefined) ?? `demo-${hexDigits(source, 4)}@example.com`,
  uri: (source: SampleSource) =>
    (source.refused === 0 ? source.evidence.urls[0] : undefined) ?? `https://example.com/${hexDigits(source, 6)}`,
  url: (source: SampleSource) => `https://example.com/${hexDigits(source, 6)}`,
  hostname: hostOf,
  uuid: uuidOf,
  ipv4: ({ random }: SampleSource) => `192.0.2.${1 + Math.floor(random() * 254)}`,
  ipv6: (source: SampleSource) => `2001:db8::${hexDigits(source, 3).replace(/^0+/, '')}1`,
})
