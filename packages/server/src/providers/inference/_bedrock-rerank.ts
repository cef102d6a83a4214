/** Rerank through the API of Bedrock's agents, which has one shape for the models of all makers. */
import { StackError } from '@llama-stack/api'
import type { JsonObject, ProviderCall, RerankRequest, RerankResponse } from '@llama-stack/api'
import { asRecord, isRecord } from '../../kernel/json-record.ts'
import type { BedrockContext } from './_bedrock-context.ts'
import { parseRerankTexts } from './_rerank-text.ts'
import { readJson } from './_vendor-reply.ts'

/** Scores the items of a request; the most relevant come first. */
export async function rerankWithBedrock(
  context: BedrockContext,
  request: RerankRequest,
  call: ProviderCall,
): Promise<RerankResponse> {
  context.protocol.expectAllowed(request.model)
  const { query, texts } = parseRerankTexts(request)
  const count = Math.min(request.max_num_results ?? texts.length, texts.length)
  const modelArn = toModelArn(request.model, context.plan.region)
  const body: JsonObject = {
    queries: [{ type: 'TEXT', textQuery: { text: query } }],
    sources: texts.map((text) => ({
      type: 'INLINE',
      inlineDocumentSource: { type: 'TEXT', textDocument: { text } },
    })),
    rerankingConfiguration: {
      type: 'BEDROCK_RERANKING_MODEL',
      bedrockRerankingConfiguration: { modelConfiguration: { modelArn }, numberOfResults: count },
    },
  }
  const response = await context.post('agent', { path: '/rerank', body }, call)
  const results: unknown = asRecord(await readJson(context.id, response))['results']
  const scored = (Array.isArray(results) ? results.filter(isRecord) : []).flatMap(({ index, relevanceScore }) =>
    typeof index === 'number' && typeof relevanceScore === 'number' ? [{ index, relevance_score: relevanceScore }] : [],
  )
  if (scored.length < count) {
    const reason = `it has ${scored.length} scores where ${count} were asked for`
    throw new StackError('provider_bad_reply', { provider: context.id, reason })
  }
  return { data: scored.toSorted((a, b) => b.relevance_score - a.relevance_score).slice(0, count) }
}

function toModelArn(model: string, region: string): string {
  if (model.startsWith('arn:')) return model
  const partition = region.startsWith('cn-') ? 'aws-cn' : region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws'
  return `arn:${partition}:bedrock:${region}::foundation-model/${model}`
}
