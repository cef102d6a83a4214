import { describe, expect, it } from 'vitest'
import { createBedrockRig } from '../../testing/bedrock-rig.ts'
import type { ScriptedReply, ScriptedRequest } from '../../testing/scripted-upstream.ts'

const MODELS = 'GET /foundation-models'
const PROFILES = 'GET /inference-profiles'
const ARN = 'arn:aws:bedrock:us-east-2'

function summary(modelId: string, more: object = {}): object {
  return {
    modelId,
    modelArn: `${ARN}::foundation-model/${modelId}`,
    inputModalities: ['TEXT'],
    outputModalities: ['TEXT'],
    inferenceTypesSupported: ['ON_DEMAND'],
    modelLifecycle: { status: 'ACTIVE' },
    ...more,
  }
}

const modelSummaries = [
  summary('anthropic.claude-3-haiku-20240307-v1:0', { inputModalities: ['TEXT', 'IMAGE'] }),
  summary('anthropic.claude-sonnet-4-5-v1:0', {
    inputModalities: ['TEXT', 'IMAGE'],
    inferenceTypesSupported: ['INFERENCE_PROFILE'],
  }),
  summary('anthropic.claude-v2', { modelLifecycle: { status: 'LEGACY' } }),
  summary('meta.llama3-8b:provisioned', { inferenceTypesSupported: ['PROVISIONED'] }),
  summary('amazon.nova-canvas-v1:0', { outputModalities: ['IMAGE'] }),
  summary('amazon.titan-embed-text-v2:0', { outputModalities: ['EMBEDDING'] }),
  summary('twelvelabs.embed', { outputModalities: ['EMBEDDING'] }),
  summary('cohere.rerank-v3-5:0'),
]

const system = {
  inferenceProfileId: 'us.anthropic.claude-sonnet-4-5-v1:0',
  inferenceProfileArn: `${ARN}:1:inference-profile/us.anthropic.claude-sonnet-4-5-v1:0`,
  models: [{ modelArn: `${ARN}::foundation-model/anthropic.claude-sonnet-4-5-v1:0` }],
  status: 'ACTIVE',
  type: 'SYSTEM_DEFINED',
}
const own = {
  inferenceProfileId: 'abc',
  inferenceProfileArn: `${ARN}:1:application-inference-profile/abc`,
  models: [{ modelArn: `${ARN}::foundation-model/anthropic.claude-3-haiku-20240307-v1:0` }],
  status: 'ACTIVE',
  type: 'APPLICATION',
}

const forbidden: ScriptedReply = {
  status: 403,
  headers: { 'x-amzn-errortype': 'AccessDeniedException' },
  json: { message: 'User: x is not authorized to perform: bedrock:ListFoundationModels' },
}

