import { isStackError } from '@llama-stack/api'
import type { ConfigFault, StackError } from '@llama-stack/api'
import { describe, expect, it } from 'vitest'
import type { ConfigFiles } from './config-files.ts'
import { loadConfig } from './load-config.ts'
import type { LoadConfigInput } from './load-config.ts'
import type { StackConfig } from './stack-config.ts'

const servedTypes = {
  inference: ['remote::openai', 'remote::ollama', 'inline::sentence-transformers', 'inline::lexical', 'remote::vllm'],
}

const FIRST = 'version: 2\nimage_name: test\n'
const SECOND = 'version: 2\ndistro_name: test\nstorage: {}\n'

function memory(files: Readonly<Record<string, string>>): ConfigFiles {
  return {
    readText: (path) => Promise.resolve(files[path]),
    list: (directory) =>
      Promise.resolve(
        Object.keys(files).flatMap((path) =>
          path.startsWith(`${directory}/`) ? [path.slice(directory.length + 1).split('/')[0] ?? ''] : [],
        ),
      ),
  }
}

function inputOf(files: Readonly<Record<string, string>>, more: Partial<LoadConfigInput> = {}): LoadConfigInput {
  return {
    source: 'run.yaml',
    env: {},
    cwd: '/project',
    home: '/home/ada',
    servedTypes,
    distributionsDir: '/shipped',
    files: memory(files),
    ...more,
  }
}

function load(text: string, more: Partial<LoadConfigInput> = {}): Promise<StackConfig> {
  return loadConfig(inputOf({ '/project/run.yaml': text }, more))
}

async function failure(loading: Promise<unknown>): Promise<StackError> {
  const error: unknown = await loading.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!isStackError(error)) throw new TypeError('it did not fail as configurations do', { cause: error })
  return error
}

async function faults(text: string, more: Partial<LoadConfigInput> = {}): Promise<readonly ConfigFault[]> {
  const error = await failure(load(text, more))
  if (!isStackError(error, 'config_invalid') && !isStackError(error, 'config_env')) throw error
  const { others = [], ...first } = error.details
  return [first, ...others]
}

describe('a run.yaml of Llama Stack', () => {
  it('becomes a configuration with the defaults of the server', async () => {
    const config = await load(`${FIRST}providers:
  inference:
  - provider_id: openai
    provider_type: remote::openai
    config:
      api_key: \${env.OPENAI_API_KEY:=}
      base_url: \${env.OPENAI_BASE_URL:=https://api.openai.com/v1}
models:
- model_id: gpt
  provider_id: openai
  provider_model_id: gpt-4o
`)
    expect(config).toMatchObject({
      name: 'test',
      dialect: 'llama-stack',
      providers: [
        {
          api: 'inference',
          id: 'openai',
          type: 'remote::openai',
          config: { base_url: 'https://api.openai.com/v1' },
          path: 'providers.inference[0]',
          position: { line: 5, column: 5 },
        },
      ],
      models: [
        { model_id: 'gpt', provider_id: 'openai', provider_model_id: 'gpt-4o', model_type: 'llm', metadata: {} },
      ],
      dataDir: '/home/ada/.llama/distributions/test',
      storage: { sql: { type: 'sqlite', path: '/home/ada/.llama/distributions/test/llama-stack.db' } },
      inferenceStore: { enabled: true },
      requestLog: { enabled: true, retentionDays: 30 },
      server: {
        port: 8321,
        host: '127.0.0.1',
        maxBodyBytes: 64 * 1024 * 1024,
        keepAliveMs: 15_000,
        apiKeys: [],
        allowPrivateUrls: false,
        allowedHosts: [],
        cors: false,
        workers: 1,
        registryRefreshSeconds: 300,
        drainTimeoutMs: 10_000,
        strictClientVersion: false,
      },
      notes: [],
    })
    expect(config.providers[0]?.config).not.toHaveProperty('api_key')
  })

  it.each([
    ['inference_store: null\n', false],
    ['', true],
    ['inference_store:\n  type: sqlite\n  db_path: /x/y.db\n', true],
    ['inference_store:\n  sql_store_config:\n    type: sqlite\n    db_path: /x/y.db\n  num_writers: 2\n', true],
  ])('%j: completions kept %s', async (block, enabled) => {
    expect((await load(FIRST + block)).inferenceStore.enabled).toBe(enabled)
  })

  it('keeps data where the file keeps its own', async () => {
    const store =
      'inference_store:\n  type: sqlite\n  db_path: ${env.SQLITE_STORE_DIR:=~/.llama/distributions/other}/x.db\n'
    expect((await load(FIRST + store)).dataDir).toBe('/home/ada/.llama/distributions/other')
    expect((await load(FIRST + store, { env: { SQLITE_STORE_DIR: '/data' } })).dataDir).toBe('/data')
    expect((await load(FIRST, { env: { SQLITE_STORE_DIR: '/data' } })).dataDir).toBe('/data')
    expect((await load(FIRST, { env: { LLAMA_STACK_CONFIG_DIR: '/etc/llama' } })).dataDir).toBe(
      '/etc/llama/distributions/test',
    )
    expect((await load(FIRST + store, { overrides: { dataDir: 'here' } })).dataDir).toBe('/project/here')
  })

  it('notes that SQLite stands in for PostgreSQL', async () => {
    const config = await load(`${FIRST}metadata_store:\n  type: postgres\n  host: db\n`)
    expect(config.notes).toEqual([
      expect.objectContaining({
        severity: 'substituted',
        path: 'metadata_store',
        line: 3,
        message: expect.stringContaining('postgres'),
      }),
    ])
  })
})

