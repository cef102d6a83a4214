/** Models of Oracle Cloud Infrastructure's Generative AI. */
import { isStackError } from '@llama-stack/api'
import type { ProviderCall } from '@llama-stack/api'
import { toDialect } from './_dialect.ts'
import { findText } from './_json-shape.ts'
import { createOciAccess, toOciRegion } from './_oci-access.ts'
import { askOciModels, listOciModels } from './_oci-models.ts'
import { createOpenAiProtocol } from './_openai-protocol.ts'
import { defineOpenAiProvider } from './_openai-provider.ts'
import { toProtocolContext } from './_protocol-context.ts'

const API_PATH = '/20231130/actions/v1'

const dialect = toDialect({
  type: 'remote::oci',
  description: 'Oracle Generative AI, by signed requests.',
  baseUrl: `https://inference.generativeai.us-ashburn-1.oci.oraclecloud.com${API_PATH}`,
  urlSettings: ['base_url'],
  apiPath: API_PATH,
  extraSettings: [
    'oci_auth_type',
    'oci_region',
    'oci_compartment_id',
    'oci_config_file_path',
    'oci_config_profile',
    'timeout',
  ],
  env: 'OCI_GENAI_API_KEY',
  providerData: 'oci_api_key',
  listing: undefined,
  embeddingModels: {
    'cohere.embed-english-v3.0': { dimension: 1024, contextLength: 512 },
    'cohere.embed-multilingual-v3.0': { dimension: 1024, contextLength: 512 },
    'cohere.embed-english-light-v3.0': { dimension: 384, contextLength: 512 },
    'cohere.embed-multilingual-light-v3.0': { dimension: 384, contextLength: 512 },
    'cohere.embed-v4.0': { dimension: 1536, contextLength: 128_000 },
  },
})

/** Oracle Generative AI, through its OpenAI-compatible endpoint. */
export const provider = defineOpenAiProvider(dialect, {
  off: (settings) =>
    findText(settings.oci_compartment_id) === undefined
      ? 'no compartment; set oci_compartment_id (OCI_COMPARTMENT_OCID)'
      : undefined,
  create(input) {
    const host = `https://inference.generativeai.${toOciRegion(input.config)}.oci.oraclecloud.com`
    const config = { ...input.config, base_url: findText(input.config.base_url) ?? host + API_PATH }
    const context = toProtocolContext(dialect, { ...input, config }, createOciAccess(input))
    // The control plane takes signatures only, and no recording has its list.
    const canAsk = (call: ProviderCall): boolean =>
      context.targets.find(call)?.key === undefined && input.replaying !== true
    return {
      ...createOpenAiProtocol(context),
      async models(call) {
        return config.skip_model_availability !== true && canAsk(call) ? listOciModels(context, call) : undefined
      },
      async health(call) {
        if (!canAsk(call)) return { status: 'Not Implemented', message: 'a key opens nothing that can be asked' }
        try {
          const { body } = await askOciModels(context, call, { limit: '1' })
          body.cancel()
          return { status: 'OK' }
        } catch (error) {
          if (!isStackError(error)) throw error
          return { status: 'Error', message: error.message }
        }
      },
    }
  },
})
