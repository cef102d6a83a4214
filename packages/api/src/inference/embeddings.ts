/** Embeddings, as OpenAI's document has them. */
import * as z from 'zod'

export const EmbeddingsRequest = z
  .looseObject({
    model: z.string().min(1).describe('`provider_id/model` or an alias.'),
    input: z
      .union([z.string(), z.array(z.string()), z.array(z.int()), z.array(z.array(z.int()))])
      .describe('A text, several texts, or token ids where the provider takes them.'),
    encoding_format: z.enum(['float', 'base64']).nullish().describe('Default: float. base64 is little-endian float32.'),
    dimensions: z.int().min(1).nullish(),
    user: z.string().nullish(),
  })
  .meta({ id: 'CreateEmbeddingRequest' })
export type EmbeddingsRequest = z.infer<typeof EmbeddingsRequest>

export const EmbeddingsResponse = z
  .looseObject({
    object: z.literal('list'),
    data: z.array(
      z.looseObject({
        object: z.literal('embedding'),
        index: z.int(),
        embedding: z.union([z.array(z.number()), z.string()]),
      }),
    ),
    model: z.string(),
    usage: z.looseObject({ prompt_tokens: z.int(), total_tokens: z.int() }),
  })
  .meta({ id: 'CreateEmbeddingResponse' })
export type EmbeddingsResponse = z.infer<typeof EmbeddingsResponse>
