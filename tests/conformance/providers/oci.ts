/** Oracle Generative AI: OpenAI's protocol behind keys and signatures. The suite brings keys; signatures have their own tests. */
import { provider as definition } from '../../../packages/server/src/providers/inference/oci.ts'
import type { ConformanceDeclaration } from '../../../packages/server/src/testing/conformance/declaration.ts'
import { toOpenAiScript } from '../../../packages/server/src/testing/conformance/openai-script.ts'

const API_PATH = '/20231130/actions/v1'

export const declarations: readonly ConformanceDeclaration[] = [
  {
    definition,
    models: { chat: 'some-chat', completion: 'some-chat', embedding: 'cohere.embed-v4.0' },
    subject: {
      kind: 'scripted',
      script: toOpenAiScript(),
      config: ({ url, key }) => ({
        base_url: url + API_PATH,
        oci_compartment_id: 'ocid1.compartment.oc1..c',
        ...(key !== undefined && { api_key: key }),
      }),
    },
    skips: {
      rerank: 'its reranking has another API',
      'model list': 'lists take signatures, not keys; tested with signatures beside the adapter',
      health: 'tested with signatures beside the adapter',
      'missing key': 'requests are signed then',
    },
  },
]
