import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { convertConfig } from './convert.ts'
import { withSuffix } from './convert/inference-settings.ts'

const convert = (text: string): ReturnType<typeof convertConfig> => convertConfig({ file: 'run.yaml', text })

describe('withSuffix', () => {
  it.each([
    ['https://api.groq.com', '/openai/v1', 'https://api.groq.com/openai/v1'],
    ['https://api.groq.com/', '/openai/v1', 'https://api.groq.com/openai/v1'],
    ['https://api.groq.com/openai/v1', '/openai/v1', 'https://api.groq.com/openai/v1'],
    ['${env.OLLAMA_URL:=http://localhost:11434}', '/v1', '${env.OLLAMA_URL:=http://localhost:11434}/v1'],
    ['${env.OLLAMA_URL}', '/v1', '${env.OLLAMA_URL}/v1'],
    ['${env.AZURE_API_BASE:=}', '/openai/v1', '${env.AZURE_API_BASE:=}${env.AZURE_API_BASE:+/openai/v1}'],
    ['${env.URL:=http://x/v1}', '/v1', '${env.URL:=http://x/v1}'],
    ['http://${env.HOST}:1', '/v1', 'http://${env.HOST}:1/v1'],
    ['http://x', '', 'http://x'],
    ['', '/v1', ''],
  ])('%s and %s', (url, suffix, expected) => {
    expect(withSuffix(url, suffix)).toBe(expected)
  })
})