describe('a config.yaml of OGX', () => {
  it('may be called image_name', async () => {
    expect(await load('image_name: old\nstorage: {}\n')).toMatchObject({ name: 'old', dialect: 'ogx' })
  })

  it('keeps completions unless its store is null', async () => {
    expect((await load(SECOND)).inferenceStore.enabled).toBe(true)
    expect((await load('distro_name: x\nstorage:\n  stores:\n    inference: null\n')).inferenceStore.enabled).toBe(
      false,
    )
  })

  it('passes on models for any provider', async () => {
    const config = await load(`${SECOND}registered_resources:
  models:
  - model_id: claude
    provider_id: all
    provider_model_id: auto
`)
    expect(config.models).toEqual([
      { model_id: 'claude', provider_id: 'all', provider_model_id: 'auto', model_type: 'llm', metadata: {} },
    ])
    expect(config.notes).toEqual([])
  })

  it('finds references that lead nowhere or to the wrong kind', async () => {
    expect(
      await faults(`distro_name: x
storage:
  backends:
    kv_default: {type: kv_sqlite}
    sql_default: {type: sql_redis_typo}
`),
    ).toEqual([expect.objectContaining({ line: 5 })])
    const found = await faults(`distro_name: x
providers:
  inference:
  - provider_id: __disabled__
    provider_type: remote::openai
  - provider_id: openai
    provider_type: remote::openai
    config:
      cache:
        namespace: n
        backend: kv_defalt
storage:
  backends:
    kv_default: {type: kv_sqlite}
    sql_default: {type: sql_sqlite}
  stores:
    inference:
      table_name: t
      backend: kv_default
`)
    expect(found).toEqual([
      expect.objectContaining({
        line: 11,
        problem: expect.stringContaining("'kv_defalt'"),
        fix: expect.stringContaining("'kv_default'"),
      }),
      expect.objectContaining({
        line: 19,
        problem: expect.stringContaining('kv_sqlite'),
        fix: expect.stringContaining('sql_default'),
      }),
    ])
  })
})

