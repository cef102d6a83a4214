/** Fills the arguments of a tool call from what a prompt says literally. */
import type { Json, JsonObject } from '@llama-stack/api'
import { mentions } from './_demo-evidence.ts'
import type { Evidence } from './_demo-evidence.ts'
import { sampleSchema } from './_demo-sample.ts'
import {
  branchesOf,
  numberAt,
  propertiesOf,
  requiredOf,
  resolveSchema,
  toList,
  typesOf,
  withBranch,
} from './_demo-schema.ts'
import type { Schema } from './_demo-schema.ts'
import { toStem, toTerms } from './_lexical-terms.ts'

const MAX_DEPTH = 6
/** Parameters that want the whole question. */
const WANTS_PROMPT =
  /^(?:query|question|q|text|prompt|input|search|search_query|message|content|body|request|task|instructions?)$/i
const WANTS_CALCULATION = /expr|formula|equation|calculation/i

/** Returns arguments for the parameters of a tool. What is required is always there; what is optional only when said. */
export function fillArguments(parameters: unknown, evidence: Evidence): JsonObject {
  return new ArgumentFiller(parameters, evidence).fill(resolveSchema(parameters, parameters), 0)
}

/** The name of the only required text parameter, or undefined: with several values, the tool is called for each. */
export function findOnlyText(parameters: unknown): string | undefined {
  const schema = resolveSchema(parameters, parameters)
  const [only, ...more] = requiredOf(schema)
  if (only === undefined || more.length > 0) return undefined
  const property = resolveSchema(new Map(propertiesOf(schema)).get(only), parameters)
  const isPlain = typesOf(property)[0] === 'string' && !('enum' in property) && !('const' in property)
  return isPlain && !WANTS_PROMPT.test(only) ? only : undefined
}

class ArgumentFiller {
  readonly #root: unknown
  readonly #evidence: Evidence
  /** What is left to be used: one value serves one parameter. */
  readonly #quotes: string[]
  readonly #names: string[]
  readonly #phrases: string[]
  readonly #numbers: number[]

  constructor(root: unknown, evidence: Evidence) {
    this.#root = root
    this.#evidence = evidence
    this.#quotes = [...evidence.quotes]
    this.#names = [...evidence.names]
    this.#phrases = [...evidence.phrases]
    this.#numbers = [...evidence.numbers]
  }

  fill(schema: Schema, depth: number): JsonObject {
    const properties = propertiesOf(schema)
    const required = requiredOf(schema)
    // A tool that requires nothing is still called for something: its first parameter.
    const wanted = new Set(required.length === 0 ? properties.slice(0, 1).map(([name]) => name) : required)
    const filled: [string, Json][] = []
    for (const [name, property] of properties) {
      const value = this.#value(name, property, { needed: wanted.has(name), depth })
      if (value !== undefined) filled.push([name, value])
    }
    for (const name of required) {
      if (!filled.some(([known]) => known === name)) filled.push([name, null])
    }
    return Object.fromEntries(filled)
  }

