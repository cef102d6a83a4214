/** Answers a rerank request with a model of this machine. */
import type { RerankRequest, RerankResponse } from '@llama-stack/api'
import type { OnnxModel } from './_onnx-models.ts'
import { parseRerankTexts, rankItems } from './_rerank-text.ts'

/** Scores each item from 0 to 1 with the model, most relevant first. Throws `invalid_value` for images. */
export async function rerankWithModel(
  { thread }: OnnxModel,
  request: RerankRequest,
  signal: AbortSignal,
): Promise<RerankResponse> {
  const { query, texts } = parseRerankTexts(request)
  const inputs = texts.map((text) => ({ kind: 'pair' as const, query, text }))
  const { rows } = await thread.run(inputs, signal)
  return {
    data: rankItems(
      request,
      rows.map(([score = 0]) => score),
    ),
  }
}
