/** The local models whose place lexical scoring takes as long as nothing on this machine can run their weights. */
import type { ProviderModel } from '@llama-stack/api'
import { stackHeaders } from '../../kernel/stack-headers.ts'

/** Says on a reply that no model computed it. */
export const substituteHeaders = Object.freeze({ [stackHeaders.substitute]: 'lexical' })

/** What vendors publish of an embedding model; a stand-in has to give vectors of the same length. */
interface EmbeddingFacts {
  readonly id: string
  readonly dimension: number
  readonly contextLength: number
  /** Whether it is listed without being asked for. Default: false. */
  readonly listed?: boolean
}

const model = (id: string, dimension: number, contextLength: number): EmbeddingFacts =>
  Object.freeze({ id, dimension, contextLength })
const listedModel = (id: string, dimension: number, contextLength: number): EmbeddingFacts =>
  Object.freeze({ id, dimension, contextLength, listed: true })

/** Dimension and context length as the model cards have them. */
export const embeddingSubstitutes: readonly EmbeddingFacts[] = Object.freeze([
  listedModel('nomic-ai/nomic-embed-text-v1.5', 768, 8192),
  listedModel('all-MiniLM-L6-v2', 384, 256),
  listedModel('sentence-transformers/all-MiniLM-L6-v2', 384, 256),
  model('all-MiniLM-L12-v2', 384, 128),
  model('sentence-transformers/all-MiniLM-L12-v2', 384, 128),
  model('all-mpnet-base-v2', 768, 384),
  model('sentence-transformers/all-mpnet-base-v2', 768, 384),
  model('sentence-transformers/multi-qa-MiniLM-L6-cos-v1', 384, 512),
  model('sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2', 384, 128),
  model('nomic-ai/nomic-embed-text-v1', 768, 8192),
  model('BAAI/bge-small-en-v1.5', 384, 512),
  model('BAAI/bge-base-en-v1.5', 768, 512),
  model('BAAI/bge-large-en-v1.5', 1024, 512),
  model('BAAI/bge-m3', 1024, 8192),
  model('intfloat/multilingual-e5-large-instruct', 1024, 512),
  model('ibm-granite/granite-embedding-125m-english', 768, 512),
  model('Qwen/Qwen3-Embedding-0.6B', 1024, 32_768),
])

/** The embedding models as a provider lists them, marked as substituted. */
export function listEmbeddingSubstitutes(): ProviderModel[] {
  return embeddingSubstitutes
    .filter(({ listed }) => listed === true)
    .map(({ id, dimension, contextLength }) => ({
      id,
      type: 'embedding',
      metadata: { embedding_dimension: dimension, context_length: contextLength, substitute: 'lexical' },
    }))
}
