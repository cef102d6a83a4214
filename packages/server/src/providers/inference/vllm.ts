/** Models that a vLLM server serves. */
import { toDialect } from './_dialect.ts'
import type { OutboundBody } from './_dialect.ts'
import { defineOpenAiProvider } from './_openai-provider.ts'
import { renameReasoning } from './_reasoning-name.ts'

const DEFAULT_MAX_TOKENS = 4096

const dialect = toDialect({
  type: 'remote::vllm',
  description: 'Models served by a vLLM server.',
  urlEnv: 'VLLM_URL',
  keySettings: ['api_token', 'api_key'],
  env: 'VLLM_API_TOKEN',
  extraSettings: ['max_tokens', 'tls_verify', 'native_responses', 'fairness_header_attribute'],
  providerData: 'vllm_api_token',
  keyless: 'always',
  placeholderKey: 'fake',
  tokenInput: true,
  replyCountsAsContext: true,
  health: { path: '/health' },
  rerank: {
    kind: 'shared',
    images: 'parts',
    // A gateway may let only /v1 through, and servers before 0.7 have nothing but the score API.
    paths: [
      { shape: 'documents', path: '/rerank', below: 'root' },
      { shape: 'documents', path: '/rerank', below: 'base' },
      { shape: 'pairs', path: '/score', below: 'root' },
    ],
  },
  // vLLM lists one model or a few, and says nothing of their kind.
  nameTypes: { embed: 'embedding', rerank: 'rerank' },
  request(body, operation, config): OutboundBody {
    const limited = body['max_tokens'] !== undefined || body['max_completion_tokens'] !== undefined
    const named = renameReasoning(body)
    if (operation !== 'chat' || limited) return named
    return { ...named, max_tokens: config['max_tokens'] ?? DEFAULT_MAX_TOKENS }
  },
})

/** vLLM, through its OpenAI-compatible server. */
export const provider = defineOpenAiProvider(dialect)
