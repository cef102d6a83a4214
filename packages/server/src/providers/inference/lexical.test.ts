import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createOfflineProvider, offlineCall } from '../../testing/offline-provider.ts'
import { provider } from './lexical.ts'

const lexical = createOfflineProvider(provider, {})

async function embed(input: string | string[], more: object = {}): Promise<(number[] | string)[]> {
  const reply = await lexical.embeddings?.({ model: 'lexical-embedding', input, ...more }, offlineCall())
  if (reply?.kind !== 'value') throw new Error('expected a value')
  return reply.value.data.map(({ embedding }) => embedding)
}

async function vectors(texts: string[], more: object = {}): Promise<number[][]> {
  return (await embed(texts, more)).map((embedding) => {
    if (typeof embedding === 'string') throw new Error('expected floats')
    return embedding
  })
}

const dot = (left: number[], right: number[]): number =>
  left.reduce((sum, value, index) => sum + value * (right[index] ?? 0), 0)

async function similarity(left: string, right: string): Promise<number> {
  const [first = [], second = []] = await vectors([left, right])
  return dot(first, second)
}

describe('lexical embeddings', () => {
  it('have length 1 for every text', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'binary', maxLength: 200 }),
        fc.integer({ min: 1, max: 900 }),
        async (text, dimensions) => {
          const [vector = []] = await vectors([text], { dimensions })
          expect(vector).toHaveLength(dimensions)
          expect(Math.sqrt(dot(vector, vector))).toBeCloseTo(1, 5)
        },
      ),
    )
  })

  it('are the same for the same text, alone or among others', async () => {
    const [alone] = await vectors(['vector stores keep chunks'])
    const [, among] = await vectors(['something else', 'vector stores keep chunks'])
    expect(among).toEqual(alone)
  })

  it('say the same in base64 as in floats', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string(), { minLength: 1, maxLength: 5 }), async (texts) => {
        const floats = await vectors(texts)
        const encoded = await embed(texts, { encoding_format: 'base64' })
        const decoded = encoded.map((text) => {
          const bytes = Buffer.from(String(text), 'base64')
          return Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readFloatLE(index * 4))
        })
        expect(decoded).toEqual(floats)
      }),
    )
  })

  it.each([
    [
      'How many vacation days do employees get?',
      'Each employee gets 25 days of vacation.',
      'The printer is on the second floor.',
    ],
    ['marketing report', 'Quarterly reports of the marketing team', 'Sales figures for spring'],
    ['Zürich cafés', 'A CAFE in Zurich', 'A museum in Bern'],
    ['optimise the databases', 'database optimisation', 'a holiday by the sea'],
    ['東京の天気', '今日の東京の天気は晴れ', '株式市場の動向'],
    ['The cat is on the mat', 'a cat on a mat', 'the dog is in the house of the mayor'],
  ])('hold "%s" closer to "%s" than to "%s"', async (query, related, unrelated) => {
    expect(await similarity(query, related)).toBeGreaterThan((await similarity(query, unrelated)) + 0.1)
  })

  it('count tokens and keep the order of the texts', async () => {
    const reply = await lexical.embeddings?.(
      { model: 'lexical-embedding', input: ['one two three', 'four'] },
      offlineCall(),
    )
    if (reply?.kind !== 'value') throw new Error('expected a value')
    expect(reply.value.usage).toEqual({ prompt_tokens: 4, total_tokens: 4 })
    expect(reply.value.data.map(({ index }) => index)).toEqual([0, 1])
    expect(reply.value.model).toBe('lexical-embedding')
  })

  it.each([
    ['token ids', { input: [1, 2, 3] }, 'invalid_value'],
    ['lists of token ids', { input: [[1], [2]] }, 'invalid_value'],
    ['nothing', { input: [] }, 'invalid_value'],
    ['a vector without bounds', { input: 'x', dimensions: 1_000_000_000 }, 'invalid_value'],
    ['another model', { input: 'x', model: 'gpt-4o' }, 'model_not_found'],
  ])('refuse %s', async (_, request, code) => {
    const call = lexical.embeddings?.({ model: 'lexical-embedding', ...request }, offlineCall())
    await expect(call).rejects.toMatchObject({ name: 'StackError', code })
  })

  it('take ids and dimensions from the configuration', async () => {
    const own = createOfflineProvider(provider, { models: [{ id: 'mine', dimension: 64 }] })
    const reply = await own.embeddings?.({ model: 'mine', input: 'x' }, offlineCall())
    if (reply?.kind !== 'value') throw new Error('expected a value')
    expect(reply.value.data[0]?.embedding).toHaveLength(64)
    expect(await own.models?.(offlineCall())).toEqual([
      { id: 'mine', type: 'embedding', metadata: { embedding_dimension: 64, context_length: 8192, method: 'lexical' } },
      { id: 'lexical-rerank', type: 'rerank', metadata: { method: 'lexical' } },
    ])
  })
})

describe('lexical rerank', () => {
  const rerank = async (query: string, items: string[], more: object = {}) => {
    const reply = await lexical.rerank?.({ model: 'lexical-rerank', query, items, ...more }, offlineCall())
    return reply?.value
  }

  it('puts the text that answers first, and scores between 0 and 1', async () => {
    const reply = await rerank('capital of France', [
      'The capital of Germany is Berlin.',
      'Paris is the capital of France.',
      'Bananas are yellow.',
      'France has many cheeses.',
    ])
    expect(reply?.data[0]?.index).toBe(1)
    expect(reply?.data.at(-1)?.index).toBe(2)
    for (const { relevance_score: score } of reply?.data ?? []) {
      expect(score).toBeGreaterThanOrEqual(0)
      expect(score).toBeLessThanOrEqual(1)
    }
  })

  it('prefers the rare word of the query', async () => {
    const reply = await rerank('quantum report', ['a report', 'another report', 'report again', 'quantum states'])
    expect(reply?.data[0]?.index).toBe(3)
  })

  it('finds inflected and misspelt words', async () => {
    const reply = await rerank('recieve payments', ['Weather tomorrow', 'How to receive a payment'])
    expect(reply?.data[0]?.index).toBe(1)
  })

  it('returns as many as were asked for, and each item once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), fc.array(fc.string(), { minLength: 1, maxLength: 8 }), async (query, items) => {
        const all = await rerank(query, items)
        expect(all?.data.map(({ index }) => index).toSorted((a, b) => a - b)).toEqual(items.map((_, index) => index))
        const some = await rerank(query, items, { max_num_results: 2 })
        expect(some?.data).toEqual(all?.data.slice(0, 2))
      }),
    )
  })

  it('refuses images by their place', async () => {
    const call = lexical.rerank?.(
      {
        model: 'lexical-rerank',
        query: 'x',
        items: ['a', { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } }],
      },
      offlineCall(),
    )
    await expect(call).rejects.toMatchObject({ code: 'invalid_value', param: 'items[1]' })
  })
})