describe('providers', () => {
  const entry = (type: string, more = ''): string =>
    `${FIRST}providers:\n  inference:\n  - provider_id: p\n    provider_type: ${type}\n${more}`

  it('are off without their variable, and the note says which', async () => {
    const config = await load(`${FIRST}providers:
  inference:
  - provider_id: \${env.OLLAMA_URL:+ollama}
    provider_type: remote::ollama
  - provider_id: __disabled__
    provider_type: remote::vllm
    config:
      url: \${env.VLLM_URL}
`)
    expect(config.providers).toEqual([])
    expect(config.notes.map(({ severity, line, path }) => [severity, line, path])).toEqual([
      ['info', 5, 'providers.inference[0]'],
      ['info', 7, 'providers.inference[1]'],
    ])
    expect(config.notes[0]?.fix).toBe('Set OLLAMA_URL to turn it on.')
  })

  it('have a stand-in where this build cannot run the model', async () => {
    const config = await load(entry('inline::sentence-transformers', '    config:\n      trust_remote_code: true\n'))
    expect(config.providers).toMatchObject([
      { id: 'p', type: 'inline::sentence-transformers', config: { trust_remote_code: true } },
    ])
    expect(config.notes).toMatchObject([{ severity: 'substituted', line: 5, provider: { api: 'inference', id: 'p' } }])
    const without = await load(entry('inline::sentence-transformers', '    config:\n      trust_remote_code: true\n'), {
      servedTypes: { inference: ['inline::lexical'] },
    })
    expect(without.providers).toMatchObject([{ id: 'p', type: 'inline::lexical', config: {} }])
  })

  it('that are known and not served are noted', async () => {
    const config = await load(entry('remote::bedrock'))
    expect(config.providers).toEqual([])
    expect(config.notes).toMatchObject([
      { severity: 'unsupported', line: 5, message: expect.stringContaining('AWS Bedrock') },
    ])
    expect((await load(entry('acme::x', '    module: acme_llama\n'))).notes).toMatchObject([
      { severity: 'unsupported', message: expect.stringContaining('acme_llama') },
    ])
  })

  it('of another API are noted as unknown', async () => {
    expect((await load(entry('remote::brave-search'))).notes).toMatchObject([
      { severity: 'unknown', message: expect.stringContaining('tool_runtime') },
    ])
  })

  it('that nobody knows stop the start, with the nearest name', async () => {
    expect(await faults(entry('remote::olama'))).toEqual([
      {
        file: 'run.yaml',
        line: 6,
        column: 20,
        source: '    provider_type: remote::olama',
        problem: "There is no inference provider 'remote::olama'. Did you mean 'remote::ollama'?",
        fix: 'Correct the type, or list all: llama stack list-providers.',
      },
    ])
    expect(await faults(`${FIRST}providers:\n  inferense: []\n`)).toMatchObject([
      { line: 4, column: 3, fix: expect.stringContaining("'inference'") },
    ])
  })

  it('are the first of two with the same id', async () => {
    const config = await load(`${entry('remote::openai')}  - provider_id: p\n    provider_type: remote::vllm\n`)
    expect(config.providers.map(({ type }) => type)).toEqual(['remote::openai'])
    expect(config.notes).toMatchObject([{ severity: 'unsupported', line: 7 }])
  })

  it('reach their models, and models of others are noted or refused', async () => {
    const text = `${FIRST}providers:
  inference:
  - provider_id: openai
    provider_type: remote::openai
  - provider_id: \${env.OLLAMA_URL:+ollama}
    provider_type: remote::ollama
  - provider_id: bedrock
    provider_type: remote::bedrock
models:
- {model_id: a, provider_id: openai}
- {model_id: b, provider_id: ollama}
- {model_id: c, provider_id: bedrock}
- {model_id: d, provider_id: "\${env.OLLAMA_URL:+ollama}"}
- {model_id: e}
`
    const config = await load(text)
    expect(config.models.map((model) => model.model_id)).toEqual(['a', 'e'])
    expect(
      config.notes.filter(({ path }) => path.startsWith('models')).map(({ severity, line }) => [severity, line]),
    ).toEqual([
      ['info', 13],
      ['unsupported', 14],
      ['info', 15],
    ])
    expect(await faults(`${text}- {model_id: f, provider_id: opnai}\n`)).toMatchObject([
      { line: 17, problem: expect.stringContaining("'opnai'"), fix: expect.stringContaining("'openai'") },
    ])
  })
})

