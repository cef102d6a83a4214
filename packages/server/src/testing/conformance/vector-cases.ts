/** Cases about text completions, embeddings and rerank. */
import { bug } from '@llama-stack/api'
import type { EmbeddingsRequest, EmbeddingsResponse, InferenceProvider } from '@llama-stack/api'
import { expect } from 'vitest'
import type { ConformanceCase, SubjectUnderTest } from './conformance-case.ts'
import { sendStream } from './conformance-case.ts'
import { createScriptedRig, isScripted, toCall } from './rig.ts'
import type { VendorAnswer } from './rig.ts'
import { serveCompletion, serveCompletionStream, serveEmbeddings, serveRerank } from './served-reply.ts'
import { textTurn } from './turns.ts'

const TEXTS = ['rain in Bern', 'sun', 'à Zürich ☔']
const TOKENS_PER_TEXT = 3
const DIMENSIONS = 8

/** A made-up vector of a text: exact in 32 bits, and different for each of {@link TEXTS}. */
function vectorOf(text: string, dimensions = 4): number[] {
  return Array.from({ length: dimensions }, (_, at) => (text.length * 8 + at) / 256)
}

/** A made-up score: the shorter the better. */
function scoreOf(text: string): number {
  return 1 / (1 + text.length)
}

/** The cases of the operations without a conversation. */
export const vectorCases: readonly ConformanceCase[] = [
  {
    capability: 'text completions',
    title: 'a text is completed, whole and streamed',
    async run(under) {
      const { chat, completion: model = chat ?? bug('the declaration names no model') } = under.declaration.models
      await withProvider(under, 'completion', async (provider) => {
        const prompt = 'Roses are'
        const completion = await serveCompletion(provider, { model, prompt, max_tokens: 9 }, toCall())
        const [choice] = completion.choices
        expect(choice?.finish_reason).toMatch(/^(?:stop|length)$/)
        if (isScripted(under.declaration)) expect(choice?.text).toBe(textTurn.pieces.join(''))
        const streamed = await serveCompletionStream(provider, { model, prompt, max_tokens: 9 }, toCall())
        expect(streamed).toBe(choice?.text)
      })
    },
  },
  {
    capability: 'embeddings',
    title: 'one vector for each text, in their order, with usage',
    run: (under) =>
      withEmbeddings(under, async (embed) => {
        const [several, single] = [await embed({ input: TEXTS }), await embed({ input: 'sun' })]
        expect(several.data.map(({ index }) => index)).toEqual([0, 1, 2])
        expect(single.data).toHaveLength(1)
        expectClose(vectorsOf(single)[0], vectorsOf(several)[1])
        expect(several.usage.prompt_tokens).toBeGreaterThan(0)
        expect(several.usage.total_tokens).toBe(several.usage.prompt_tokens)
        if (!isScripted(under.declaration)) return
        expect(vectorsOf(several)).toEqual(TEXTS.map((text) => vectorOf(text)))
        expect(several.usage.prompt_tokens).toBe(TEXTS.length * TOKENS_PER_TEXT)
      }),
  },
  {
    capability: 'base64 embeddings',
    title: 'base64 holds the same numbers as little-endian float32',
    run: (under) =>
      withEmbeddings(under, async (embed) => {
        const floats = vectorsOf(await embed({ input: TEXTS }))
        const encoded = await embed({ input: TEXTS, encoding_format: 'base64' })
        const decoded = encoded.data.map(({ embedding }) => decode(embedding))
        for (const [at, vector] of floats.entries()) expectClose(decoded[at], vector)
      }),
  },
  {
    capability: 'dimensions',
    title: 'a vector has the dimensions that were asked for',
    run: (under) =>
      withEmbeddings(under, async (embed) => {
        const [vector] = vectorsOf(await embed({ input: 'sun', dimensions: DIMENSIONS }))
        expect(vector).toHaveLength(DIMENSIONS)
      }),
  },
  {
    capability: 'rerank',
    title: 'the most relevant come first, with their places in the request',
    async run(under) {
      const model = under.declaration.models.rerank ?? bug('the declaration names no rerank model')
      const items = ['the weather in Bern was fine', { type: 'text' as const, text: 'rain' }, 'much rain in Bern']
      await withProvider(under, 'rerank', async (provider) => {
        const { data } = await serveRerank(provider, { model, query: 'rain', items }, toCall())
        expect(data.map(({ index }) => index).toSorted((a, b) => a - b)).toEqual([0, 1, 2])
        const scores = data.map((one) => one.relevance_score)
        expect(scores).toEqual(scores.toSorted((a, b) => b - a))
        const best = await serveRerank(provider, { model, query: 'rain', items, max_num_results: 1 }, toCall())
        expect(best.data).toEqual(data.slice(0, 1))
        if (isScripted(under.declaration)) expect(data.map(({ index }) => index)).toEqual([1, 2, 0])
      })
    },
  },
]

async function withEmbeddings(
  under: SubjectUnderTest,
  run: (embed: (asked: Omit<EmbeddingsRequest, 'model'>) => Promise<EmbeddingsResponse>) => Promise<void>,
): Promise<void> {
  const model = under.declaration.models.embedding ?? bug('the declaration names no embedding model')
  await withProvider(under, 'embeddings', (provider) =>
    run((asked) => serveEmbeddings(provider, { input: '', ...asked, model }, toCall())),
  )
}

async function withProvider(
  { declaration, computed }: SubjectUnderTest,
  operation: 'completion' | 'embeddings' | 'rerank',
  run: (provider: InferenceProvider) => Promise<void>,
): Promise<void> {
  if (!isScripted(declaration)) return run(await computed())
  const { script } = declaration.subject
  const answers: Readonly<Record<typeof operation, VendorAnswer>> = {
    completion(request) {
      const of = script.completion ?? bug('the script has no text completions')
      return of.read(request).streamed ? sendStream(of.stream(textTurn)) : of.reply(textTurn)
    },
    embeddings(request) {
      const of = script.embeddings ?? bug('the script has no embeddings')
      const asked = of.read(request)
      const vectors = asked.input.map((text) => vectorOf(text, asked.dimensions))
      return of.reply({ vectors, inputTokens: asked.input.length * TOKENS_PER_TEXT }, asked, request)
    },
    rerank(request) {
      const of = script.rerank ?? bug('the script has no rerank')
      const asked = of.read(request)
      expect(asked.query).toBe('rain')
      return of.reply(asked.documents.map(scoreOf), asked, request)
    },
  }
  await using rig = await createScriptedRig(declaration, answers[operation])
  await run(rig.provider)
}

function vectorsOf({ data }: EmbeddingsResponse): number[][] {
  return data.map(({ embedding }) => (typeof embedding === 'string' ? bug('floats were asked for') : embedding))
}

function decode(embedding: unknown): number[] {
  const bytes = Buffer.from(typeof embedding === 'string' ? embedding : bug('base64 was asked for'), 'base64')
  return Array.from({ length: bytes.length / 4 }, (_, at) => bytes.readFloatLE(at * 4))
}

function expectClose(actual: readonly number[] | undefined, expected: readonly number[] | undefined): void {
  expect(actual).toHaveLength(expected?.length ?? 0)
  for (const [at, value] of (expected ?? []).entries()) expect(actual?.[at]).toBeCloseTo(value, 5)
}
