import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { StackConfig } from '../config/stack-config.ts'
import { detect } from './detect.ts'
import type { Detection } from './detect.ts'
import { toDetectedConfig } from './detected-config.ts'
import { findEngineUrl, localEngines, toEngineUrl } from './local-engines.ts'

const servers: ReturnType<typeof createServer>[] = []

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

/** An engine on a free port. Without a reply it accepts the call and stays silent. */
async function startEngine(replies: Readonly<Record<string, unknown>>, silent = false): Promise<string> {
  const server = createServer((request, response) => {
    if (silent) return
    const reply = replies[request.url ?? '']
    response.writeHead(reply === undefined ? 404 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(reply ?? {}))
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // A listening TCP server has an address with a port.
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const urlOf = (input: string | URL | Request): string => (input instanceof Request ? input.url : input.toString())

/** Only what the variables of the test name may count: the machine that runs it may have engines of its own. */
async function detectNamed(env: Record<string, string>, probe = true): Promise<Detection> {
  const fetchNamed = (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const isNamed = Object.values(env).some((value) => urlOf(input).startsWith(value.replace(/\/v1$/, '')))
    return isNamed ? fetch(input, init) : Promise.reject(new TypeError('refused'))
  }
  return detect({
    env,
    home: undefined,
    fetch: fetchNamed,
    probe,
    keyed: [{ providerType: 'remote::openai', variable: 'OPENAI_API_KEY' }],
  })
}

describe('[B053] detect', () => {
  it('finds engines by their list of models', async () => {
    const ollama = await startEngine({ '/api/tags': { models: [{ name: 'qwen3:8b' }, { name: 'nomic-embed-text' }] } })
    const vllm = await startEngine({ '/v1/models': { data: [{ id: 'm', owned_by: 'vllm' }] } })
    const { engines } = await detectNamed({ OLLAMA_HOST: ollama, VLLM_URL: `${vllm}/v1` })
    expect(engines).toMatchObject([
      { engine: { id: 'ollama' }, url: ollama, state: 'answers', models: ['qwen3:8b', 'nomic-embed-text'] },
      { engine: { id: 'vllm' }, url: vllm, state: 'answers', models: ['m'] },
    ])
  })

  it('finds llama-server and LM Studio, whose own list says what is loaded', async () => {
    const llamaCpp = await startEngine({ '/v1/models': { data: [{ id: 'm.gguf', owned_by: 'llamacpp' }] } })
    const data = [{ id: 'qwen3-8b', type: 'llm', state: 'loaded' }]
    const lmStudio = await startEngine({ '/api/v0/models': { data } })
    const { engines } = await detectNamed({ LLAMA_CPP_SERVER_URL: llamaCpp, LMSTUDIO_URL: lmStudio })
    expect(engines).toMatchObject([
      { engine: { providerType: 'remote::llama-cpp-server' }, state: 'answers', models: ['m.gguf'] },
      { engine: { providerType: 'remote::lmstudio' }, state: 'answers', models: ['qwen3-8b'] },
    ])
  })

  it('asks LM Studio with its token, and sends the token on', async () => {
    const lmStudio = await startEngine({ '/api/v0/models': { data: [{ id: 'm', state: 'loaded' }] } })
    const detection = await detectNamed({ LMSTUDIO_URL: lmStudio, LM_API_TOKEN: 'token' })
    expect(detection.engines).toMatchObject([{ state: 'answers', key: 'token' }])
    expect(toDetectedConfig(detection, '/data').providers?.[0]).toMatchObject({
      id: 'lmstudio',
      type: 'remote::lmstudio',
      config: { base_url: lmStudio, api_key: 'token' },
    })
  })

  it('does not take another program on the same port for the engine', async () => {
    const other = await startEngine({ '/v1/models': { data: [{ id: 'm', owned_by: 'somebody' }] } })
    const { engines } = await detectNamed({ VLLM_URL: other, LMSTUDIO_URL: other, LLAMA_CPP_SERVER_URL: other })
    expect(engines).toMatchObject([{ state: 'silent' }, { state: 'silent' }, { state: 'silent' }])
  })

  it('gives up on a silent port within the budget', async () => {
    const url = await startEngine({}, true)
    const startedAtMs = performance.now()
    const { engines } = await detectNamed({ OLLAMA_HOST: url })
    expect(engines).toMatchObject([{ state: 'silent', models: [] }])
    expect(performance.now() - startedAtMs).toBeLessThan(2000)
  })

  it('asks nobody without probing, and never another machine', async () => {
    const calls: string[] = []
    const record: typeof fetch = (input) => {
      calls.push(urlOf(input))
      return Promise.reject(new TypeError('refused'))
    }
    const env = { OLLAMA_HOST: 'gpu-box:11434', VLLM_URL: 'http://127.0.0.1:9/v1' }
    const quiet = await detect({ env, home: undefined, fetch: record, probe: false, keyed: [] })
    expect(calls).toEqual([])
    expect(quiet.engines.map(({ engine, state }) => [engine.id, state])).toEqual([
      ['ollama', 'unchecked'],
      ['vllm', 'unchecked'],
    ])
    await detect({ env, home: undefined, fetch: record, probe: true, keyed: [] })
    expect(calls.map((url) => new URL(url).hostname)).not.toContain('gpu-box')
    expect(calls.length).toBe(localEngines.length - 1)
  })

  it('takes keys with the server that they are for, and ignores empty ones', async () => {
    const { keys } = await detectNamed({ OPENAI_API_KEY: ' sk-1 ', OPENAI_BASE_URL: 'http://proxy/v1' }, false)
    expect(keys).toEqual([
      { providerType: 'remote::openai', variable: 'OPENAI_API_KEY', key: 'sk-1', baseUrl: 'http://proxy/v1' },
    ])
    expect((await detectNamed({ OPENAI_API_KEY: ' ' }, false)).keys).toEqual([])
  })
})

describe('toDetectedConfig', () => {
  it('puts local engines first, then keys, then what is built in', async () => {
    const detection = await detectNamed({ OPENAI_API_KEY: 'sk-1', OLLAMA_HOST: 'box' }, false)
    const config = StackConfig.parse(toDetectedConfig(detection, '/data'))
    expect(config.providers.map(({ id, type, config: settings }) => [id, type, settings])).toEqual([
      ['ollama', 'remote::ollama', { base_url: 'http://box:11434' }],
      ['openai', 'remote::openai', { api_key: 'sk-1' }],
      ['demo', 'inline::demo', {}],
      ['lexical', 'inline::lexical', {}],
    ])
  })
})

describe('toEngineUrl', () => {
  it.each([
    ['0.0.0.0', 'http://127.0.0.1:11434'],
    [':1234', 'http://127.0.0.1:1234'],
    ['box', 'http://box:11434'],
    ['box:99', 'http://box:99'],
    ['http://box:8000/v1/', 'http://box:8000'],
    ['http://0.0.0.0:11434', 'http://127.0.0.1:11434'],
    ['https://box/ollama', 'https://box/ollama'],
  ])('reads %s', (written, url) => {
    expect(toEngineUrl(written)).toBe(url)
  })

  it('uses the usual port of the engine where no variable names it', () => {
    expect(localEngines.map((engine) => findEngineUrl(engine, {}))).toEqual([
      'http://127.0.0.1:11434',
      'http://127.0.0.1:8000',
      'http://127.0.0.1:8080',
      'http://127.0.0.1:1234',
    ])
  })
})
