import type { AnyProviderDefinition, JsonObject, RerankRequest, Upstream } from '@llama-stack/api'
import { bug } from '@llama-stack/api'
import { describe, expect, test } from 'vitest'
import { bytesStream } from '../../kernel/byte-stream.ts'
import { silentLog } from '../../kernel/log.ts'
import { createUpstream } from '../../kernel/upstream.ts'
import { failureOf } from '../../testing/inference-conformance.ts'
import { createScriptedUpstream } from '../../testing/scripted-upstream.ts'
import type { ScriptedRoute, ScriptedUpstream } from '../../testing/scripted-upstream.ts'
import { hostedRows } from './_hosted-vendors.ts'
import { toDialect } from './_dialect.ts'
import { defineOpenAiProvider } from './_openai-provider.ts'
import { provider as vllm } from './vllm.ts'

const nvidia = defineOpenAiProvider(
  toDialect(hostedRows.find(({ type }) => type === 'remote::nvidia') ?? bug('no row of NVIDIA')),
)
const pixel = Buffer.from('89504e470d0a1a0a', 'hex')
const pixelUrl = `data:image/png;base64,${pixel.toString('base64')}`
const picture = (url: string) => ({ type: 'image_url' as const, image_url: { url } })
const call = { requestId: 'req_1', signal: new AbortController().signal, providerData: {} }

interface Rig extends AsyncDisposable {
  readonly vendor: ScriptedUpstream
  rerank(request: Partial<RerankRequest>): Promise<{ index: number; relevance_score: number }[]>
  models(): Promise<unknown>
}

async function createRerankRig(
  definition: AnyProviderDefinition<'inference'>,
  routes: Readonly<Record<string, ScriptedRoute>>,
  toConfig: (url: string) => JsonObject = (url) => ({ base_url: `${url}/v1` }),
): Promise<Rig> {
  // The 404 of the web framework that vLLM is built with.
  const vendor = await createScriptedUpstream({
    routes,
    handler: () => ({ status: 404, json: { detail: 'Not Found' } }),
  })
  const upstream = createUpstream({ allowPrivateUrls: true })
  const provider = create(definition, toConfig(vendor.url), upstream)
  return {
    vendor,
    async rerank(request) {
      const reply = await provider.rerank?.({ model: 'r', query: 'wet', items: ['sun', 'rain'], ...request }, call)
      return reply?.value.data ?? bug('it cannot rerank')
    },
    models: async () => provider.models?.(call),
    async [Symbol.asyncDispose]() {
      await upstream[Symbol.asyncDispose]()
      await vendor[Symbol.asyncDispose]()
    },
  }
}

function create(definition: AnyProviderDefinition<'inference'>, config: JsonObject, upstream: Upstream) {
  const parsed = definition.config.parse(config)
  const clock = { now: () => 0, monotonic: () => 0 }
  // A definition in a list has forgotten its configuration's type; its schema has just checked it.
  return definition.create({
    id: 'p',
    config: parsed,
    deps: {},
    upstream,
    log: silentLog,
    clock,
    signal: call.signal,
  } as never)
}

const results = [
  { index: 0, relevance_score: 0.25, document: { text: 'sun' } },
  { index: 1, relevance_score: 0.75, document: { text: 'rain' } },
]
const best = [
  { index: 1, relevance_score: 0.75 },
  { index: 0, relevance_score: 0.25 },
]