describe('keys', () => {
  it('that nobody knows are noted with their line and the nearest name', async () => {
    const config = await load(`${FIRST}inference_sotre: {}\nserver:\n  prot: 1\n  port: 8400\n`)
    expect(config.notes).toMatchObject([
      { severity: 'unknown', path: 'inference_sotre', line: 3, fix: "Did you mean 'inference_store'?" },
      { severity: 'unknown', path: 'server.prot', line: 5, fix: "Did you mean 'port'?" },
    ])
    expect(config.server.port).toBe(8400)
  })

  it('of the other dialect are explained', async () => {
    const config = await load(`${SECOND}models: []\n`)
    expect(config.notes).toMatchObject([
      { severity: 'unknown', line: 4, fix: expect.stringContaining('registered_resources') },
    ])
  })

  it('with wrong values are all reported', async () => {
    const found = await faults(`${FIRST}server:
  port: many
  workers: 0
models:
- model_type: llm
apis: inference
`)
    expect(found.map(({ line, problem }) => [line, problem])).toEqual([
      [4, 'server.port is "many", not of type number.'],
      [5, 'server.workers is 0.'],
      [7, 'models[0].model_id is missing.'],
      [8, 'apis is "inference", not of type list.'],
    ])
  })

  it('never show a secret', async () => {
    const error = await failure(load(`${FIRST}server:\n  api_keys: {a: hunter2}\n  port: x\n`))
    expect(JSON.stringify(error.details)).not.toContain('hunter2')
  })
})

describe('variables', () => {
  it('that are missing are all named, with their place and a variable that may have been meant', async () => {
    const text = `${FIRST}providers:
  inference:
  - provider_id: openai
    provider_type: remote::openai
    config:
      api_key: \${env.OPENAI_API_KEY}
      base_url: \${env.OPENAI_URL}
`
    const error = await failure(load(text, { env: { OPENAI_APIKEY: 'sk-secret' } }))
    expect(error.code).toBe('config_env')
    expect(error.details).toEqual({
      variable: 'OPENAI_API_KEY',
      file: 'run.yaml',
      line: 8,
      column: 16,
      source: '      api_key: ${env.OPENAI_API_KEY}',
      problem: 'OPENAI_API_KEY is not set, and run.yaml needs it for providers.inference[0].config.api_key.',
      fix: 'export OPENAI_API_KEY=… or make it optional: ${env.OPENAI_API_KEY:=} (OPENAI_APIKEY is set; did you mean that?)',
      others: [expect.objectContaining({ line: 9, problem: expect.stringContaining('OPENAI_URL') })],
    })
    expect(JSON.stringify(error.details)).not.toContain('sk-secret')
  })

  it('of the command line go before those of the environment', async () => {
    const text = `${FIRST}providers:\n  inference:\n  - {provider_id: "\${env.A}", provider_type: remote::openai}\n`
    const config = await load(text, { env: { A: 'environment' }, overrides: { env: { A: 'option' } } })
    expect(config.providers[0]?.id).toBe('option')
  })
})

