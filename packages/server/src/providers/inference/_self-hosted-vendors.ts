/** Servers that one runs oneself or rents by name: their URL comes from the configuration. */
import { deepFreeze } from './_dialect.ts'
import type { DialectRow } from './_dialect.ts'

const databricksTasks = {
  'llm/v1/chat': 'llm',
  'llm/v1/completions': 'llm',
  'llm/v1/embeddings': 'embedding',
} as const

/** Rows of the dialect table. */
export const selfHostedRows = deepFreeze([
  {
    type: 'remote::azure',
    description: 'Azure OpenAI, through its v1 path.',
    urlSettings: ['base_url', 'api_base'],
    rootSettings: ['api_base'],
    urlEnv: 'AZURE_API_BASE',
    apiPath: '/openai/v1',
    extraSettings: [
      'api_version',
      'api_type',
      'tenant_id',
      'client_id',
      'client_secret',
      'federated_token_file',
      'managed_identity',
      'authority_host',
      'token_scope',
    ],
    identity: 'entra',
    // The v1 path takes these; dated versions belong to the older path of deployments, and upstream sends none either.
    versions: ['v1', 'preview', 'latest'],
    env: 'AZURE_API_KEY',
    providerData: 'azure_api_key',
    urlProviderData: 'azure_api_base',
    versionProviderData: 'azure_api_version',
    auth: 'api-key',
    tokenInput: true,
    listing: {
      path: '/models',
      types: [{ field: 'capabilities.embeddings', values: { true: 'embedding' } }],
    },
    embeddingModels: {
      'text-embedding-ada-002': { dimension: 1536, contextLength: 8192 },
      'text-embedding-3-small': { dimension: 1536, contextLength: 8192 },
      'text-embedding-3-large': { dimension: 3072, contextLength: 8192 },
    },
  },
  {
    type: 'remote::databricks',
    description: 'Databricks model serving endpoints.',
    rootSettings: ['url'],
    urlEnv: 'DATABRICKS_HOST',
    apiPath: '/serving-endpoints',
    keySettings: ['api_token', 'api_key'],
    env: 'DATABRICKS_TOKEN',
    providerData: 'databricks_api_token',
    listing: {
      path: '/api/2.0/serving-endpoints',
      below: 'origin',
      list: 'endpoints',
      id: 'name',
      only: { field: 'state.ready', value: 'READY' },
      // Endpoints of external models, and those of the time before `task`, say it of what they serve. Others are custom
      // models and agents, which take bodies of their own.
      types: [
        { field: 'task', values: databricksTasks },
        { field: 'config.served_entities.0.external_model.task', values: databricksTasks },
        { field: 'config.served_models.0.external_model.task', values: databricksTasks, others: null },
      ],
      facts: { endpoint_type: 'endpoint_type' },
    },
    embeddingModels: {
      'databricks-gte-large-en': { dimension: 1024, contextLength: 8192 },
      'databricks-bge-large-en': { dimension: 1024, contextLength: 512 },
    },
  },
  {
    type: 'remote::runpod',
    description: 'Models on a RunPod serverless endpoint.',
    urlEnv: 'RUNPOD_URL',
    apiPath: '',
    keySettings: ['api_token', 'api_key'],
    env: 'RUNPOD_API_TOKEN',
    providerData: 'runpod_api_token',
  },
  {
    type: 'remote::tgi',
    description: 'A Text Generation Inference server of Hugging Face.',
    rootSettings: ['url'],
    urlEnv: 'TGI_URL',
    providerData: 'tgi_api_key',
    keyless: 'always',
    // TGI answers with an empty id (`id: ""` in upstream's recordings of it).
    overwriteId: true,
    embeddings: false,
    health: { path: '/health' },
  },
  {
    type: 'remote::hf::serverless',
    description: 'Models of the Hugging Face hub, through its inference router.',
    baseUrl: 'https://router.huggingface.co/v1',
    keySettings: ['api_token', 'api_key'],
    extraSettings: ['huggingface_repo'],
    env: 'HF_API_TOKEN',
    providerData: 'hf_api_token',
    // Limits and prices are those of the provider that the router will choose.
    listing: {
      path: '/models',
      tells: { inputs: 'architecture.input_modalities', outputs: 'architecture.output_modalities' },
    },
    modelSetting: 'huggingface_repo',
    completions: false,
    embeddings: false,
  },
  {
    type: 'remote::hf::endpoint',
    description: 'A dedicated Inference Endpoint of Hugging Face, found by its name.',
    keySettings: ['api_token', 'api_key'],
    extraSettings: ['endpoint_name'],
    env: 'HF_API_TOKEN',
    providerData: 'hf_api_token',
    locatedByName: true,
    // Dedicated endpoints run TGI, whose ids are empty.
    overwriteId: true,
  },
  {
    type: 'remote::llama-cpp-server',
    description: 'A llama.cpp server.',
    baseUrl: 'http://localhost:8080/v1',
    providerData: 'llama_cpp_server_api_key',
    keyless: 'always',
    placeholderKey: 'no-key-required',
    health: { path: '/health' },
  },
  {
    type: 'remote::lmstudio',
    description: 'Models served by LM Studio.',
    baseUrl: 'http://localhost:1234/v1',
    urlEnv: 'LMSTUDIO_URL',
    providerData: 'lmstudio_api_key',
    keyless: 'always',
    // The address of an image is refused: "'url' field must be a base64 encoded image".
    inlineImages: true,
    listing: {
      path: '/api/v0/models',
      below: 'root',
      orElse: '/models',
      types: [{ field: 'type', values: { llm: 'llm', vlm: 'llm', embeddings: 'embedding' } }],
      tells: { inputs: { image: { at: 'type', has: 'vlm' } }, tools: { at: 'capabilities', has: 'tool_use' } },
      // It loads what is asked for: `auto` should not be the largest file on the disk.
      first: { field: 'state', value: 'loaded' },
      facts: {
        kind: 'type',
        state: 'state',
        capabilities: 'capabilities',
        quantization: 'quantization',
        architecture: 'arch',
      },
    },
    nameTypes: { 'text-embedding': 'embedding' },
    embeddingModels: { 'text-embedding-nomic-embed-text-v1.5': { dimension: 768, contextLength: 2048 } },
  },
  {
    type: 'remote::passthrough',
    description: 'Another stack, or any other server of OpenAI’s protocol.',
    rootSettings: ['base_url', 'url'],
    urlEnv: 'PASSTHROUGH_URL',
    extraSettings: ['forward_headers', 'extra_blocked_headers'],
    env: 'PASSTHROUGH_API_KEY',
    providerData: 'passthrough_api_key',
    urlProviderData: 'passthrough_url',
    keyless: 'always',
    tokenInput: true,
    listing: {
      path: '/models',
      // As another stack of this kind tells them.
      tells: {
        maxOutputTokens: 'custom_metadata.max_output_tokens',
        inputs: 'custom_metadata.input_modalities',
        outputs: 'custom_metadata.output_modalities',
        tools: 'custom_metadata.tools',
        structuredOutput: 'custom_metadata.structured_output',
        reasoning: 'custom_metadata.reasoning',
        price: {
          per: 'millionth of a million',
          input: 'custom_metadata.price.input',
          cachedInput: 'custom_metadata.price.cached_input',
          output: 'custom_metadata.price.output',
          reasoning: 'custom_metadata.price.reasoning',
        },
      },
      types: [
        {
          field: 'custom_metadata.model_type',
          values: { llm: 'llm', embedding: 'embedding', rerank: 'rerank' },
        },
      ],
    },
  },
] as const satisfies readonly DialectRow[])
