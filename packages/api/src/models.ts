/** Models: list, retrieve, register, unregister. Both generations at once. */
import * as z from 'zod'
import { FactSource, ModelFacts } from './model-facts.ts'
import { defineApi } from './route.ts'
import type { Service } from './route.ts'

const ModelTypeName = z.enum(['llm', 'embedding', 'rerank'])

/**
 * OpenAI's model object with OGX's `custom_metadata`, and the fields of Llama Stack's native object beside them: one
 * reply serves the clients of both generations.
 */
export const Model = z
  .looseObject({
    id: z.string(),
    object: z.literal('model'),
    created: z.int().describe('Unix time in seconds when this server first saw the model.'),
    owned_by: z.string(),
    custom_metadata: z.looseObject({
      ...ModelFacts.shape,
      fact_sources: z.record(z.string(), FactSource).optional().describe('Where each of these facts comes from.'),
      model_type: ModelTypeName,
      provider_id: z.string(),
      provider_resource_id: z.string(),
    }),
    identifier: z.string().describe('Llama Stack: the same as `id`.'),
    type: z.literal('model'),
    model_type: ModelTypeName,
    provider_id: z.string(),
    provider_resource_id: z.string(),
    metadata: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'Model' })
export type Model = z.infer<typeof Model>

const ProbedFeature = z.looseObject({
  supported: z.boolean(),
  evidence: z.string().describe('What the model or its vendor answered.'),
})

/** What trying a model out has shown. */
export const ModelProbeReport = z
  .looseObject({
    model: Model,
    probes: z
      .record(z.string(), ProbedFeature)
      .describe('By what was tried: tools, structured_output, vision, reasoning.'),
  })
  .meta({ id: 'ModelProbeReport' })
export type ModelProbeReport = z.infer<typeof ModelProbeReport>

export const RegisterModelRequest = z
  .looseObject({
    model_id: z.string().min(1),
    provider_model_id: z.string().min(1).nullish().describe('The provider’s own id. Default: model_id.'),
    provider_id: z.string().min(1).nullish().describe('May be left out when only one provider is configured.'),
    model_type: ModelTypeName.nullish().describe('Default: llm.'),
    metadata: z.record(z.string(), z.unknown()).nullish().describe('Embedding models need embedding_dimension.'),
    model_validation: z.boolean().nullish().describe('Whether the provider has to list the model. Default: false.'),
  })
  .meta({ id: 'RegisterModelRequest' })
export type RegisterModelRequest = z.infer<typeof RegisterModelRequest>

const modelId = z.object({ model_id: z.string().describe('May contain slashes.') })

export const models = defineApi({
  listModels: {
    method: 'GET',
    path: '/v1/models',
    aliases: ['/v1/openai/v1/models'],
    access: 'read',
    summary: 'List the models that can be used now.',
    description: 'With a provider-data header, models that are reachable with those keys are listed too.',
    response: z.looseObject({ object: z.literal('list'), data: z.array(Model) }),
    tag: 'Models',
  },
  retrieveModel: {
    method: 'GET',
    path: '/v1/models/{model_id*}',
    aliases: ['/v1/openai/v1/models/{model_id*}'],
    access: 'read',
    summary: 'Fetch one model.',
    params: modelId,
    response: Model,
    errors: ['model_not_found'],
    tag: 'Models',
  },
  registerModel: {
    method: 'POST',
    path: '/v1/models',
    access: 'write',
    summary: 'Register a model with a provider, or an alias for one.',
    description: 'Registering the same model again with the same values changes nothing.',
    body: RegisterModelRequest,
    response: Model,
    errors: ['model_exists', 'provider_not_found', 'invalid_value', 'missing_field'],
    tag: 'Models',
  },
  probeModel: {
    method: 'POST',
    path: '/v1alpha/admin/models/{model_id*}/probe',
    access: 'admin',
    stability: 'v1alpha',
    summary: 'Try out what a chat model can do, and remember it.',
    description:
      'Asks it to call a tool, to follow a JSON schema and to look at a picture: three short calls that the vendor may bill.',
    params: modelId,
    response: ModelProbeReport,
    errors: ['model_not_found', 'model_type_mismatch'],
    tag: 'Admin',
  },
  unregisterModel: {
    method: 'DELETE',
    path: '/v1/models/{model_id*}',
    aliases: ['/v1/openai/v1/models/{model_id*}'],
    access: 'write',
    summary: 'Unregister a model that was registered.',
    params: modelId,
    response: z.looseObject({ id: z.string(), object: z.literal('model'), deleted: z.literal(true) }),
    errors: ['model_not_found'],
    tag: 'Models',
  },
})

export type Models = Service<typeof models>
