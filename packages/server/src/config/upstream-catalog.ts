/**
 * Every provider type that either upstream generation registers, and those that are our own. It says what a type is and,
 * where a build does not serve it, whether it ever will. Which types a build serves is not written here.
 */

/** Where a type comes from. */
export type Generation = 'llama-stack' | 'ogx' | 'native'

/** A type that is served in another's place, and what that means to a caller. */
export interface StandIn {
  readonly type: string
  readonly what: string
}

/** One provider type of one API. */
export interface CatalogEntry {
  readonly api: string
  readonly type: string
  readonly generations: readonly Generation[]
  readonly description: string
  /** For a build without it: `later` is meant to be served, `never` is not. */
  readonly unserved: 'later' | 'never'
  /** What to do where it is not served. */
  readonly instead?: string
  /** Served under its own name, by something simpler. */
  readonly standIn?: StandIn
  /** The server does this itself, without a provider: what of the entry counts. */
  readonly builtIn?: string
  /** The type that took this one's place: an alias that upstream deprecated. */
  readonly renamedTo?: string
}

type Facts = Pick<CatalogEntry, 'builtIn' | 'instead' | 'standIn' | 'renamedTo'> & { readonly never?: true }
type Row = readonly [type: string, generations: readonly Generation[], description: string, facts?: Facts]

const both: readonly Generation[] = ['llama-stack', 'ogx']
const first: readonly Generation[] = ['llama-stack']
const second: readonly Generation[] = ['ogx']
const ours: readonly Generation[] = ['native']

const weights: Facts = { never: true, instead: 'Serve the model with Ollama, vLLM or llama.cpp and use that provider.' }
const training: Facts = {
  never: true,
  instead: 'Train with a tool of your choice and serve the result with Ollama or vLLM.',
}
const python = (type: string): Facts => ({ never: true, instead: `Run it as a server and use ${type}.` })

const inference: readonly Row[] = [
  ['inline::meta-reference', first, 'Llama weights loaded into the server on a GPU', weights],
  [
    'inline::sentence-transformers',
    both,
    'Embedding models that run on the CPU of the server',
    {
      standIn: {
        type: 'inline::lexical',
        what: 'vectors come from words unless onnxruntime-node and the model are here',
      },
    },
  ],
  [
    'inline::transformers',
    second,
    'Reranking models that run on the CPU of the server',
    {
      standIn: {
        type: 'inline::lexical',
        what: 'scores come from words unless onnxruntime-node and the model are here',
      },
    },
  ],
  ['inline::demo', ours, 'Canned and computed answers, without a key and without a network'],
  ['inline::lexical', ours, 'Embeddings and reranking from words, without a network'],
  ['inline::llama-cpp', ours, 'GGUF models inside the server, run by the optional node-llama-cpp'],
  ['remote::openai', both, 'OpenAI'],
  ['remote::anthropic', both, 'Anthropic through its OpenAI-compatible endpoint'],
  ['remote::gemini', both, 'Google Gemini through its OpenAI-compatible endpoint'],
  ['remote::vertexai', both, 'Google Vertex AI'],
  ['remote::groq', both, 'Groq'],
  ['remote::together', both, 'Together AI'],
  ['remote::fireworks', both, 'Fireworks AI'],
  ['remote::cerebras', both, 'Cerebras'],
  ['remote::sambanova', both, 'SambaNova'],
  ['remote::llama-openai-compat', both, "Meta's Llama API"],
  ['remote::ollama', both, 'An Ollama server'],
  ['remote::vllm', both, 'A vLLM server'],
  ['remote::llama-cpp-server', second, 'A llama.cpp server'],
  ['remote::lmstudio', ours, 'LM Studio'],
  ['remote::tgi', first, 'A Text Generation Inference server of Hugging Face'],
  ['remote::hf::serverless', first, 'Serverless inference of Hugging Face'],
  ['remote::hf::endpoint', first, 'A dedicated inference endpoint of Hugging Face'],
  ['remote::bedrock', both, 'AWS Bedrock'],
  ['remote::azure', both, 'Azure OpenAI'],
  ['remote::databricks', both, 'Databricks model serving'],
  ['remote::nvidia', both, 'NVIDIA NIM, hosted or your own'],
  ['remote::watsonx', both, 'IBM watsonx'],
  ['remote::oci', second, 'Oracle Generative AI'],
  ['remote::runpod', both, 'RunPod serverless'],
  ['remote::passthrough', both, 'Another server that speaks this API'],
  ['remote::mistral', ours, 'Mistral AI'],
  ['remote::deepseek', ours, 'DeepSeek'],
  ['remote::xai', ours, 'xAI'],
  ['remote::openrouter', ours, 'OpenRouter'],
  ['remote::perplexity', ours, 'Perplexity'],
]

const vectorIo: readonly Row[] = [
  ['inline::faiss', both, 'Vectors in a FAISS index inside the server'],
  ['inline::sqlite-vec', both, 'Vectors and keywords in SQLite'],
  ['inline::meta-reference', first, 'The former name of inline::faiss', { renamedTo: 'inline::faiss' }],
  ['inline::sqlite_vec', first, 'The former name of inline::sqlite-vec', { renamedTo: 'inline::sqlite-vec' }],
  ['inline::chromadb', both, 'Chroma inside the server', python('remote::chromadb')],
  ['remote::chromadb', both, 'A Chroma server'],
  ['inline::qdrant', both, 'Qdrant inside the server', python('remote::qdrant')],
  ['remote::qdrant', both, 'A Qdrant server'],
  ['inline::milvus', both, 'Milvus Lite inside the server', python('remote::milvus')],
  ['remote::milvus', both, 'A Milvus server'],
  ['remote::pgvector', both, 'PostgreSQL with pgvector'],
  ['remote::weaviate', both, 'A Weaviate server'],
  ['remote::elasticsearch', second, 'An Elasticsearch server'],
  ['remote::infinispan', second, 'An Infinispan server'],
  ['remote::oci', second, 'Oracle AI Database 26ai'],
]

