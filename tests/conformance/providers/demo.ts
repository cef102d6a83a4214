/** The demo models: a program that answers, calls tools and fills schemas. */
import { provider } from '../../../packages/server/src/providers/inference/demo.ts'
import { withoutEmbeddings, withoutVendor } from '../../../packages/server/src/testing/conformance/capabilities.ts'
import type { ConformanceDeclaration } from '../../../packages/server/src/testing/conformance/declaration.ts'
import { createOfflineProvider } from '../../../packages/server/src/testing/offline-provider.ts'

const ONLY = 'the demo models only talk'

export const declarations: readonly ConformanceDeclaration[] = [
  {
    definition: provider,
    models: { chat: 'assistant', completion: 'assistant' },
    subject: {
      kind: 'computed',
      create: () => createOfflineProvider(provider, { first_token_ms: 0, token_interval_ms: 1 }),
      requests: {
        toolCalls: { messages: [{ role: 'user', content: 'What is the weather in Bern?' }] },
        parallelToolCalls: { messages: [{ role: 'user', content: 'What is the weather in Bern and Oslo?' }] },
      },
    },
    skips: {
      images: 'the demo models look at no images',
      ...withoutVendor,
      ...withoutEmbeddings(ONLY),
      rerank: ONLY,
    },
  },
]
