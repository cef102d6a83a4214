/** Engines that may run on this machine, and how to see whether they do without waking a model. */
import type { Environment } from './command.ts'
import { isRecord } from '../kernel/json-record.ts'

/** What is known of one kind of engine. */
export interface LocalEngine {
  /** The id of its provider, the prefix of its models. */
  readonly id: string
  readonly label: string
  /** Upstream's provider type that speaks to it. */
  readonly providerType: string
  readonly port: number
  /** Variables that say where it listens; a set one is used in place of the port. */
  readonly env: readonly string[]
  /** The variable of its key, where it can ask for one. */
  readonly keyEnv?: string
  /** A GET that lists models and costs nothing. */
  readonly path: string
  /** The names of its models, or undefined where the reply is another program's. */
  readonly models: (reply: Record<string, unknown>) => readonly string[] | undefined
  /** What to do when it runs and has no model. */
  readonly whenEmpty: string
}

const names = (list: unknown, key: string): readonly string[] | undefined =>
  Array.isArray(list)
    ? list.flatMap((entry) => (isRecord(entry) && typeof entry[key] === 'string' ? [entry[key]] : []))
    : undefined

const openAiModels = (owner: RegExp) => (reply: Record<string, unknown>) => {
  const { data } = reply
  if (!Array.isArray(data)) return undefined
  const owned = data.every((entry) => isRecord(entry) && owner.test(String(entry['owned_by'])))
  return owned ? names(data, 'id') : undefined
}

const hasStates = (data: unknown): boolean =>
  Array.isArray(data) && data.every((entry) => isRecord(entry) && typeof entry['state'] === 'string')

/** The engines that bare `llama` looks for, in the order in which `auto` prefers them. */
export const localEngines: readonly LocalEngine[] = Object.freeze([
  {
    id: 'ollama',
    label: 'Ollama',
    providerType: 'remote::ollama',
    port: 11_434,
    env: ['OLLAMA_URL', 'OLLAMA_HOST'],
    path: '/api/tags',
    models: (reply) => names(reply['models'], 'name'),
    whenEmpty: 'ollama pull qwen3:4b',
  },
  {
    id: 'vllm',
    label: 'vLLM',
    providerType: 'remote::vllm',
    port: 8000,
    env: ['VLLM_URL'],
    keyEnv: 'VLLM_API_TOKEN',
    path: '/v1/models',
    // Port 8000 is everybody's development port: only vLLM signs its models so.
    models: openAiModels(/^vllm$/),
    whenEmpty: 'vllm serve MODEL',
  },
  {
    id: 'llama-cpp-server',
    label: 'llama.cpp',
    providerType: 'remote::llama-cpp-server',
    port: 8080,
    env: ['LLAMA_CPP_SERVER_URL'],
    path: '/v1/models',
    models: openAiModels(/^llamacpp$/),
    whenEmpty: 'llama-server -m MODEL.gguf',
  },
  {
    id: 'lmstudio',
    label: 'LM Studio',
    providerType: 'remote::lmstudio',
    port: 1234,
    env: ['LMSTUDIO_URL'],
    keyEnv: 'LM_API_TOKEN',
    path: '/api/v0/models',
    // Its own list: only here each model says whether it is loaded.
    models: (reply) => (hasStates(reply['data']) ? names(reply['data'], 'id') : undefined),
    whenEmpty: 'lms load MODEL',
  },
])

/** Where an engine listens according to the environment, or on its usual port of this machine. */
export function findEngineUrl(engine: LocalEngine, env: Environment): string {
  const variable = engine.env.find((name) => (env[name] ?? '') !== '')
  const address = variable === undefined ? undefined : env[variable]
  return address === undefined ? `http://127.0.0.1:${engine.port}` : toEngineUrl(address, engine.port)
}

/**
 * The base of an address as people write it: `0.0.0.0`, `:11434`, `box:11434`, `http://box:8000/v1`. A server that listens
 * on every address is asked on loopback.
 */
export function toEngineUrl(address: string, defaultPort = 11_434): string {
  const written = address.trim().replace(/\/+$/, '').replace(/\/v1$/, '')
  if (written.includes('://')) return written.replace('://0.0.0.0', '://127.0.0.1')
  const withHost = written.startsWith(':') ? `127.0.0.1${written}` : written
  const withPort = /:\d+$/.test(withHost) ? withHost : `${withHost}:${defaultPort}`
  return `http://${withPort.replace(/^0\.0\.0\.0:/, '127.0.0.1:')}`
}