describe('convertConfig', () => {
  it('keeps expressions and comments', () => {
    const { text } = convert(`# The head.
version: 2
image_name: mine  # the name
providers:
  inference:
  # The local one.
  - provider_id: \${env.OLLAMA_URL:+ollama}
    provider_type: remote::ollama
    config:
      url: \${env.OLLAMA_URL:=http://localhost:11434}  # default port
metadata_store:
  type: sqlite
  # Where it lies.
  db_path: \${env.SQLITE_STORE_DIR:=~/.llama/distributions/mine}/registry.db
`)
    for (const kept of [
      '# The head.',
      'distro_name: mine # the name',
      '# The local one.',
      'provider_id: ${env.OLLAMA_URL:+ollama}',
      'base_url: ${env.OLLAMA_URL:=http://localhost:11434}/v1 # default port',
      '# Where it lies.',
      'db_path: ${env.SQLITE_STORE_DIR:=~/.llama/distributions/mine}/registry.db',
    ]) {
      expect(text).toContain(kept)
    }
    expect(text).not.toContain('%YAML')
  })

  it('renames settings of providers', () => {
    const { text, notes } = convert(`image_name: x
providers:
  inference:
  - {provider_id: vllm, provider_type: remote::vllm, config: {url: http://v/v1, tls_verify: false}}
  - {provider_id: nvidia, provider_type: remote::nvidia, config: {url: https://n, append_api_version: true, timeout: 5}}
  - {provider_id: own, provider_type: remote::nvidia, config: {url: https://n/api, append_api_version: false}}
  - {provider_id: azure, provider_type: remote::azure, config: {api_base: https://a}}
  - {provider_id: tgi, provider_type: remote::tgi, config: {url: http://t}}
`)
    expect(parse(text).providers.inference.map((entry: { config: unknown }) => entry.config)).toEqual([
      { base_url: 'http://v/v1', network: { tls: { verify: false } } },
      { base_url: 'https://n/v1', network: { timeout: 5 } },
      { base_url: 'https://n/api' },
      { base_url: 'https://a/openai/v1' },
      { url: 'http://t' },
    ])
    expect(notes.map(({ severity, line }) => [severity, line])).toEqual([
      ['info', 5],
      ['info', 6],
      ['info', 8],
    ])
  })

  it('turns stores into backends and references', () => {
    const { text } = convert(`image_name: x
providers:
  agents:
  - provider_id: meta-reference
    provider_type: inline::meta-reference
    config:
      persistence_store: {type: sqlite, db_path: /d/agents.db}
      responses_store: {type: postgres, host: h, db: d}
  vector_io:
  - {provider_id: "\${env.PGVECTOR_DB:+pg-vector}", provider_type: remote::pgvector, config: {kvstore: {type: redis, host: r}}}
  batches:
  - {provider_id: reference, provider_type: inline::reference, config: {kvstore: {type: sqlite, db_path: /d/b.db}}}
  files:
  - {provider_id: f, provider_type: inline::localfs, config: {metadata_store: {type: postgres, host: h, db: d}}}
metadata_store: {type: sqlite, namespace: n, db_path: /d/registry.db}
inference_store: {sql_store_config: {type: postgres, host: h, db: d}, num_writers: 2}
`)
    const result = parse(text)
    expect(result.storage.backends).toEqual({
      kv_default: { type: 'kv_sqlite', db_path: '/d/registry.db' },
      sql_default: { type: 'sql_postgres', host: 'h', db: 'd' },
      kv_redis: { type: 'kv_redis', host: 'r' },
    })
    expect(result.storage.stores).toEqual({
      metadata: { namespace: 'registry', backend: 'kv_default' },
      inference: { table_name: 'inference_store', backend: 'sql_default', num_writers: 2 },
      conversations: { table_name: 'openai_conversations', backend: 'sql_default' },
      prompts: { namespace: 'prompts', backend: 'kv_default' },
      connectors: { namespace: 'connectors', backend: 'kv_default' },
    })
    expect(result.providers.responses).toEqual([
      {
        provider_id: 'builtin',
        provider_type: 'inline::builtin',
        config: {
          persistence: {
            agent_state: { namespace: 'agents', backend: 'kv_default' },
            responses: { table_name: 'responses', backend: 'sql_default' },
          },
        },
      },
    ])
    expect(result.providers.vector_io[0].config.persistence).toEqual({
      namespace: 'vector_io::pg_vector',
      backend: 'kv_redis',
    })
    expect(result.providers.batches[0].config.kvstore).toEqual({ namespace: 'batches', backend: 'kv_default' })
    expect(result.providers.files[0].config.metadata_store).toEqual({
      table_name: 'files_metadata',
      backend: 'sql_default',
    })
  })

  it.each([
    ['inference_store: null\n', null],
    ['', { table_name: 'inference_store', backend: 'sql_default' }],
  ])('keeps the switch of the store: %j', (block, expected) => {
    const result = parse(convert(`image_name: x\n${block}`).text)
    expect(result.storage.stores.inference).toEqual(expected)
    expect(result.storage.backends.sql_default.db_path).toBe(
      '${env.SQLITE_STORE_DIR:=~/.llama/distributions/x}/sql_store.db',
    )
  })

  it('moves resources, and says what is left out', () => {
    const { text, notes } = convert(`image_name: x
apis: [agents, inference, telemetry, eval, vector_io]
providers:
  telemetry: [{provider_id: t, provider_type: inline::meta-reference}]
  inference:
  - {provider_id: gpu, provider_type: inline::meta-reference, config: {model: m}}
  - {provider_id: openai, provider_type: remote::openai}
models:
- {model_id: lost, provider_id: gpu}
- {model_id: kept, provider_id: openai}
vector_dbs:
- {vector_db_id: docs, provider_vector_db_id: d, embedding_model: e, embedding_dimension: 3}
datasets: [{dataset_id: a}, {dataset_id: b}]
benchmarks: []
tool_groups:
- {toolgroup_id: builtin::websearch, provider_id: tavily-search}
- {toolgroup_id: mcp::time, provider_id: model-context-protocol, mcp_endpoint: {uri: "http://t/sse"}}
server: {port: 1234}
`)
    const result = parse(text)
    expect(result.apis).toEqual(['responses', 'inference', 'vector_io'])
    expect(result.registered_resources).toEqual({
      models: [{ model_id: 'kept', provider_id: 'openai' }],
      shields: [],
      vector_stores: [
        { vector_store_id: 'docs', provider_vector_store_id: 'd', embedding_model: 'e', embedding_dimension: 3 },
      ],
    })
    expect(result.connectors).toEqual([{ connector_id: 'mcp::time', connector_type: 'mcp', url: 'http://t/sse' }])
    expect(Object.keys(result).at(-1)).toBe('server')
    expect(notes.filter(({ severity }) => severity === 'unsupported').map(({ line, path }) => [line, path])).toEqual([
      [2, 'apis[3]'],
      [4, 'providers.telemetry'],
      [6, 'providers.inference[0]'],
      [9, 'models[0]'],
      [13, 'datasets'],
    ])
    expect(text).toContain("# The provider 'gpu' (inline::meta-reference) has no successor.")
    expect(text).toContain('# datasets: 2 left out')
    expect(text).toContain('# telemetry: has no successor.')
  })

  it('returns the second dialect as it is', () => {
    const text = 'distro_name: x\n'
    expect(convert(text)).toMatchObject({ text, notes: [{ severity: 'info' }] })
  })

  it.each(['distribution_spec: {providers: {}}\n', '[]\n', 'routing_table: {}\n'])('refuses %j', (text) => {
    expect(() => convert(text)).toThrow(expect.objectContaining({ code: 'config_invalid' }))
  })
})
