/** The names of Vertex AI's models, and which of them are served how. */
import { StackError } from '@llama-stack/api'
import type { JsonObject, ModelType, ProviderModel } from '@llama-stack/api'
import { deepFreeze } from './_dialect.ts'
import { findEntry } from './_json-shape.ts'

/** A model as calls address it. */
export type VertexModel =
  /** Google's own, by the native API. `path` follows the location. */
  | { readonly kind: 'google'; readonly name: string; readonly path: string }
  /** Of another publisher, by the OpenAI-compatible endpoint, which knows it as `publisher/model`. */
  | { readonly kind: 'partner'; readonly name: string }

/**
 * Reads a name in any of its spellings: `gemini-2.5-flash`, `google/…`, `models/…`, `publishers/google/models/…`, and
 * `endpoints/…` for a model that was tuned in the project. Throws `model_not_found` for what can be no model's name.
 */
export function parseVertexModel(model: string): VertexModel {
  const short = model.replace(/^publishers\/([^/]+)\/models\//, '$1/')
  const [name = '', publisher = 'google', ...rest] = short.split('/').toReversed()
  // The name becomes part of a path.
  if (rest.length > 0 || !/^\w[\w.@:-]*$/.test(name) || !/^\w[\w-]*$/.test(publisher)) {
    throw new StackError('model_not_found', { model })
  }
  if (publisher === 'endpoints') return { kind: 'google', name, path: `endpoints/${name}` }
  const isOwn = publisher === 'google' || publisher === 'models'
  // Open models of Google's own are served as those of others are.
  if (!isOwn || (publisher === 'google' && name.endsWith('-maas')))
    return { kind: 'partner', name: `${publisher}/${name}` }
  return { kind: 'google', name, path: `publishers/google/models/${name}` }
}

/** Whether two spellings name one model. */
export function isSameModel(a: string, b: string): boolean {
  return a === b || (isName(a) && isName(b) && toKey(a) === toKey(b))
}

function toKey(model: string): string {
  const parsed = parseVertexModel(model)
  return parsed.kind === 'google' ? parsed.path : parsed.name
}

function isName(model: string): boolean {
  try {
    parseVertexModel(model)
    return true
  } catch {
    return false
  }
}

/** What an embedding model asks of its callers. */
export interface EmbeddingModelFacts {
  readonly dimension: number
  /** In tokens; longer texts are cut by the vendor. */
  readonly contextLength: number
  /** How many texts a request may have. */
  readonly maxInputs: number
  readonly method: 'predict' | 'embedContent'
}

const text = { dimension: 768, contextLength: 2048, maxInputs: 250, method: 'predict' } as const

/** https://cloud.google.com/vertex-ai/generative-ai/docs/embeddings/get-text-embeddings */
const embeddingModels: Readonly<Record<string, EmbeddingModelFacts>> = deepFreeze({
  'text-embedding-004': text,
  'text-embedding-005': text,
  'text-multilingual-embedding-002': text,
  'gemini-embedding-001': { dimension: 3072, contextLength: 2048, maxInputs: 1, method: 'predict' },
  'gemini-embedding-2': { dimension: 3072, contextLength: 8192, maxInputs: 1, method: 'embedContent' },
})

/** The facts of an embedding model; one that is not known yet is asked for one text at a time. */
export function toEmbeddingFacts(name: string): Omit<EmbeddingModelFacts, 'dimension' | 'contextLength'> {
  const method = name.startsWith('gemini-embedding-') ? 'embedContent' : 'predict'
  return findEntry(embeddingModels, name) ?? { maxInputs: 1, method }
}

const GEMINI_CONTEXT_LENGTH = 1_048_576

/** Served where the list cannot be asked for: it needs a permission that calling a model does not. */
const knownChatModels: readonly string[] = Object.freeze([
  'gemini-3.1-pro-preview',
  'gemini-3-flash-preview',
  'gemini-2.5-pro',
  'gemini-2.5-flash',
  'gemini-2.5-flash-lite',
  'gemini-2.0-flash-001',
  'gemini-2.0-flash-lite-001',
])

/** The models that are known without asking. */
export function knownModels(): readonly ProviderModel[] {
  return [...knownChatModels, ...Object.keys(embeddingModels)].flatMap((name) => toListedModel(name) ?? [])
}

/** Names of models that speak and listen in real time, which none of our operations can. */
const REAL_TIME = /-(tts|live|native-audio|transcribe)(-|$)/

/** A model of the publisher's list as we list it, or undefined where none of our operations can call it. */
export function toListedModel(name: string): ProviderModel | undefined {
  const type = findType(name)
  return type === undefined ? undefined : { id: `publishers/google/models/${name}`, type, metadata: toMetadata(name) }
}

function findType(name: string): ModelType | undefined {
  if (/^(text|gemini|text-multilingual)-embedding-/.test(name)) return 'embedding'
  return name.startsWith('gemini-') && !REAL_TIME.test(name) ? 'llm' : undefined
}

function toMetadata(name: string): JsonObject {
  const facts = findEntry(embeddingModels, name)
  if (facts !== undefined) return { embedding_dimension: facts.dimension, context_length: facts.contextLength }
  return knownChatModels.includes(name) ? { context_length: GEMINI_CONTEXT_LENGTH } : {}
}
