/** Embeddings of Google's models: as many texts at a time as each model takes. */
import { StackError } from '@llama-stack/api'
import type { EmbeddingsRequest, EmbeddingsResponse, ProviderCall } from '@llama-stack/api'
import { isRecord } from '../../kernel/json-record.ts'
import { parseTexts } from './_embedding-texts.ts'
import { findAt } from './_json-shape.ts'
import { countTokens } from './_token-count.ts'
import { encodeVector } from './_vector-encoding.ts'
import { readJson } from './_vendor-reply.ts'
import type { VertexAccess, VertexPlace } from './_vertex-access.ts'
import { toEmbeddingFacts } from './_vertex-models.ts'
import type { VertexModel } from './_vertex-models.ts'

/** A request may have 20,000 tokens. We only estimate them, and a text counts for its first 2,048. */
const MAX_REQUEST_TOKENS = 15_000
const MAX_TEXT_TOKENS = 2048
const MAX_PARALLEL_REQUESTS = 8

/** What embedding is asked with. */
export interface EmbeddingsCall {
  readonly provider: string
  readonly access: VertexAccess
  readonly model: Extract<VertexModel, { kind: 'google' }>
  readonly request: EmbeddingsRequest
  readonly call: ProviderCall
}

interface Embedded {
  readonly vectors: readonly (readonly number[])[]
  readonly tokens: number
}

/** Embeds every text; the vectors come back in the order of the texts. */
export async function embedWithVertex(asked: EmbeddingsCall): Promise<EmbeddingsResponse> {
  const { access, model, request, call } = asked
  const texts = parseTexts(request.input)
  if (texts.length === 0) {
    throw new StackError('invalid_value', { param: 'input', problem: 'there is nothing to embed', fix: 'Send a text.' })
  }
  const place = await access.locate(call)
  const { maxInputs } = toEmbeddingFacts(model.name)
  const batches = toBatches(texts, maxInputs)
  const leaving = new AbortController()
  const signal = AbortSignal.any([call.signal, leaving.signal])
  const embedded = await inParallel(batches, (batch) =>
    embedBatch({ ...asked, call: { ...call, signal } }, place, batch),
  ).catch((error: unknown) => {
    // One failure is the request's: the others are not waited for.
    leaving.abort()
    throw error
  })
  const vectors = embedded.flatMap((batch) => batch.vectors)
  const tokens = embedded.reduce((sum, batch) => sum + batch.tokens, 0)
  // Numbers stay as the vendor wrote them; as float32 they would come out with digits that nobody meant.
  const encode = (vector: readonly number[]): number[] | string =>
    request.encoding_format === 'base64' ? encodeVector(Float32Array.from(vector), 'base64') : [...vector]
  return {
    object: 'list',
    data: vectors.map((vector, index) => ({ object: 'embedding', index, embedding: encode(vector) })),
    model: request.model,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  }
}

async function embedBatch(asked: EmbeddingsCall, place: VertexPlace, texts: readonly string[]): Promise<Embedded> {
  const { provider, access, model, call } = asked
  const { method } = toEmbeddingFacts(model.name)
  const body = method === 'predict' ? toPrediction(asked.request, texts) : toEmbedContent(asked.request, texts)
  const url = `${place.root}/v1${place.parent}/${model.path}:${method}`
  const response = await access.send({ method: 'POST', url, body }, { place, call })
  const reply = await readJson(provider, response)
  const embedded = method === 'predict' ? readPrediction(reply) : readEmbedContent(reply)
  if (embedded.vectors.length === texts.length) return embedded
  const reason = `it has ${embedded.vectors.length} embeddings for ${texts.length} texts`
  throw new StackError('provider_bad_reply', { provider, reason })
}

/** `task_type`, `title` and `auto_truncate` are the vendor's own; a caller may send them beside OpenAI's fields. */
function toPrediction(request: EmbeddingsRequest, texts: readonly string[]): object {
  const { dimensions, task_type: taskType, title, auto_truncate: autoTruncate } = request
  const shared = { ...(isSaid(taskType) && { task_type: taskType }), ...(isSaid(title) && { title }) }
  const parameters = {
    ...(isSaid(dimensions) && { outputDimensionality: dimensions }),
    ...(isSaid(autoTruncate) && { autoTruncate }),
  }
  return {
    instances: texts.map((content) => ({ content, ...shared })),
    ...(Object.keys(parameters).length > 0 && { parameters }),
  }
}

function readPrediction(reply: unknown): Embedded {
  const predictions = asList(findAt(reply, 'predictions'))
  return {
    vectors: predictions.flatMap((prediction) => toVectors(findAt(prediction, 'embeddings.values'))),
    tokens: predictions.reduce<number>(
      (sum, prediction) => sum + Number(findAt(prediction, 'embeddings.statistics.token_count') ?? 0),
      0,
    ),
  }
}

function toEmbedContent(request: EmbeddingsRequest, texts: readonly string[]): object {
  const { dimensions, task_type: taskType, title, auto_truncate: autoTruncate } = request
  return {
    content: { parts: texts.map((text) => ({ text })) },
    ...(isSaid(dimensions) && { outputDimensionality: dimensions }),
    ...(isSaid(taskType) && { taskType }),
    ...(isSaid(title) && { title }),
    ...(isSaid(autoTruncate) && { autoTruncate }),
  }
}

function readEmbedContent(reply: unknown): Embedded {
  return {
    vectors: toVectors(findAt(reply, 'embedding.values')),
    tokens: Number(findAt(reply, 'usageMetadata.promptTokenCount') ?? 0),
  }
}

function toVectors(values: unknown): readonly (readonly number[])[] {
  return Array.isArray(values) ? [values.map(Number)] : []
}

function toBatches(texts: readonly string[], maxInputs: number): readonly (readonly string[])[] {
  const batches: string[][] = []
  let tokens = 0
  for (const text of texts) {
    const own = Math.min(MAX_TEXT_TOKENS, countTokens(text))
    const last = batches.at(-1)
    if (last !== undefined && last.length < maxInputs && tokens + own <= MAX_REQUEST_TOKENS) {
      last.push(text)
      tokens += own
    } else {
      batches.push([text])
      tokens = own
    }
  }
  return batches
}

/** Maps with a few calls at a time, in order. */
async function inParallel<Item, Result>(
  items: readonly Item[],
  map: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = []
  const waiting = items.entries()
  const work = async (): Promise<void> => {
    for (const [index, item] of waiting) results[index] = await map(item)
  }
  await Promise.all(Array.from({ length: Math.min(MAX_PARALLEL_REQUESTS, items.length) }, work))
  return results
}

function isSaid(of: unknown): boolean {
  return of !== undefined && of !== null
}

function asList(of: unknown): readonly Record<string, unknown>[] {
  return Array.isArray(of) ? of.filter(isRecord) : []
}
