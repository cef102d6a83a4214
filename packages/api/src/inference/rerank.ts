/** Rerank in upstream's shape, and in the shape that Cohere, Jina and vLLM share. */
import * as z from 'zod'
import { ImagePart, TextPart } from '../wire/content.ts'

const RerankItem = z.union([z.string(), z.discriminatedUnion('type', [TextPart, ImagePart])])
export type RerankItem = z.infer<typeof RerankItem>

export const RerankRequest = z
  .looseObject({
    model: z.string().min(1),
    query: RerankItem,
    items: z.array(RerankItem).min(1).describe('What to score against the query.'),
    max_num_results: z.int().min(1).nullish().describe('Default: all items.'),
  })
  .meta({ id: 'RerankRequest' })
export type RerankRequest = z.infer<typeof RerankRequest>

export const RerankResponse = z
  .looseObject({
    data: z.array(z.looseObject({ index: z.int(), relevance_score: z.number() })).describe('Most relevant first.'),
  })
  .meta({ id: 'RerankResponse' })
export type RerankResponse = z.infer<typeof RerankResponse>

const Document = z.union([z.string(), z.looseObject({ text: z.string() })])

export const DocumentRerankRequest = z
  .looseObject({
    model: z.string().min(1),
    query: z.string(),
    documents: z.array(Document).min(1),
    top_n: z.int().min(1).nullish().describe('Default: all documents.'),
    return_documents: z.boolean().nullish().describe('Default: false.'),
  })
  .meta({ id: 'DocumentRerankRequest' })
export type DocumentRerankRequest = z.infer<typeof DocumentRerankRequest>

export const DocumentRerankResponse = z
  .looseObject({
    id: z.string(),
    model: z.string(),
    results: z.array(
      z.looseObject({
        index: z.int(),
        relevance_score: z.number(),
        document: z.looseObject({ text: z.string() }).optional(),
      }),
    ),
  })
  .meta({ id: 'DocumentRerankResponse' })
export type DocumentRerankResponse = z.infer<typeof DocumentRerankResponse>