  #value(name: string, property: unknown, { needed, depth }: { needed: boolean; depth: number }): Json | undefined {
    let schema = resolveSchema(property, this.#root)
    const branches = branchesOf(schema)
    let nullable = typesOf(schema).includes('null')
    if (branches !== undefined) {
      const full = branches.filter((branch) => typesOf(resolveSchema(branch, this.#root))[0] !== 'null')
      nullable ||= full.length < branches.length
      schema = withBranch(schema, full[0] ?? branches[0], this.#root)
    }
    const said = this.#said(name, schema, { needed: needed && !nullable, depth })
    if (said !== undefined) return said
    if (!needed) return undefined
    if (nullable) return null
    if (isJson(schema['default'])) return schema['default']
    return sampleSchema({ ...schema, ...definitionsOf(this.#root) }, this.#evidence.text)
  }

  /** What the prompt says for a parameter; undefined when it says nothing that fits. */
  #said(name: string, schema: Schema, { needed, depth }: { needed: boolean; depth: number }): Json | undefined {
    if (Object.hasOwn(schema, 'const')) return needed && isJson(schema['const']) ? schema['const'] : undefined
    if (Array.isArray(schema['enum'])) return this.#member(schema['enum'], needed)
    const type = typesOf(schema).find((candidate) => candidate !== 'null') ?? 'string'
    switch (type) {
      case 'object':
        return needed && depth < MAX_DEPTH ? this.fill(schema, depth + 1) : undefined
      case 'array':
        return this.#list(schema, { needed, depth })
      case 'integer':
      case 'number':
        return this.#number(name, schema, { needed, isInteger: type === 'integer' })
      case 'boolean':
        return this.#flag(name)
      default:
        return this.#text(name, schema, needed)
    }
  }

  #member(values: readonly unknown[], needed: boolean): Json | undefined {
    const texts = values.filter((value) => typeof value === 'string')
    const said = texts.find((value) => mentions(this.#evidence, value))
    if (said !== undefined) return said
    const first = values.find((value) => value !== null)
    return needed && isJson(first) ? first : undefined
  }

  #list(schema: Schema, { needed, depth }: { needed: boolean; depth: number }): Json | undefined {
    if (!needed) return undefined
    const items = resolveSchema(schema['items'], this.#root)
    const [type] = typesOf(items)
    const most = numberAt(schema, 'maxItems') ?? Infinity
    if (Array.isArray(items['enum'])) {
      const said = toList(items['enum']).filter((value) => typeof value === 'string' && mentions(this.#evidence, value))
      return said.length === 0 ? undefined : (said.slice(0, most) as Json[])
    }
    if (type === 'integer' || type === 'number') {
      const numbers = this.#numbers.splice(0).filter((value) => type === 'number' || Number.isInteger(value))
      return numbers.length === 0 ? undefined : numbers.slice(0, most)
    }
    if (type === 'object') return depth < MAX_DEPTH ? [this.fill(items, depth + 1)] : undefined
    const texts = this.#quotes.length > 0 ? this.#quotes.splice(0) : this.#names.splice(0)
    return texts.length === 0 ? undefined : texts.slice(0, most)
  }

  /** A number beside the parameter's name (`limit 5`, `5 days`); where it is required, the next one. */
  #number(
    name: string,
    schema: Schema,
    { needed, isInteger }: { needed: boolean; isInteger: boolean },
  ): number | undefined {
    const low = numberAt(schema, 'minimum') ?? -Infinity
    const high = numberAt(schema, 'maximum') ?? Infinity
    const fits = (value: number): boolean => value >= low && value <= high && (!isInteger || Number.isInteger(value))
    const named = this.#numbers.findIndex((value) => fits(value) && this.#standsBeside(value, name))
    const at = named === -1 && needed ? this.#numbers.findIndex(fits) : named
    return at === -1 ? undefined : this.#numbers.splice(at, 1)[0]
  }

  #standsBeside(value: number, name: string): boolean {
    const said = toTerms(this.#evidence.text).map(({ stem }) => stem)
    const names = nameStems(name)
    return said.some(
      (word, index) => Number(word) === value && [-2, -1, 1].some((step) => names.has(said[index + step] ?? '')),
    )
  }

  /** A flag is set by naming it, and cleared by naming it after `no`, `not` or `without`. */
  #flag(name: string): boolean | undefined {
    const said = toTerms(this.#evidence.text)
    const names = nameStems(name)
    const at = said.findIndex(({ stem, stop }) => !stop && names.has(stem))
    if (at === -1) return undefined
    return !['no', 'not', 'without', 'never'].includes(said[at - 1]?.word ?? '')
  }

  #text(name: string, schema: Schema, needed: boolean): string | undefined {
    const shaped = this.#shaped(name, schema)
    // Words that were not meant for it hardly have the shape that is asked for; a sample has.
    const isFree = schema['format'] === undefined && schema['pattern'] === undefined
    const text = shaped ?? this.#labelled(name) ?? (needed && isFree ? this.#nextText(name) : undefined)
    if (text === undefined || text.length < (numberAt(schema, 'minLength') ?? 0)) return undefined
    return text.slice(0, numberAt(schema, 'maxLength') ?? text.length)
  }

  #shaped(name: string, { format }: Schema): string | undefined {
    const { dates, emails, urls, calculation } = this.#evidence
    if (format === 'date' || /(?:^|_)date$/i.test(name)) return dates[0]?.slice(0, 10)
    if (format === 'date-time') return dates.find((date) => date.includes('T'))
    if (format === 'email' || /e?mail/i.test(name)) return emails[0]
    if (format === 'uri' || /(?:^|_)ur[il]$/i.test(name)) return urls[0]
    return WANTS_CALCULATION.test(name) ? calculation : undefined
  }

  /** `city: Tokyo`, `city = "New York"`, `city is Tokyo`. */
  #labelled(name: string): string | undefined {
    const label = name
      .replaceAll(/[^\p{L}\p{N}]+/gu, ' ')
      .trim()
      .split(' ')
      .join('[ _-]')
    if (label === '') return undefined
    const found = new RegExp(
      `\\b${label}\\s*(?:[:=]|\\bis\\b|\\bnamed\\b)\\s*(?:"([^"\\n]+)"|'([^'\\n]+)'|([^\\s,;.!?]+))`,
      'iu',
    ).exec(this.#evidence.text)
    return found === null ? undefined : (found[1] ?? found[2] ?? found[3])
  }

  #nextText(name: string): string {
    const quote = this.#quotes.shift()
    if (quote !== undefined) return quote
    const prompt = this.#evidence.text.trim()
    if (WANTS_PROMPT.test(name)) return prompt
    return this.#names.shift() ?? this.#phrases.shift() ?? prompt
  }
}

function nameStems(name: string): Set<string> {
  const spaced = name.replaceAll(/(\p{Ll})(\p{Lu})/gu, '$1 $2').replaceAll('_', ' ')
  return new Set(toTerms(spaced).map(({ word }) => toStem(word)))
}

/** Where references of a nested schema lead, once that schema is sampled on its own. */
function definitionsOf(root: unknown): Schema {
  const { $defs, definitions } = resolveSchema(root, root)
  return { ...($defs === undefined ? {} : { $defs }), ...(definitions === undefined ? {} : { definitions }) }
}

/** What comes out of parsed JSON is JSON or absent. */
function isJson(value: unknown): value is Json {
  return value !== undefined
}
