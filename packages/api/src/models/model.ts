/** What is sent and answered about models. */
import * as z from 'zod'
import { FactSource, ModelFacts } from './model-facts.ts'

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

export const ModelId = z.object({ model_id: z.string().describe('May contain slashes.') })

export const ModelList = z.looseObject({ object: z.literal('list'), data: z.array(Model) })

export const ModelDeleted = z.looseObject({ id: z.string(), object: z.literal('model'), deleted: z.literal(true) })
