/** Local embedding models. */
import { provider } from '../../../packages/server/src/providers/inference/sentence-transformers.ts'
import { withoutChat } from '../../../packages/server/src/testing/conformance/capabilities.ts'
import type { ConformanceDeclaration } from '../../../packages/server/src/testing/conformance/declaration.ts'
import { createOfflineProvider } from '../../../packages/server/src/testing/offline-provider.ts'

export const declarations: readonly ConformanceDeclaration[] = [
  {
    definition: provider,
    models: { embedding: 'all-MiniLM-L6-v2' },
    subject: { kind: 'computed', create: () => createOfflineProvider(provider, {}) },
    skips: { ...withoutChat('it only embeds'), rerank: 'it only embeds' },
  },
]
