/** From a row of a vendor's list to a model. */
import type { Json, ModelType, ProviderModel } from '@llama-stack/api'
import type { Dialect, Listing } from './_dialect.ts'
import { findAt, findEntry } from './_json-shape.ts'
import type { ProtocolContext } from './_protocol-context.ts'
import { readToldFacts } from './_told-facts.ts'

/** Where vendors put the length of a model's context, over all of them. */
const CONTEXT_FIELDS: readonly string[] = [
  'context_length',
  'context_window',
  'max_context_length',
  'max_model_len',
  'custom_metadata.context_length',
  'details.context_length',
]
/** Another stack tells the dimension of its embedding models, and so does Ollama; of a chat model it means another thing. */
const DIMENSION_FIELDS: readonly string[] = ['custom_metadata.embedding_dimension', 'details.embedding_length']

/** A row and the id that was found in it. */
export interface ListedRow {
  readonly id: string
  readonly row: unknown
}

/** Undefined for a model that none of our operations can call. */
export function toListedModel(
  { dialect, live }: ProtocolContext,
  listing: Listing | undefined,
  { id, row }: ListedRow,
): ProviderModel | undefined {
  const metadata: Record<string, Json> = {}
  for (const [name, field] of Object.entries(listing?.facts ?? {})) {
    const fact = findAt(row, field)
    // Rows are parsed JSON.
    if (fact !== undefined && fact !== null && fact !== '') metadata[name] = fact as Json
  }
  const contextLength = findNumber(row, CONTEXT_FIELDS)
  if (contextLength !== undefined) metadata['context_length'] = contextLength
  const tag = dialect.defaultTag
  // Recorded bodies have names as they were written: there nothing may stand for another.
  const names = live && tag !== undefined && id.endsWith(tag) ? { names: [id.slice(0, -tag.length)] } : {}
  const { embeddingModels } = dialect
  const known = findEntry(embeddingModels, id) ?? findEntry(embeddingModels, id.replace(/:[^:/]*$/, ''))
  const type = known === undefined ? toldType({ dialect, listing }, id, row) : 'embedding'
  if (type === null) return undefined
  if (type === 'embedding') {
    const dimension = known?.dimension ?? findNumber(row, DIMENSION_FIELDS)
    if (dimension !== undefined) metadata['embedding_dimension'] = dimension
    if (known !== undefined) metadata['context_length'] = known.contextLength
  }
  if (live && listing?.tells !== undefined) Object.assign(metadata, readToldFacts(row, listing.tells, type))
  return { id, type, metadata, ...names }
}

function findNumber(row: unknown, fields: readonly string[]): number | undefined {
  return fields.map((field) => findAt(row, field)).find((value) => typeof value === 'number')
}

function toldType(
  { dialect, listing }: { readonly dialect: Dialect; readonly listing: Listing | undefined },
  id: string,
  row: unknown,
): ModelType | null {
  for (const { field, values, others } of listing?.types ?? []) {
    const told = findAt(row, field)
    // A recorded list has OpenAI's rows, which say nothing of the kind.
    if (told === undefined && findAt(row, 'object') === 'model') continue
    const types = (Array.isArray(told) ? told : [told]).map((value) => findEntry(values, String(value)))
    const known = types.find((type) => type !== undefined)
    const type = known === undefined ? others : known
    if (type !== undefined) return type
  }
  const named = Object.entries(dialect.nameTypes).find(([part]) => id.toLowerCase().includes(part))
  return named?.[1] ?? 'llm'
}
