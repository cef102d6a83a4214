/** vLLM: OpenAI's protocol with a rerank of its own. */
import { provider } from '../../../packages/server/src/providers/inference/vllm.ts'
import type { ConformanceDeclaration } from '../../../packages/server/src/testing/conformance/declaration.ts'
import { toOpenAiScript } from '../../../packages/server/src/testing/conformance/openai-script.ts'

export const declarations: readonly ConformanceDeclaration[] = [
  {
    definition: provider,
    models: { chat: 'some-chat', completion: 'some-chat', embedding: 'some-embed', rerank: 'some-rerank' },
    subject: {
      kind: 'scripted',
      script: toOpenAiScript({
        rerank: 'documents',
        models: (listed) => ({ 'GET /v1/models': { json: { data: listed.map(({ id }) => ({ id })) } } }),
        health: { 'GET /health': { text: '' } },
      }),
      config: ({ url, key }) => ({ base_url: `${url}/v1`, ...(key !== undefined && { api_token: key }) }),
    },
    skips: { 'missing key': 'a server of one’s own needs none' },
  },
]
