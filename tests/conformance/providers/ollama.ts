/** Ollama: OpenAI's protocol, with numbered ids that are replaced. */
import { provider } from '../../../packages/server/src/providers/inference/ollama.ts'
import type { ConformanceDeclaration } from '../../../packages/server/src/testing/conformance/declaration.ts'
import { toOpenAiScript } from '../../../packages/server/src/testing/conformance/openai-script.ts'

export const declarations: readonly ConformanceDeclaration[] = [
  {
    definition: provider,
    models: { chat: 'some-chat', completion: 'some-chat', embedding: 'nomic-embed-text:latest' },
    subject: {
      kind: 'scripted',
      script: toOpenAiScript({
        models: (listed) => ({ 'GET /v1/models': { json: { data: listed.map(({ id }) => ({ id })) } } }),
        health: { 'GET /api/ps': { json: { models: [] } } },
      }),
      config: ({ url, key }) => ({ base_url: `${url}/v1`, ...(key !== undefined && { api_key: key }) }),
    },
    skips: { 'missing key': 'a server of one’s own needs none', rerank: 'Ollama has none' },
  },
]
