import type { EmbeddingsRequest, RerankRequest } from '@llama-stack/api'
import { bug } from '@llama-stack/api'
import { describe, expect, it, test } from 'vitest'
import { asRecord } from '../../kernel/json-record.ts'
import { createBedrockRig } from '../../testing/bedrock-rig.ts'
import type { BedrockRig } from '../../testing/bedrock-rig.ts'
import type { ScriptedReply, ScriptedRequest } from '../../testing/scripted-upstream.ts'

const TITAN = 'amazon.titan-embed-text-v2:0'
const COHERE = 'cohere.embed-english-v3'
const EMBED_4 = 'us.cohere.embed-v4:0'
const invoke = (model: string): string => `POST /model/${encodeURIComponent(model)}/invoke`

async function embed(rig: BedrockRig, request: Readonly<Record<string, unknown>> & { model: string }) {
  const reply = await rig.provider.embeddings({ input: 'a', ...request } as EmbeddingsRequest, rig.call())
  return reply.kind === 'value' ? reply.value : bug('the reply is no value')
}

/** A vector that tells the length of its text. */
const vectorOf = (text: unknown): number[] => [String(text).length, 0.5]

describe('Titan', () => {
  const titan = (request: ScriptedRequest): ScriptedReply => {
    const { inputText } = asRecord(request.json())
    return { json: { embedding: vectorOf(inputText), inputTextTokenCount: 3 } }
  }

  it('is asked for one text after the other, some at once, and answers in their order', async () => {
    let open = 0
    let most = 0
    const slow = async (request: ScriptedRequest): Promise<ScriptedReply> => {
      most = Math.max(most, (open += 1))
      await new Promise((resolve) => setTimeout(resolve, 10))
      open -= 1
      return titan(request)
    }
    await using rig = await createBedrockRig({ [invoke(TITAN)]: slow })
    const input = Array.from({ length: 30 }, (_, index) => 'x'.repeat(30 - index))
    const { data, usage, model } = await embed(rig, { model: TITAN, input })
    expect(data.map(({ index, embedding }) => [index, embedding])).toEqual(
      input.map((text, index) => [index, vectorOf(text)]),
    )
    expect({ usage, model }).toEqual({ usage: { prompt_tokens: 90, total_tokens: 90 }, model: TITAN })
    expect(most).toBeGreaterThan(1)
    expect(most).toBeLessThanOrEqual(8)
  })

  it('is told the dimensions and the model’s own fields', async () => {
    await using rig = await createBedrockRig({ [invoke(TITAN)]: titan })
    await embed(rig, { model: TITAN, dimensions: 256, normalize: false, user: 'u' })
    expect(rig.aws.requests[0]?.json()).toEqual({ inputText: 'a', dimensions: 256, normalize: false })
  })

  it('gives base64 of floats', async () => {
    await using rig = await createBedrockRig({ [invoke(TITAN)]: titan })
    const { data } = await embed(rig, { model: TITAN, input: 'abc', encoding_format: 'base64' })
    const bytes = Buffer.from(String(data[0]?.embedding), 'base64')
    expect([bytes.readFloatLE(0), bytes.readFloatLE(4), bytes.length]).toEqual([3, 0.5, 8])
  })

  it('fails for all texts where it fails for one', async () => {
    const headers = { 'x-amzn-errortype': 'ThrottlingException' }
    const some = (request: ScriptedRequest): ScriptedReply =>
      request.body.includes('bad') ? { status: 429, headers, json: { message: 'Slow.' } } : titan(request)
    await using rig = await createBedrockRig({ [invoke(TITAN)]: some })
    const input = ['good', 'bad', ...Array.from({ length: 50 }, () => 'good')]
    await expect(embed(rig, { model: TITAN, input })).rejects.toMatchObject({ code: 'provider_rate_limited' })
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(rig.aws.requests.length).toBeLessThan(input.length / 2)
  })
})

