/** Amazon Bedrock by signed calls of the operator, and by keys of the callers. */
import { provider } from '../../../packages/server/src/providers/inference/bedrock.ts'
import { BEDROCK_SECRET, toBedrockScript } from '../../../packages/server/src/testing/conformance/bedrock-script.ts'
import type { ConformanceDeclaration } from '../../../packages/server/src/testing/conformance/declaration.ts'

export const declarations: readonly ConformanceDeclaration[] = [
  {
    definition: provider,
    models: {
      chat: 'us.anthropic.claude-sonnet-4-5-20250929-v1:0',
      embedding: 'amazon.titan-embed-text-v2:0',
      rerank: 'cohere.rerank-v3-5:0',
    },
    subject: {
      kind: 'scripted',
      script: toBedrockScript(),
      config: ({ url, key }) => ({
        base_url: url,
        control_url: url,
        agent_url: url,
        ...(key !== undefined && { aws_access_key_id: key, aws_secret_access_key: BEDROCK_SECRET }),
      }),
    },
    skips: { 'text completions': 'the vendor has none' },
  },
]
