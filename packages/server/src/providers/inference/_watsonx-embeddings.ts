/** Embeddings in watsonx's own API: the documented one, which also truncates where it is told to. */
import { StackError } from '@llama-stack/api'
import type { EmbeddingsRequest, EmbeddingsResponse, JsonObject, ProviderCall } from '@llama-stack/api'
import { parseTexts } from './_embedding-texts.ts'
import { toJsonPost } from './_json-post.ts'
import { findAt } from './_json-shape.ts'
import type { ProtocolContext } from './_protocol-context.ts'
import { encodeVector } from './_vector-encoding.ts'
import { expectSuccess, readJson } from './_vendor-reply.ts'

/** Embeds the texts of a request. Fields that are not OpenAI's travel on: `project_id`, `parameters`. */
export async function embedByWatsonx(
  context: ProtocolContext,
  request: EmbeddingsRequest,
  call: ProviderCall,
): Promise<EmbeddingsResponse> {
  context.expectAllowed(request.model)
  const { model, input, encoding_format: format, dimensions, user: _user, ...more } = request
  if (dimensions !== undefined && dimensions !== null) {
    throw new StackError('invalid_value', {
      param: 'dimensions',
      problem: 'the models of watsonx have one dimension each',
      fix: 'Leave it out.',
    })
  }
  const inputs = parseTexts(input)
  // The request was parsed from JSON; only the type of its unknown fields forgot that.
  const body = { model_id: model, inputs, ...more } as JsonObject
  const target = await context.locate(call)
  const url = `${target.baseUrl}/text/embeddings${target.query}`
  const outbound = toJsonPost({ provider: context.id, target, call, url, body })
  const reply = await readJson(
    context.id,
    await expectSuccess(context.id, await context.send(outbound, { target, call })),
  )
  const vectors = readVectors(reply, { provider: context.id, count: inputs.length })
  const data = vectors.map((vector, index) => ({
    object: 'embedding' as const,
    index,
    embedding: format === 'base64' ? encodeVector(Float32Array.from(vector), format) : vector,
  }))
  const tokens = Number(findAt(reply, 'input_token_count') ?? 0)
  return { object: 'list', data, model, usage: { prompt_tokens: tokens, total_tokens: tokens } }
}

function readVectors(reply: unknown, { provider, count }: { provider: string; count: number }): number[][] {
  const results = findAt(reply, 'results')
  const vectors = Array.isArray(results) ? results.map((result: unknown) => findAt(result, 'embedding')) : []
  if (vectors.length !== count) {
    throw new StackError('provider_bad_reply', { provider, reason: `${count} texts gave ${vectors.length} vectors` })
  }
  return vectors.map((vector) => {
    if (Array.isArray(vector) && vector.every((value) => typeof value === 'number')) return vector
    throw new StackError('provider_bad_reply', { provider, reason: 'a result has no vector of numbers' })
  })
}