describe('vLLM', () => {
  test('fields of its own travel on', async () => {
    await using rig = await createRerankRig(vllm, { 'POST /rerank': { json: { results } } })
    expect(await rig.rerank({ truncate_prompt_tokens: 512 })).toEqual(best)
    expect(rig.vendor.requests[0]?.json()).toEqual({
      model: 'r',
      query: 'wet',
      documents: ['sun', 'rain'],
      truncate_prompt_tokens: 512,
    })
  })

  test('behind a gateway that knows only /v1 it is asked there', async () => {
    await using rig = await createRerankRig(vllm, { 'POST /v1/rerank': { json: { results } } })
    expect(await rig.rerank({ max_num_results: 1 })).toEqual(best.slice(0, 1))
    expect(rig.vendor.requests.map(({ path }) => path)).toEqual(['/rerank', '/v1/rerank'])
    expect(rig.vendor.requests[1]?.json()).toMatchObject({ top_n: 1 })
  })

  test('without a rerank path its score API is asked', async () => {
    const data = [
      { index: 0, object: 'score', score: 0.25 },
      { index: 1, object: 'score', score: 0.75 },
    ]
    await using rig = await createRerankRig(vllm, { 'POST /score': { json: { object: 'list', data } } })
    expect(await rig.rerank({ max_num_results: 1 })).toEqual(best.slice(0, 1))
    expect(rig.vendor.requests[2]?.json()).toEqual({ model: 'r', text_1: 'wet', text_2: ['sun', 'rain'] })
  })

  test('with none of the paths, the error is that of the first', async () => {
    await using rig = await createRerankRig(vllm, {})
    const failure = await failureOf(rig.rerank({}))
    expect(failure).toMatchObject({ code: 'provider_invalid_request', details: { status: 404, reason: 'Not Found' } })
    expect(rig.vendor.requests).toHaveLength(3)
  })

  test.each([
    [404, { error: { message: 'The model `r` does not exist.', type: 'NotFoundError', code: 404 } }, 'does not exist'],
    [404, { object: 'error', message: 'The model `r` does not exist.', type: 'NotFoundError', code: 404 }, 'not exist'],
    [400, { error: { message: 'The model does not support Score API', type: 'BadRequestError' } }, 'Score API'],
    [503, { error: { message: 'Engine is dead' } }, 'Engine is dead'],
  ])('a refusal with status %i and %j is not asked about elsewhere', async (status, json, reason) => {
    await using rig = await createRerankRig(vllm, { 'POST /rerank': { status, json } })
    expect((await failureOf(rig.rerank({}))).message).toContain(reason)
    expect(rig.vendor.requests).toHaveLength(1)
  })

  test('images are content parts, each ranked by itself', async () => {
    await using rig = await createRerankRig(vllm, { 'POST /rerank': { json: { results } } })
    const items = [picture('https://pictures.example/1.png'), 'rain']
    expect(await rig.rerank({ query: picture(pixelUrl), items })).toEqual(best)
    expect(rig.vendor.requests[0]?.json()).toEqual({
      model: 'r',
      query: { content: [picture(pixelUrl)] },
      documents: { content: [picture('https://pictures.example/1.png'), { type: 'text', text: 'rain' }] },
    })
  })

  test('items of the same score stay in their order', async () => {
    const equal = [2, 0, 1].map((index) => ({ index, relevance_score: 0.5 }))
    await using rig = await createRerankRig(vllm, { 'POST /rerank': { json: { results: equal } } })
    expect((await rig.rerank({ items: ['a', 'b', 'c'] })).map(({ index }) => index)).toEqual([2, 0, 1])
  })

  test.each([
    ['no results', { object: 'list' }],
    ['an index that nobody sent', { results: [{ index: 2, relevance_score: 1 }] }],
    ['a negative index', { results: [{ index: -1, relevance_score: 1 }] }],
    ['a row without a score', { results: [{ index: 0 }] }],
  ])('%s is a bad reply', async (_what, json) => {
    await using rig = await createRerankRig(vllm, { 'POST /rerank': { json } })
    expect((await failureOf(rig.rerank({}))).code).toBe('provider_bad_reply')
  })

  test('a page instead of JSON is a bad reply', async () => {
    await using rig = await createRerankRig(vllm, { 'POST /rerank': { text: '<html>' } })
    expect((await failureOf(rig.rerank({}))).code).toBe('provider_bad_reply')
  })
})

describe('Together', () => {
  test('ranks below its base URL, and no images', async () => {
    const row = hostedRows.find(({ type }) => type === 'remote::together') ?? bug('no row of Together')
    const together = defineOpenAiProvider(toDialect(row))
    const config = (url: string) => ({ base_url: `${url}/v1`, api_key: 'k' })
    await using rig = await createRerankRig(together, { 'POST /v1/rerank': { json: { results } } }, config)
    expect(await rig.rerank({})).toEqual(best)
    const failure = await failureOf(rig.rerank({ items: ['a', picture(pixelUrl)] }))
    expect(failure).toMatchObject({ code: 'invalid_value', param: 'items[1]' })
    expect(rig.vendor.requests).toHaveLength(1)
  })
})

