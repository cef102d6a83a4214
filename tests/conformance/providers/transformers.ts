/** The local rerank model. */
import { provider } from '../../../packages/server/src/providers/inference/transformers.ts'
import { withoutChat, withoutEmbeddings } from '../../../packages/server/src/testing/conformance/capabilities.ts'
import type { ConformanceDeclaration } from '../../../packages/server/src/testing/conformance/declaration.ts'
import { createOfflineProvider } from '../../../packages/server/src/testing/offline-provider.ts'

const ONLY = 'it only ranks'

export const declarations: readonly ConformanceDeclaration[] = [
  {
    definition: provider,
    models: { rerank: 'Qwen/Qwen3-Reranker-0.6B' },
    subject: { kind: 'computed', create: () => createOfflineProvider(provider, {}) },
    skips: { ...withoutChat(ONLY), ...withoutEmbeddings(ONLY) },
  },
]
