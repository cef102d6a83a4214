/** Facts of a model, read from the row of a vendor's list by a map of where the vendor puts them. */
import type { Json, ModelFacts, ModelPrice, ModelType } from '@llama-stack/api'
import { Modality } from '@llama-stack/api'
import { findAt } from './_json-shape.ts'

/** Yes or no: a path to a boolean; or a path to a text that is this one, or to a list that has it. */
export type ToldFlag = string | { readonly at: string; readonly has: string }

/** Where a vendor's list tells what. Paths are dotted; what a row leaves out, or tells in another form, is not known. */
export interface ToldFacts {
  /** Beside the names that are usual. */
  readonly contextLength?: string
  readonly maxOutputTokens?: string
  /** A list of names; or, for each that a model may read beside text, whether it does. */
  readonly inputs?: string | Readonly<Partial<Record<Modality, ToldFlag>>>
  readonly outputs?: string
  readonly tools?: ToldFlag
  readonly structuredOutput?: ToldFlag
  readonly reasoning?: ToldFlag
  readonly price?: ToldPrice
}

/** Where the prices are, and what they are for. */
export interface ToldPrice {
  readonly per: keyof typeof factors
  readonly input: string
  readonly cachedInput?: string
  readonly output: string
  readonly reasoning?: string
  /** Whether 0 means that there is no price to be told. Default: it is free. */
  readonly zeroIsUnknown?: boolean
}

/** From a vendor's number to millionths of a dollar for a million tokens. */
const factors = Object.freeze({ token: 1e12, million: 1e6, 'millionth of a million': 1 })

/** What vendors call the modalities that we call otherwise. */
const modalityNames: Readonly<Record<string, Modality>> = Object.freeze({
  file: 'pdf',
  document: 'pdf',
  vision: 'image',
  speech: 'audio',
})

/** Reads the facts as metadata. */
export function readToldFacts(row: unknown, told: ToldFacts, type: ModelType): Readonly<Record<string, Json>> {
  const ofChats = {
    input_modalities: readInputs(row, told.inputs),
    output_modalities: told.outputs === undefined ? undefined : readModalities(findAt(row, told.outputs)),
    max_output_tokens: readCount(row, told.maxOutputTokens),
    tools: readFlag(row, told.tools),
    structured_output: readFlag(row, told.structuredOutput),
    reasoning: readFlag(row, told.reasoning),
  }
  const facts: ModelFacts = {
    context_length: readCount(row, told.contextLength),
    price: told.price === undefined ? undefined : readPrice(row, told.price),
    ...(type === 'llm' && ofChats),
  }
  // What is left after the unknown is taken out is JSON.
  return Object.fromEntries(Object.entries(facts).filter(([, fact]) => fact !== undefined)) as Record<string, Json>
}

function readCount(row: unknown, path: string | undefined): number | undefined {
  const count = path === undefined ? undefined : findAt(row, path)
  return typeof count === 'number' && Number.isInteger(count) && count > 0 ? count : undefined
}

function readFlag(row: unknown, flag: ToldFlag | undefined): boolean | undefined {
  if (flag === undefined) return undefined
  const found = findAt(row, typeof flag === 'string' ? flag : flag.at)
  if (typeof flag === 'string') return typeof found === 'boolean' ? found : undefined
  if (Array.isArray(found)) return found.includes(flag.has)
  return typeof found === 'string' ? found === flag.has : undefined
}

function readInputs(row: unknown, told: ToldFacts['inputs']): Modality[] | undefined {
  if (told === undefined) return undefined
  if (typeof told === 'string') return readModalities(findAt(row, told))
  const flags = Object.entries(told).map(([name, flag]) => [name, readFlag(row, flag)] as const)
  if (flags.every(([, isRead]) => isRead === undefined)) return undefined
  return readModalities(['text', ...flags.flatMap(([name, isRead]) => (isRead === true ? [name] : []))])
}

/** Names that we do not know are left out; a list of nothing else tells nothing. */
export function readModalities(names: unknown): Modality[] | undefined {
  if (!Array.isArray(names)) return undefined
  const known = names.flatMap((name: unknown) => {
    const written = String(name).toLowerCase()
    const parsed = Modality.safeParse(Object.hasOwn(modalityNames, written) ? modalityNames[written] : written)
    return parsed.success ? [parsed.data] : []
  })
  return known.length === 0 ? undefined : [...new Set(known)]
}

function readPrice(row: unknown, { per, zeroIsUnknown = false, ...paths }: ToldPrice): ModelPrice | undefined {
  const read = (path: string | undefined): number | undefined => {
    const found = path === undefined ? undefined : findAt(row, path)
    const price = typeof found === 'number' || (typeof found === 'string' && found !== '') ? Number(found) : Number.NaN
    if (!Number.isFinite(price) || price < 0 || (zeroIsUnknown && price === 0)) return undefined
    return Math.round(price * factors[per])
  }
  const input = read(paths.input)
  const output = read(paths.output)
  if (input === undefined || output === undefined) return undefined
  // A class that is free while its kind is not has no price of its own: some vendors write 0 for that.
  const orNone = (price: number | undefined, kind: number): number | undefined =>
    price === 0 && kind > 0 ? undefined : price
  const cached = orNone(read(paths.cachedInput), input)
  const reasoning = orNone(read(paths.reasoning), output)
  return {
    currency: 'USD',
    input,
    ...(cached !== undefined && { cached_input: cached }),
    output,
    ...(reasoning !== undefined && { reasoning }),
  }
}
