/** Google Vertex AI: Gemini by its native API. */
import { provider as definition } from '../../../packages/server/src/providers/inference/vertexai.ts'
import type { ConformanceDeclaration } from '../../../packages/server/src/testing/conformance/declaration.ts'
import {
  geminiChats,
  toGeminiFault,
  vertexEmbeddings,
} from '../../../packages/server/src/testing/conformance/gemini-script.ts'

export const declarations: readonly ConformanceDeclaration[] = [
  {
    definition,
    models: {
      chat: 'publishers/google/models/gemini-2.5-flash',
      embedding: 'publishers/google/models/text-embedding-005',
    },
    subject: {
      kind: 'scripted',
      script: {
        chat: {
          ...geminiChats,
          // The path has the name only.
          read(request) {
            const asked = geminiChats.read(request)
            return { ...asked, model: `publishers/google/models/${asked.model}` }
          },
        },
        embeddings: vertexEmbeddings,
        models: (listed) => ({
          'GET /v1beta1/publishers/google/models': {
            json: { publisherModels: listed.map(({ id }) => ({ name: id, versionId: 'default' })) },
          },
        }),
        fault: toGeminiFault,
        credential: (request) => request.headers['authorization']?.replace(/^Bearer /, ''),
      },
      config: ({ url, key }) => ({
        base_url: url,
        project: 'acme',
        ...(key !== undefined && { access_token: key }),
      }),
    },
    skips: {
      'text completions': 'Gemini has chats only',
      rerank: 'the ranking API of Google is a service of its own',
    },
  },
]
