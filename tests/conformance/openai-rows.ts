/** Every row of the dialect table before the conformance suite. */
import { bug } from '@llama-stack/api'
import type { CapabilitySkips } from '../../packages/server/src/testing/conformance/capabilities.ts'
import type { ConformanceDeclaration } from '../../packages/server/src/testing/conformance/declaration.ts'
import { toOpenAiScript } from '../../packages/server/src/testing/conformance/openai-script.ts'
import { dialects } from '../../packages/server/src/providers/inference/_dialect-table.ts'
import type { Dialect } from '../../packages/server/src/providers/inference/_dialect.ts'
import { providers } from '../../packages/server/src/providers/inference/openai-compatible.ts'

export const declarations: readonly ConformanceDeclaration[] = dialects.map((dialect, index) => ({
  definition: providers[index] ?? bug('a row without a definition'),
  models: {
    chat: 'm',
    ...(dialect.completions && { completion: 'm' }),
    ...(dialect.embeddings && { embedding: 'e' }),
  },
  subject: {
    kind: 'scripted',
    script: toOpenAiScript({
      keyHeader: dialect.auth === 'api-key' ? 'api-key' : 'authorization',
      renamedFields: dialect.renamedFields,
    }),
    config: ({ url, key }) => ({
      [dialect.urlSettings[0] ?? 'base_url']: url + dialect.apiPath,
      ...(key !== undefined && { [dialect.keySettings[0] ?? 'api_key']: key }),
    }),
  },
  skips: toSkips(dialect),
}))

function toSkips(dialect: Dialect): CapabilitySkips {
  return {
    ...(!dialect.streamUsage && { 'usage in streams': 'usage comes unasked' }),
    ...(!dialect.completions && { 'text completions': 'the vendor has none' }),
    ...(!dialect.embeddings && { embeddings: 'the vendor has none' }),
  }
}
