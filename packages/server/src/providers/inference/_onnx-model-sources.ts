/** Where the ONNX files of models are published, and what their cards say that their files do not. */

/** Models whose ONNX files somebody else published; all other files are their own. */
const CONVERSIONS: Readonly<Record<string, string>> = Object.freeze({
  'Qwen/Qwen3-Embedding-0.6B': 'onnx-community/Qwen3-Embedding-0.6B-ONNX',
  'Qwen/Qwen3-Reranker-0.6B': 'onnx-community/Qwen3-Reranker-0.6B-ONNX',
})

/** Models trained so that the first numbers of a vector are a vector (arXiv 2205.13147), by their cards. */
const MATRYOSHKA: ReadonlySet<string> = new Set([
  'nomic-ai/nomic-embed-text-v1.5',
  'nomic-ai/nomic-embed-text-v2-moe',
  'mixedbread-ai/mxbai-embed-large-v1',
  'Qwen/Qwen3-Embedding-0.6B',
  'google/embeddinggemma-300m',
  'Snowflake/snowflake-arctic-embed-m-v1.5',
  'Snowflake/snowflake-arctic-embed-m-v2.0',
  'Snowflake/snowflake-arctic-embed-l-v2.0',
])

/** The prompts of models whose files may name none, by their cards. */
const CARD_PROMPTS: readonly (readonly [model: RegExp, prompts: Readonly<Record<string, string>>])[] = Object.freeze([
  [/^nomic-ai\/nomic-embed-text-v/, Object.freeze({ query: 'search_query: ', document: 'search_document: ' })],
  [
    /^intfloat\/(?:multilingual-)?e5-(?:small|base|large)(?:-v2)?$/,
    Object.freeze({ query: 'query: ', document: 'passage: ' }),
  ],
  [
    /^BAAI\/bge-(?:small|base|large)-en-v1\.5$/,
    Object.freeze({ query: 'Represent this sentence for searching relevant passages: ', document: '' }),
  ],
])

/** The organisation of models that are named without one. */
const DEFAULT_ORGANISATION = 'sentence-transformers'

/** One or two names; neither can lead out of a folder. */
const MODEL_ID = /^(?:\w[\w.-]*\/)?\w[\w.-]*$/

/** The id on the hub: `all-MiniLM-L6-v2` is short for `sentence-transformers/all-MiniLM-L6-v2`. Undefined for no id. */
export function findHubId(model: string): string | undefined {
  if (!MODEL_ID.test(model)) return undefined
  return model.includes('/') ? model : `${DEFAULT_ORGANISATION}/${model}`
}

/** Whether a model's vectors may be cut shorter. */
export function isMatryoshka(model: string): boolean {
  return MATRYOSHKA.has(findHubId(model) ?? model)
}

/** The prompts that a model's card has, by name; none where it has none. */
export function toCardPrompts(hubId: string): Readonly<Record<string, string>> {
  return CARD_PROMPTS.find(([pattern]) => pattern.test(hubId))?.[1] ?? {}
}

/** The repositories that hold a model's files, the one with the graph last. */
export function toRepositories(hubId: string): readonly string[] {
  const conversion = CONVERSIONS[hubId]
  return conversion === undefined ? [hubId] : [hubId, conversion]
}