const toolRuntime: readonly Row[] = [
  ['inline::rag-runtime', first, 'Search in vector stores as a tool'],
  ['inline::file-search', second, 'Search in vector stores as a tool'],
  ['remote::brave-search', both, 'Web search by Brave'],
  ['remote::tavily-search', both, 'Web search by Tavily'],
  ['remote::bing-search', both, 'Web search by Bing'],
  ['remote::wolfram-alpha', both, 'Answers of Wolfram Alpha'],
  [
    'remote::model-context-protocol',
    both,
    'Tools of MCP servers',
    { builtIn: 'the servers are those of connectors, tool groups and requests' },
  ],
]

const safety: readonly Row[] = [
  ['inline::rules', ours, 'Personal data, secrets, phrases, and your own words and patterns'],
  ['inline::llama-guard', both, 'Llama Guard, by any inference model'],
  ['inline::prompt-guard', both, 'Prompt Guard, a classifier inside the server', weights],
  ['inline::code-scanner', both, 'Static analysis of code in messages'],
  ['remote::bedrock', both, 'Bedrock Guardrails'],
  ['remote::nvidia', both, 'NeMo Guardrails'],
  ['remote::sambanova', both, 'SambaNova'],
  ['remote::passthrough', second, 'Moderations of another server'],
]

const files: readonly Row[] = [
  ['inline::localfs', both, 'Files in a directory'],
  ['remote::s3', both, 'Files in S3'],
  ['remote::openai', second, 'Files at OpenAI'],
]

const fileProcessors: readonly Row[] = [
  ['inline::auto', second, 'The right reader for each format'],
  ['inline::pypdf', second, 'Text of PDF files'],
  ['inline::markitdown', second, 'Office and web formats to Markdown'],
  ['inline::docling', second, 'PDF and office formats with their layout', python('remote::docling-serve')],
  ['remote::docling-serve', second, 'A Docling server'],
]

const datasetio: readonly Row[] = [
  ['inline::localfs', first, 'Datasets in files and rows'],
  ['remote::huggingface', first, 'Datasets of Hugging Face'],
  ['remote::nvidia', first, 'Datasets of NVIDIA NeMo'],
]

const scoring: readonly Row[] = [
  ['inline::basic', first, 'Exact and pattern scoring'],
  ['inline::llm-as-judge', first, 'Scoring by a model'],
  ['inline::braintrust', first, 'Scoring by the rules of Braintrust'],
]

const evaluation: readonly Row[] = [
  ['inline::meta-reference', first, 'Evaluations inside the server'],
  ['remote::nvidia', first, 'Evaluations by NVIDIA NeMo'],
]

const postTraining: readonly Row[] = [
  ['inline::torchtune-cpu', first, 'Fine-tuning with torchtune on the CPU', training],
  ['inline::torchtune-gpu', first, 'Fine-tuning with torchtune on a GPU', training],
  ['inline::huggingface-cpu', first, 'Fine-tuning with transformers on the CPU', training],
  ['inline::huggingface-gpu', first, 'Fine-tuning with transformers on a GPU', training],
  ['remote::nvidia', first, 'Fine-tuning by NVIDIA NeMo'],
]

const rowsByApi: Readonly<Record<string, readonly Row[]>> = {
  inference,
  vector_io: vectorIo,
  tool_runtime: toolRuntime,
  safety,
  files,
  file_processors: fileProcessors,
  agents: [['inline::meta-reference', first, 'Agents, sessions and turns']],
  responses: [
    [
      'inline::builtin',
      second,
      'The Responses API',
      { builtIn: 'of its settings, compaction_config is the one that counts' },
    ],
  ],
  messages: [['inline::builtin', second, "Anthropic's Messages API"]],
  interactions: [['inline::builtin', second, "Google's Interactions API"]],
  batches: [['inline::reference', both, 'Batches of requests']],
  telemetry: [['inline::meta-reference', first, 'Traces, spans and metrics']],
  datasetio,
  scoring,
  eval: evaluation,
  post_training: postTraining,
}

/** All types that are known, in the order of their APIs. */
export const upstreamCatalog: readonly CatalogEntry[] = Object.freeze(
  Object.entries(rowsByApi).flatMap(([api, rows]) => rows.map((row) => toEntry(api, row))),
)

/** The APIs that have providers in either generation. */
export const providerApis: readonly string[] = Object.freeze(Object.keys(rowsByApi))

/** APIs that a file may name in its `apis` list though they have no providers. */
export const builtInApis: readonly string[] = Object.freeze([
  'providers',
  'inspect',
  'admin',
  'prompts',
  'conversations',
  'connectors',
  'models',
  'shields',
  'vector_dbs',
  'vector_stores',
  'datasets',
  'scoring_functions',
  'benchmarks',
  'tool_groups',
])

/** The row of a type of an API. */
export function findCatalogEntry(api: string, type: string): CatalogEntry | undefined {
  return upstreamCatalog.find((entry) => entry.api === api && entry.type === type)
}

function toEntry(api: string, [type, generations, description, facts = {}]: Row): CatalogEntry {
  const { never, ...rest } = facts
  return Object.freeze({ api, type, generations, description, unserved: never === true ? 'never' : 'later', ...rest })
}