describe('the list', () => {
  it('has what can be called: models by the token, and profiles for the others', async () => {
    const pages = ({ path }: ScriptedRequest): ScriptedReply =>
      path.includes('nextToken=a%2Fb%3D')
        ? { json: { inferenceProfileSummaries: [own, { ...system, inferenceProfileId: 'old', status: 'DELETED' }] } }
        : { json: { inferenceProfileSummaries: [system], nextToken: 'a/b=' } }
    await using rig = await createBedrockRig({ [MODELS]: { json: { modelSummaries } }, [PROFILES]: pages })
    const vision = { input_modalities: ['text', 'image'], output_modalities: ['text'] }
    const text = { input_modalities: ['text'] }
    const titan = { ...text, embedding_dimension: 1024, context_length: 8192 }
    expect(await rig.provider.models(rig.call())).toEqual([
      { id: 'anthropic.claude-3-haiku-20240307-v1:0', type: 'llm', metadata: vision },
      { id: 'amazon.titan-embed-text-v2:0', type: 'embedding', metadata: titan },
      { id: 'cohere.rerank-v3-5:0', type: 'rerank', metadata: text },
      { id: 'us.anthropic.claude-sonnet-4-5-v1:0', type: 'llm', metadata: vision },
      { id: own.inferenceProfileArn, type: 'llm', metadata: vision },
    ])
    expect(rig.aws.requests.map(({ path }) => path)).toEqual([
      '/foundation-models',
      '/inference-profiles?maxResults=1000',
      '/inference-profiles?maxResults=1000&nextToken=a%2Fb%3D',
    ])
  })

  it('has only what the operator allows', async () => {
    await using rig = await createBedrockRig(
      { [MODELS]: { json: { modelSummaries } }, [PROFILES]: { json: { inferenceProfileSummaries: [system] } } },
      { config: { allowed_models: [system.inferenceProfileId] } },
    )
    expect((await rig.provider.models(rig.call()))?.map(({ id }) => id)).toEqual([system.inferenceProfileId])
  })

  it('is none for those who may not see it, and lacks profiles for those who may not see them', async () => {
    await using none = await createBedrockRig({ [MODELS]: forbidden })
    expect(await none.provider.models(none.call())).toBeUndefined()
    await using some = await createBedrockRig({ [MODELS]: { json: { modelSummaries } }, [PROFILES]: forbidden })
    expect(await some.provider.models(some.call())).toHaveLength(3)
  })

  it('fails for a reason that is not a permission', async () => {
    await using rig = await createBedrockRig({ [MODELS]: { status: 500, json: { message: 'Oh.' } } })
    await expect(rig.provider.models(rig.call())).rejects.toMatchObject({ code: 'provider_internal' })
  })

  it('is not asked for without credentials, nor where it is not wanted', async () => {
    const without = { aws_access_key_id: null, aws_secret_access_key: null }
    await using nobody = await createBedrockRig({}, { config: without })
    expect(await nobody.provider.models(nobody.call())).toBeUndefined()
    await using unwanted = await createBedrockRig({}, { config: { skip_model_availability: true } })
    expect(await unwanted.provider.models(unwanted.call())).toBeUndefined()
    expect([...nobody.aws.requests, ...unwanted.aws.requests]).toEqual([])
  })

  it('is asked for with the key of a caller', async () => {
    await using rig = await createBedrockRig({
      [MODELS]: { json: { modelSummaries } },
      [PROFILES]: { json: { inferenceProfileSummaries: [] } },
    })
    const call = rig.call({ providerData: { aws_bearer_token_bedrock: 'caller key' } })
    expect(await rig.provider.models(call)).toHaveLength(3)
    expect(rig.aws.requests.map(({ headers }) => headers['authorization'])).toEqual([
      'Bearer caller key',
      'Bearer caller key',
    ])
  })

  it('of a replay is upstream’s, in OpenAI’s shape', async () => {
    const data = [{ id: 'qwen.qwen3-32b-v1:0', object: 'model' }, { id: 'amazon.titan-embed-text-v2:0' }]
    await using rig = await createBedrockRig({ [MODELS]: { json: { data } } }, { replaying: true })
    expect(await rig.provider.models(rig.call({ testId: 't' }))).toEqual([
      { id: 'qwen.qwen3-32b-v1:0', type: 'llm', metadata: {} },
      {
        id: 'amazon.titan-embed-text-v2:0',
        type: 'embedding',
        metadata: { embedding_dimension: 1024, context_length: 8192 },
      },
    ])
    expect(rig.sent.map(({ recording }) => recording)).toEqual([
      { kind: 'inference', baseUrl: `${rig.aws.url}/openai/v1`, endpoint: '/v1/models', body: {}, testId: 't' },
    ])
  })
})

describe('health', () => {
  it('is that of the control plane', async () => {
    await using rig = await createBedrockRig({ [MODELS]: { json: { modelSummaries: [] } } })
    expect(await rig.provider.health(rig.call())).toEqual({ status: 'OK' })
  })

  it('is good for credentials that may not list', async () => {
    await using rig = await createBedrockRig({ [MODELS]: forbidden })
    expect(await rig.provider.health(rig.call())).toMatchObject({ status: 'OK', message: expect.any(String) })
  })

  it('is bad for credentials that are refused, and without any', async () => {
    await using refused = await createBedrockRig(
      { [MODELS]: { json: {} } },
      { config: { aws_secret_access_key: 'no' } },
    )
    expect(await refused.provider.health(refused.call())).toMatchObject({ status: 'Error' })
    const without = { aws_access_key_id: null, aws_secret_access_key: null }
    await using nobody = await createBedrockRig({}, { config: without })
    expect(await nobody.provider.health(nobody.call())).toMatchObject({
      status: 'Error',
      message: expect.stringContaining('AWS_BEARER_TOKEN_BEDROCK'),
    })
  })
})