describe('the server', () => {
  const withPort = `${FIRST}server:\n  port: 8400\n`

  it.each([
    ['the option', { overrides: { port: 1 }, env: { LLAMA_STACK_PORT: '2', OGX_PORT: '3' } }, 1],
    ['LLAMA_STACK_PORT', { env: { LLAMA_STACK_PORT: '2', OGX_PORT: '3' } }, 2],
    ['OGX_PORT', { env: { LLAMA_STACK_PORT: '', OGX_PORT: '3' } }, 3],
    ['the file', {}, 8400],
  ])('takes its port from %s', async (_where, more, port) => {
    expect((await load(withPort, more)).server.port).toBe(port)
  })

  it('refuses a variable that is no port', async () => {
    const error = await failure(load(FIRST, { env: { LLAMA_STACK_PORT: '99999' } }))
    expect(error).toMatchObject({ code: 'config_env', details: { variable: 'LLAMA_STACK_PORT', file: 'environment' } })
  })

  it('takes keys from the file and the environment, digits as text', async () => {
    const text = `${FIRST}server:\n  api_keys: ["\${env.KEY}", b]\n`
    const config = await load(text, { env: { KEY: '0123', LLAMA_STACK_API_KEY: 'c', OGX_API_KEY: 'b' } })
    expect(config.server.apiKeys).toEqual(['0123', 'b', 'c'])
  })

  it('has our settings beside those of upstream', async () => {
    const config = await load(`${FIRST}server:
  host: 0.0.0.0
  tls_certfile: cert.pem
  tls_keyfile: ~/key.pem
  cors:
    allow_origins: [https://app.example]
    max_age: 60
  workers: "2"
  registry_refresh_interval_seconds: 60
  max_body_bytes: 1000
  keep_alive_ms: 5000
  allow_private_urls: true
  allowed_hosts: [llm.example]
  drain_timeout_ms: 0
  strict_client_version: true
request_log:
  enabled: false
  retention_days: 7
aliases:
  gpt: openai/gpt-4o
`)
    expect(config.server).toEqual({
      port: 8321,
      host: '0.0.0.0',
      tls: { certFile: '/project/cert.pem', keyFile: '/home/ada/key.pem' },
      cors: { allowOrigins: ['https://app.example'], maxAgeSeconds: 60 },
      workers: 2,
      registryRefreshSeconds: 60,
      maxBodyBytes: 1000,
      keepAliveMs: 5000,
      apiKeys: [],
      allowPrivateUrls: true,
      allowedHosts: ['llm.example'],
      drainTimeoutMs: 0,
      strictClientVersion: true,
    })
    expect(config.requestLog).toEqual({ enabled: false, retentionDays: 7 })
    expect(config.aliases).toEqual({ gpt: 'openai/gpt-4o' })
  })

  it.each([
    ['auth:\n    provider_config:\n      type: github_token\n', 'github_token'],
    ['auth:\n    access_policy:\n    - permit: {actions: [read]}\n', 'access policy'],
    ['auth:\n    route_policy: [{permit: {paths: "*"}}]\n', 'access policy'],
    ['auth: true\n', 'access policy'],
    ['quota:\n    anonymous_max_requests: 5\n', 'quota'],
    ['tls_keyfile: x\n', 'tls_certfile'],
    ['cors:\n    allow_origins: ["*"]\n    allow_credentials: true\n', 'credentials'],
  ])('does not start with %j, which it could not enforce', async (block, named) => {
    const found = await faults(`${FIRST}server:\n  ${block}`)
    expect(found).toHaveLength(1)
    expect(found[0]?.problem).toContain(named)
    expect(found[0]?.line).toBeGreaterThanOrEqual(4)
  })

  it.each([
    'auth: null',
    'auth: {}',
    'quota: null',
    'auth: {provider_config: {type: "${env.AUTH:+oauth2_token}", audience: x}}',
    'cors: null',
  ])('starts with %s', async (line) => {
    expect((await load(`${FIRST}server:\n  ${line}\n`)).server.port).toBe(8321)
  })
})

describe('finding a configuration', () => {
  const files = {
    '/project/run.yaml': 'image_name: path\n',
    '/project/dir/config.yaml': 'distro_name: directory\n',
    '/shipped/starter.yaml': 'distro_name: shipped\n',
    '/shipped/demo.yaml': 'distro_name: demo\n',
    '/shipped/starter/other.yaml': 'distro_name: inner\n',
    '/home/ada/.llama/distributions/llamastack-mine/mine-run.yaml': 'image_name: built\n',
    '/home/ada/.ogx/distributions/ogx-yours/config.yaml': 'distro_name: built too\n',
  }

  it.each([
    ['run.yaml', {}, 'path'],
    ['/project/run.yaml', {}, 'path'],
    ['./dir', {}, 'directory'],
    ['starter', {}, 'shipped'],
    ['starter::other.yaml', {}, 'inner'],
    ['mine', {}, 'built'],
    ['yours', {}, 'built too'],
    [undefined, {}, 'shipped'],
    [undefined, { LLAMA_STACK_CONFIG: 'demo' }, 'demo'],
    [undefined, { LLAMA_STACK_CONFIG: '', OGX_CONFIG: 'demo' }, 'demo'],
    ['run.yaml', { LLAMA_STACK_CONFIG: 'demo' }, 'path'],
  ])('%s with %j', async (source, env, name) => {
    expect((await loadConfig(inputOf(files, { source, env }))).name).toBe(name)
  })

  it.each([
    ['startr', "Did you mean 'starter'?"],
    ['mien', "Did you mean 'mine'?"],
    ['missing.yaml', 'There is no such file.'],
    ['starter::../../project/run.yaml', 'Distributions: '],
  ])('suggests for %s', async (source, nearest) => {
    const error = await failure(loadConfig(inputOf(files, { source })))
    expect(error).toMatchObject({ code: 'config_not_found', details: { name: source } })
    expect(error.message).toContain(nearest)
  })

  it('refuses what is no configuration', async () => {
    expect(await faults('')).toMatchObject([{ problem: 'The file holds no configuration.' }])
    expect(await faults('- a\n')).toMatchObject([{ problem: 'The file holds no configuration.' }])
    expect(await faults('routing_table: {}\n')).toMatchObject([
      { problem: expect.stringContaining('before version 2') },
    ])
    expect(await faults('version: 3\nimage_name: x\n')).toMatchObject([
      { line: 1, problem: expect.stringContaining('version 3') },
    ])
    expect(await faults('version: 2\nproviders: {}\n')).toMatchObject([
      { problem: expect.stringContaining('distro_name is missing') },
    ])
  })
})

