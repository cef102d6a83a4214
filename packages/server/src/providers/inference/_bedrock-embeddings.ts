/** Embeddings through `InvokeModel`, whose body is that of the model's maker. */
import { StackError } from '@llama-stack/api'
import type { EmbeddingsRequest, EmbeddingsResponse, JsonObject, ProviderCall } from '@llama-stack/api'
import { asRecord, isRecord } from '../../kernel/json-record.ts'
import { toModelPath } from './_bedrock-context.ts'
import type { BedrockContext } from './_bedrock-context.ts'
import { embeddingFacts } from './_bedrock-embedding-facts.ts'
import type { EmbeddingModel } from './_bedrock-embedding-facts.ts'
import { parseTexts } from './_embedding-texts.ts'
import { encodeVector } from './_vector-encoding.ts'
import { readJson } from './_vendor-reply.ts'

/** What Cohere's models take in one call. */
const MAX_TEXTS = 96
/** How many calls of one request are under way at once. */
const MAX_PARALLEL = 8
const TOKENS_HEADER = 'x-amzn-bedrock-input-token-count'

/** Cohere's models ask what a text is for. */
const COHERE_INPUT_TYPE = 'search_document'

const known = new Set(['model', 'input', 'encoding_format', 'dimensions', 'user'])

/** Embeds the texts of a request, in as few calls as the model allows. */
export async function embedWithBedrock(
  context: BedrockContext,
  request: EmbeddingsRequest,
  call: ProviderCall,
): Promise<EmbeddingsResponse> {
  context.protocol.expectAllowed(request.model)
  const model = embeddingFacts(request.model)
  if (model === undefined) {
    throw new StackError('invalid_value', {
      param: 'model',
      problem: `the embeddings of '${request.model}' are asked for in a way that is not known here`,
      fix: 'Choose a model of Titan or of Cohere.',
    })
  }
  const texts = parseTexts(request.input)
  const extra = toExtraFields(request, model)
  const batches = chunk(texts, model.shape === 'titan' ? 1 : MAX_TEXTS)
  const replies = await mapInParallel(batches, async (batch) => {
    const body = model.shape === 'titan' ? { inputText: batch[0] ?? '', ...extra } : toCohereBody(batch, extra)
    const path = toModelPath(request.model, 'invoke')
    const response = await context.post('runtime', { path, body }, call)
    return { counted: response.headers[TOKENS_HEADER], body: asRecord(await readJson(context.id, response)) }
  })
  const vectors = replies.flatMap(({ body }) => readVectors(body))
  if (vectors.length !== texts.length) {
    const reason = `it has ${vectors.length} vectors for ${texts.length} texts`
    throw new StackError('provider_bad_reply', { provider: context.id, reason })
  }
  const tokens = replies.reduce(
    (sum, { body, counted }) => sum + Number(body['inputTextTokenCount'] ?? counted ?? 0),
    0,
  )
  return {
    object: 'list',
    data: vectors.map((vector, index) => ({
      object: 'embedding',
      index,
      embedding: encodeVector(Float32Array.from(vector), request.encoding_format),
    })),
    model: request.model,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  }
}

function toExtraFields(request: EmbeddingsRequest, { dimensionField }: EmbeddingModel): JsonObject {
  const { dimensions } = request
  const own = Object.entries(request).filter(([field, value]) => !known.has(field) && value !== null)
  // Requests are parsed JSON; only the type of the parsed request forgot that.
  const extra = Object.fromEntries(own) as JsonObject
  if (dimensions === undefined || dimensions === null) return extra
  if (dimensionField !== undefined) return { ...extra, [dimensionField]: dimensions }
  throw new StackError('invalid_value', {
    param: 'dimensions',
    problem: 'the vectors of this model have one length only',
    fix: 'Leave it out, or choose another model.',
  })
}

function toCohereBody(texts: readonly string[], extra: JsonObject): JsonObject {
  return { texts, input_type: COHERE_INPUT_TYPE, embedding_types: ['float'], ...extra }
}

/** One vector, a list of vectors, or lists of vectors by the type of their numbers. */
function readVectors({ embedding, embeddings }: Record<string, unknown>): readonly (readonly number[])[] {
  const found: unknown = embedding === undefined ? embeddings : [embedding]
  const list = isRecord(found) ? found['float'] : found
  return Array.isArray(list) ? list.filter(isVector) : []
}

function isVector(of: unknown): of is readonly number[] {
  return Array.isArray(of) && of.every((value) => typeof value === 'number')
}

function chunk<Item>(items: readonly Item[], size: number): readonly (readonly Item[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  )
}

/** The results in the order of the items, some of them under way at once. The first failure is that of all, and ends the rest. */
async function mapInParallel<Item, Result>(
  items: readonly Item[],
  run: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = []
  const queue = items.entries()
  let failed = false
  const work = async (): Promise<void> => {
    for (const [index, item] of queue) {
      if (failed) return
      try {
        // Each worker has one call under way.
        // eslint-disable-next-line no-await-in-loop
        results[index] = await run(item)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(MAX_PARALLEL, items.length) }, work))
  return results
}