describe('NVIDIA', () => {
  const rankings = [
    { index: 0, logit: -2 },
    { index: 1, logit: 3.5 },
  ]
  const ranked = [
    { index: 1, relevance_score: 3.5 },
    { index: 0, relevance_score: -2 },
  ]

  test('a server of one’s own ranks below its base URL, whatever its model', async () => {
    await using rig = await createRerankRig(nvidia, { 'POST /v1/ranking': { json: { rankings } } })
    expect(await rig.rerank({ truncate: 'END' })).toEqual(ranked)
    expect(rig.vendor.requests[0]?.json()).toEqual({
      model: 'r',
      query: { text: 'wet' },
      passages: [{ text: 'sun' }, { text: 'rain' }],
      truncate: 'END',
    })
    expect(await rig.rerank({ max_num_results: 1 })).toEqual(ranked.slice(0, 1))
    // The vendor has no limit of its own: all passages are sent and the best kept.
    expect(rig.vendor.requests[1]?.json()).not.toHaveProperty('top_n')
  })

  test('a server of one’s own lists its rerank model as what it is', async () => {
    const data = [{ id: 'nvidia/llama-nemotron-rerank-1b-v2', object: 'model' }]
    await using rig = await createRerankRig(nvidia, { 'GET /v1/models': { json: { data } } })
    expect(await rig.models()).toEqual([{ id: 'nvidia/llama-nemotron-rerank-1b-v2', type: 'rerank', metadata: {} }])
  })

  test('passages may be images: those of the web are sent inline', async () => {
    const routes = {
      'POST /v1/ranking': { json: { rankings } },
      'GET /pixel.png': { bytes: pixel, headers: { 'content-type': 'image/png' } },
    }
    await using rig = await createRerankRig(nvidia, routes)
    expect(await rig.rerank({ items: [picture(pixelUrl), picture(`${rig.vendor.url}/pixel.png`)] })).toEqual(ranked)
    expect(rig.vendor.requests.at(-1)?.json()).toMatchObject({ passages: [{ image: pixelUrl }, { image: pixelUrl }] })
  })

  test.each([
    [{ query: picture(pixelUrl) }, 'query'],
    [{ items: ['a', picture('file:///etc/passwd')] }, 'items[1]'],
    [{ items: [picture('data:text/html;base64,eA==')] }, 'items[0]'],
  ])('%j cannot be ranked', async (request, param) => {
    await using rig = await createRerankRig(nvidia, { 'POST /v1/ranking': { json: { rankings } } })
    expect(await failureOf(rig.rerank(request))).toMatchObject({ code: 'invalid_value', param })
    expect(rig.vendor.requests).toHaveLength(0)
  })

  test('its validation error names the field', async () => {
    const detail = [{ loc: ['body', 'passages'], msg: 'at most 512 items', type: 'too_long' }]
    await using rig = await createRerankRig(nvidia, { 'POST /v1/ranking': { status: 422, json: { detail } } })
    const failure = await failureOf(rig.rerank({}))
    expect(failure.code).toBe('provider_invalid_request')
    expect(failure.message).toContain('at most 512 items')
  })

  const askedUrl = async (model: string, config: JsonObject = {}): Promise<string> => {
    let asked = ''
    const upstream: Upstream = {
      async send({ url }) {
        asked = url
        return { status: 200, headers: {}, body: bytesStream(Buffer.from('{"rankings":[]}')) }
      },
      with: () => upstream,
    }
    const provider = create(nvidia, { api_key: 'k', ...config }, upstream)
    await provider.rerank?.({ model, query: 'q', items: ['a'] }, call)
    return asked
  }

  test.each([
    ['nv-rerank-qa-mistral-4b:1', 'nvidia/reranking'],
    ['nvidia/llama-3.2-nv-rerankqa-1b-v2', 'nvidia/llama-3_2-nv-rerankqa-1b-v2/reranking'],
    ['nvidia/llama-nemotron-rerank-vl-1b-v2', 'nvidia/llama-nemotron-rerank-vl-1b-v2/reranking'],
  ])('the hosted %s has a URL of its own', async (model, path) => {
    expect(await askedUrl(model)).toBe(`https://ai.api.nvidia.com/v1/retrieval/${path}`)
  })

  test('a configured URL wins over the hosted one', async () => {
    const config = { rerank_model_to_url: { 'nvidia/llama-nemotron-rerank-1b-v2': 'https://nim.example/v1/ranking' } }
    expect(await askedUrl('nvidia/llama-nemotron-rerank-1b-v2', config)).toBe('https://nim.example/v1/ranking')
  })

  test.each(['toString', 'nvidia/unheard-of'])('the hosted %s is unknown', async (model) => {
    const failure = await failureOf(askedUrl(model))
    expect(failure.code).toBe('model_not_found')
  })
})