describe('a build.yaml', () => {
  const starter = `distro_name: starter
providers:
  inference:
  - provider_id: \${env.OLLAMA_URL:+ollama}
    provider_type: remote::ollama
    config:
      base_url: \${env.OLLAMA_URL:=}
`
  const recipe = `version: 2
distribution_spec:
  providers:
    inference:
    - provider_type: remote::ollama
    - remote::openai
    telemetry: inline::meta-reference
`

  it('runs with the entries of the starter distribution, or with defaults', async () => {
    const files = { '/project/acme/build.yaml': recipe, '/shipped/starter.yaml': starter }
    const config = await loadConfig(inputOf(files, { source: 'acme/build.yaml', env: { OLLAMA_URL: 'http://o' } }))
    expect(config).toMatchObject({
      name: 'acme',
      dialect: 'llama-stack',
      providers: [
        { id: 'ollama', config: { base_url: 'http://o' }, position: { line: 5 } },
        { id: 'openai', config: {}, position: { line: 6 } },
      ],
      notes: [{ severity: 'unsupported', line: 7 }],
    })
  })

  it('without providers is refused', async () => {
    const files = { '/project/build.yaml': 'distribution_spec: {}\n', '/shipped/starter.yaml': starter }
    const error = await failure(loadConfig(inputOf(files, { source: 'build.yaml' })))
    expect(error).toMatchObject({ code: 'config_invalid', details: { line: 1 } })
  })
})

describe('shields', () => {
  const served = { servedTypes: { ...servedTypes, safety: ['inline::llama-guard'] } }
  const providers = `
  safety:
  - provider_id: \${env.SAFETY_MODEL:+llama-guard}
    provider_type: inline::llama-guard
  - provider_id: scanner
    provider_type: inline::code-scanner
`
  const entries = (indent: string) =>
    [
      '- shield_id: guard',
      '  provider_id: llama-guard',
      '- shield_id: code',
      '  provider_id: scanner',
      '- shield_id: empty',
      '  provider_id: ${env.NOBODY:=}',
    ]
      .map((line) => `${indent}${line}\n`)
      .join('')

  it.each([
    ['first', `${FIRST}providers:${providers}shields:\n${entries('')}`],
    ['second', `${SECOND}providers:${providers}registered_resources:\n  shields:\n${entries('  ')}`],
  ])(
    'of the %s dialect are kept where their provider starts, and a note says why others are not',
    async (_name, text) => {
      const on = await load(text, { ...served, env: { SAFETY_MODEL: 'm' } })
      expect(on.resources.shields).toEqual([{ shield_id: 'guard', provider_id: 'llama-guard' }])
      const about = on.notes.filter(({ path }) => path.includes('shields'))
      expect(about.map(({ severity }) => severity)).toEqual(['unsupported', 'info'])
      const off = await load(text, served)
      expect(off.resources.shields).toEqual([])
      expect(off.notes.filter(({ path }) => path.includes('shields')).map(({ severity }) => severity)).toEqual([
        'info',
        'unsupported',
        'info',
      ])
    },
  )
})
