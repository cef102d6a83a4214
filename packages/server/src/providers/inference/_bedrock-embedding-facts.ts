/** The embedding models of Bedrock: no list tells their dimensions, and each maker has a request of its own. */
import { toPlainModelId } from './_bedrock-families.ts'
import { deepFreeze } from './_dialect.ts'
import type { EmbeddingFacts } from './_dialect.ts'

/** How an embedding model is asked. */
export interface EmbeddingModel extends EmbeddingFacts {
  /** Titan takes one text for each call, Cohere takes many. */
  readonly shape: 'titan' | 'cohere'
  /** The field that asks for another dimension than the usual. Default: it cannot be asked for. */
  readonly dimensionField?: string
}

/** "Amazon Titan Text Embeddings" and "Cohere Embed" in the user guide. The first prefix that fits counts. */
const models: readonly (readonly [prefix: string, facts: EmbeddingModel])[] = deepFreeze([
  [
    'amazon.titan-embed-text-v2',
    { shape: 'titan', dimension: 1024, contextLength: 8192, dimensionField: 'dimensions' },
  ],
  ['amazon.titan-embed-text-v1', { shape: 'titan', dimension: 1536, contextLength: 8192 }],
  ['amazon.titan-embed-g1-text', { shape: 'titan', dimension: 1536, contextLength: 8192 }],
  ['amazon.titan-embed-image', { shape: 'titan', dimension: 1024, contextLength: 256 }],
  ['cohere.embed-v4', { shape: 'cohere', dimension: 1536, contextLength: 128_000, dimensionField: 'output_dimension' }],
  ['cohere.embed-', { shape: 'cohere', dimension: 1024, contextLength: 512 }],
])

/** The facts about an embedding model; undefined for one that is not known here. */
export function embeddingFacts(model: string): EmbeddingModel | undefined {
  const id = toPlainModelId(model)
  return models.find(([prefix]) => id.startsWith(prefix))?.[1]
}