describe('Cohere', () => {
  const byType = (request: ScriptedRequest): ScriptedReply => {
    const { texts } = asRecord(request.json())
    const float = (Array.isArray(texts) ? texts : []).map(vectorOf)
    return { json: { embeddings: { float } }, headers: { 'x-amzn-bedrock-input-token-count': '5' } }
  }
  const plain = (request: ScriptedRequest): ScriptedReply => {
    const { texts } = asRecord(request.json())
    return { json: { embeddings: (Array.isArray(texts) ? texts : []).map(vectorOf) } }
  }

  it('is asked for 96 texts at a time, and its tokens are told by a header', async () => {
    await using rig = await createBedrockRig({ [invoke(COHERE)]: byType })
    const input = Array.from({ length: 100 }, (_, index) => 'x'.repeat(index))
    const { data, usage } = await embed(rig, { model: COHERE, input })
    expect(data.map(({ embedding }) => embedding)).toEqual(input.map(vectorOf))
    expect(usage.prompt_tokens).toBe(10)
    const [first, second] = rig.aws.requests.map((request) => asRecord(request.json()))
    expect([first?.['texts'], second?.['texts']].map((texts) => (Array.isArray(texts) ? texts.length : 0))).toEqual([
      96, 4,
    ])
    expect(first).toMatchObject({ input_type: 'search_document', embedding_types: ['float'] })
  })

  it('may be told what the texts are for, and the dimensions where it has several', async () => {
    await using rig = await createBedrockRig({ [invoke(EMBED_4)]: plain })
    const { data } = await embed(rig, { model: EMBED_4, input: ['ab'], input_type: 'search_query', dimensions: 512 })
    expect(data).toEqual([{ object: 'embedding', index: 0, embedding: [2, 0.5] }])
    expect(rig.aws.requests[0]?.json()).toMatchObject({ input_type: 'search_query', output_dimension: 512 })
  })

  it('with vectors missing cannot be understood', async () => {
    await using rig = await createBedrockRig({ [invoke(COHERE)]: { json: { embeddings: { float: [] } } } })
    await expect(embed(rig, { model: COHERE })).rejects.toMatchObject({
      code: 'provider_bad_reply',
      message: expect.stringContaining('0 vectors for 1 texts'),
    })
  })
})

test.each([
  [{ model: 'amazon.nova-2-multimodal-embeddings-v1:0' }, 'model'],
  [{ model: COHERE, dimensions: 5 }, 'dimensions'],
  [{ model: TITAN, input: [1, 2] }, 'input'],
  [{ model: TITAN, input: [[1, 2]] }, 'input'],
])('embeddings of %o are refused', async (request, param) => {
  await using rig = await createBedrockRig({})
  await expect(embed(rig, request)).rejects.toMatchObject({ code: 'invalid_value', param })
  expect(rig.aws.requests).toEqual([])
})

describe('rerank', () => {
  const MODEL = 'cohere.rerank-v3-5:0'
  const request: RerankRequest = {
    model: MODEL,
    query: 'rain',
    items: ['sun', { type: 'text', text: 'much rain' }, 'snow'],
    max_num_results: 2,
  }
  const results = [
    { index: 0, relevanceScore: 0.1 },
    { index: 1, relevanceScore: 0.9 },
  ]

  it('asks the service of agents in its one shape, signed as Bedrock', async () => {
    await using rig = await createBedrockRig(
      { 'POST /rerank': { json: { results } } },
      { config: { region_name: 'eu-west-1' } },
    )
    expect(await rig.provider.rerank(request, rig.call())).toEqual({
      kind: 'value',
      value: {
        data: [
          { index: 1, relevance_score: 0.9 },
          { index: 0, relevance_score: 0.1 },
        ],
      },
    })
    const source = (text: string) => ({
      type: 'INLINE',
      inlineDocumentSource: { type: 'TEXT', textDocument: { text } },
    })
    expect(rig.aws.requests[0]?.json()).toEqual({
      queries: [{ type: 'TEXT', textQuery: { text: 'rain' } }],
      sources: [source('sun'), source('much rain'), source('snow')],
      rerankingConfiguration: {
        type: 'BEDROCK_RERANKING_MODEL',
        bedrockRerankingConfiguration: {
          modelConfiguration: { modelArn: `arn:aws:bedrock:eu-west-1::foundation-model/${MODEL}` },
          numberOfResults: 2,
        },
      },
    })
    expect(rig.aws.requests[0]?.headers['authorization']).toContain('/eu-west-1/bedrock/aws4_request')
  })

  test.each([
    ['arn:aws:bedrock:us-east-1:1:x/y', 'us-east-1', 'arn:aws:bedrock:us-east-1:1:x/y'],
    ['m', 'cn-north-1', 'arn:aws-cn:bedrock:cn-north-1::foundation-model/m'],
    ['m', 'us-gov-west-1', 'arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/m'],
  ])('names the model %s in %s', async (model, region_name, expected) => {
    await using rig = await createBedrockRig({ 'POST /rerank': { json: { results } } }, { config: { region_name } })
    await rig.provider.rerank({ ...request, model }, rig.call())
    expect(rig.aws.requests[0]?.body).toContain(JSON.stringify({ modelArn: expected }))
  })

  it('with scores missing cannot be understood', async () => {
    await using rig = await createBedrockRig({ 'POST /rerank': { json: { results: results.slice(0, 1) } } })
    await expect(rig.provider.rerank(request, rig.call())).rejects.toMatchObject({ code: 'provider_bad_reply' })
  })
})
