import { describe, expect, test } from 'vitest'
import { doors, withStack } from './stack-under-test.ts'

const embeddings = 'POST /v1/embeddings'
const vector = [0.5, -0.25, 1]
const base64 = Buffer.from(Float32Array.from(vector).buffer).toString('base64')
const reply = (embedding: unknown) => ({
  object: 'list',
  data: [{ object: 'embedding', index: 0, embedding }],
  model: 'text-embedding-3-small',
  usage: { prompt_tokens: 2, total_tokens: 2 },
})
const ask = { model: 'vendor/text-embedding-3-small', input: 'Hi' }

describe.each(doors)('embeddings through the %s', (door) => {
  test('[R006] are routed with the default encoding filled in, as upstream does', async () => {
    await withStack({ door, routes: { [embeddings]: { json: reply(vector) } } }, async ({ call, upstream }) => {
      expect(await (await call(embeddings, ask)).json()).toEqual({ ...reply(vector), model: ask.model })
      expect(upstream.requests.at(-1)?.json()).toEqual({
        model: 'text-embedding-3-small',
        input: 'Hi',
        encoding_format: 'float',
      })
    })
  })

  test.each([
    ['base64', vector, base64],
    ['base64', base64, base64],
    ['float', base64, vector],
  ])('[B014] come as %s whatever the vendor sends', async (format, sent, wanted) => {
    await withStack({ door, routes: { [embeddings]: { json: reply(sent) } } }, async ({ call }) => {
      const got = await (await call(embeddings, { ...ask, encoding_format: format })).json()
      expect(got).toMatchObject({ data: [{ embedding: wanted }] })
    })
  })

  test.each([
    ['two', 'texts'],
    [1, 2, 3],
    [[1], [2, 3]],
  ])('[B014] take texts and token arrays: %j', async (...input) => {
    await withStack({ door, routes: { [embeddings]: { json: reply(vector) } } }, async ({ call, upstream }) => {
      expect((await call(embeddings, { ...ask, input, dimensions: 3 })).status).toBe(200)
      expect(upstream.requests.at(-1)?.json()).toMatchObject({ input, dimensions: 3 })
    })
  })

  test('refuse an input that is neither', async () => {
    await withStack({ door }, async ({ call }) => {
      const response = await call(embeddings, { ...ask, input: { text: 'x' } })
      expect(response.status).toBe(400)
      expect(await response.json()).toMatchObject({ error: { param: 'input', code: 'invalid_value' } })
    })
  })
})

describe.each(doors)('completions and rerank through the %s', (door) => {
  const completion = {
    id: 'cmpl-1',
    object: 'text_completion',
    created: 1,
    model: 'm1',
    choices: [{ index: 0, text: ' blue', finish_reason: 'length', logprobs: null }],
    usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
  }
  test('[R005] text completions are routed, streamed or not', async () => {
    const routes = {
      'POST /v1/completions': ({ body }: { body: string }) =>
        body.includes('"stream":true') ? { events: [completion] } : { json: completion },
    }
    await withStack({ door, routes }, async ({ call }) => {
      const body = { model: 'vendor/m1', prompt: 'The sky is', max_tokens: 1 }
      expect(await (await call('POST /v1/completions', body)).json()).toEqual({ ...completion, model: 'vendor/m1' })
      const text = await (await call('POST /v1/completions', { ...body, stream: true })).text()
      expect(text).toBe(`data: ${JSON.stringify({ ...completion, model: 'vendor/m1' })}\n\ndata: [DONE]\n\n`)
    })
  })

  test('[R007] rerank answers in upstream’s shape and in the shape of Cohere and Jina', async () => {
    const config = { providers: [{ api: 'inference', id: 'lexical', type: 'inline::lexical', config: {} }] }
    await withStack({ door, config }, async ({ call }) => {
      const texts = ['the price of bread', 'capital cities of Europe', 'what the capital of France is: Paris']
      const query = 'What is the capital of France?'
      for (const path of ['/v1alpha/inference/rerank', '/v1/inference/rerank']) {
        const ranked = await (
          await call(`POST ${path}`, { model: 'lexical/lexical-rerank', query, items: texts, max_num_results: 2 })
        ).json()
        expect(ranked).toMatchObject({ data: [{ index: 2 }, { index: 1 }] })
      }
      const jina = {
        model: 'lexical/lexical-rerank',
        query,
        documents: [{ text: texts[0] }, texts[2]],
        top_n: 1,
        return_documents: true,
      }
      expect(await (await call('POST /v1/rerank', jina)).json()).toMatchObject({
        model: 'lexical/lexical-rerank',
        results: [{ index: 1, document: { text: texts[2] } }],
      })
    })
  })

  test('[R007] rerank says when a stand-in ranked', async () => {
    const config = { providers: [{ api: 'inference', id: 'local', type: 'inline::transformers', config: {} }] }
    await withStack({ door, config }, async ({ call }) => {
      const ask = { model: 'local/Qwen/Qwen3-Reranker-0.6B', query: 'rain' }
      for (const [path, body] of [
        ['/v1alpha/inference/rerank', { ...ask, items: ['sun', 'rain'] }],
        ['/v1/rerank', { ...ask, documents: ['sun', 'rain'] }],
      ] as const) {
        const response = await call(`POST ${path}`, body)
        expect(response.status).toBe(200)
        expect(response.headers.get('x-llama-stack-substitute')).toBe('lexical')
        await response.body?.cancel()
      }
    })
  })
})
