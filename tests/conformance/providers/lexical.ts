/** Embeddings and rerank by words, without a model. */
import { provider } from '../../../packages/server/src/providers/inference/lexical.ts'
import { withoutChat } from '../../../packages/server/src/testing/conformance/capabilities.ts'
import type { ConformanceDeclaration } from '../../../packages/server/src/testing/conformance/declaration.ts'
import { createOfflineProvider } from '../../../packages/server/src/testing/offline-provider.ts'

export const declarations: readonly ConformanceDeclaration[] = [
  {
    definition: provider,
    models: { embedding: 'lexical-embedding', rerank: 'lexical-rerank' },
    subject: { kind: 'computed', create: () => createOfflineProvider(provider, {}) },
    skips: withoutChat('words are counted, nothing is said'),
  },
]
