/** Models: list, retrieve, register, unregister. Both generations at once. */
import { defineApi } from '../route.ts'
import type { Service } from '../route.ts'
import { Model, ModelDeleted, ModelId, ModelList, ModelProbeReport, RegisterModelRequest } from './model.ts'

export const models = defineApi({
  listModels: {
    method: 'GET',
    path: '/v1/models',
    aliases: ['/v1/openai/v1/models'],
    access: 'read',
    summary: 'List the models that can be used now.',
    description: 'With a provider-data header, models that are reachable with those keys are listed too.',
    get response() {
      return ModelList
    },
    tag: 'Models',
  },
  retrieveModel: {
    method: 'GET',
    path: '/v1/models/{model_id*}',
    aliases: ['/v1/openai/v1/models/{model_id*}'],
    access: 'read',
    summary: 'Fetch one model.',
    get params() {
      return ModelId
    },
    get response() {
      return Model
    },
    errors: ['model_not_found'],
    tag: 'Models',
  },
  registerModel: {
    method: 'POST',
    path: '/v1/models',
    access: 'write',
    summary: 'Register a model with a provider, or an alias for one.',
    description: 'Registering the same model again with the same values changes nothing.',
    get body() {
      return RegisterModelRequest
    },
    get response() {
      return Model
    },
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
    get params() {
      return ModelId
    },
    get response() {
      return ModelProbeReport
    },
    errors: ['model_not_found', 'model_type_mismatch'],
    tag: 'Admin',
  },
  unregisterModel: {
    method: 'DELETE',
    path: '/v1/models/{model_id*}',
    aliases: ['/v1/openai/v1/models/{model_id*}'],
    access: 'write',
    summary: 'Unregister a model that was registered.',
    get params() {
      return ModelId
    },
    get response() {
      return ModelDeleted
    },
    errors: ['model_not_found'],
    tag: 'Models',
  },
})

export type Models = Service<typeof models>
