/**
 * What bare `llama` can start with: local engines that answer, models in files, and keys in the environment. Nothing here costs
 * money: an engine is asked for its list of models, a file's header is read, a key is only seen.
 */
import type { Environment } from './command.ts'
import { findEngineUrl, localEngines } from './local-engines.ts'
import type { LocalEngine } from './local-engines.ts'
import { findLocalFiles } from './local-files.ts'
import type { FoundFiles } from './local-files.ts'
import { isRecord } from '../kernel/json-record.ts'

/** How long all probes together may take. */
const PROBE_BUDGET_MS = 400

/** A provider that a variable can switch on. */
export interface KeyedProvider {
  readonly providerType: string
  readonly variable: string
}

/** An engine that will be used. */
export interface FoundEngine {
  readonly engine: LocalEngine
  /** Without `/v1`. */
  readonly url: string
  readonly key: string | undefined
  /**
   * `answers`: it listed its models. `silent`: a variable names it, but nothing answers there now. `unchecked`: a variable
   * names it, and it was not asked.
   */
  readonly state: 'answers' | 'silent' | 'unchecked'
  readonly models: readonly string[]
}

/** A key in the environment. Only its ending is ever shown. */
export interface FoundKey {
  readonly providerType: string
  readonly variable: string
  readonly key: string
  /** `OPENAI_BASE_URL` beside `OPENAI_API_KEY`: the key is for that server and must not go to another. */
  readonly baseUrl: string | undefined
}

export interface Detection {
  readonly engines: readonly FoundEngine[]
  readonly files: readonly FoundFiles[]
  readonly keys: readonly FoundKey[]
}

export interface DetectOptions {
  readonly env: Environment
  /** Whose files are looked at; undefined: nobody's. */
  readonly home: string | undefined
  readonly fetch: typeof globalThis.fetch
  /** False: no engine is asked, only variables are looked at. */
  readonly probe: boolean
  readonly keyed: readonly KeyedProvider[]
}

/** Looks at the variables and the files and asks all engines at once, within the budget. */
export async function detect(options: DetectOptions): Promise<Detection> {
  const budget = AbortSignal.timeout(PROBE_BUDGET_MS)
  const { env, home } = options
  const [files, ...engines] = await Promise.all([
    home === undefined ? [] : findLocalFiles({ env, home }),
    ...localEngines.map((engine) => findEngine(engine, options, budget)),
  ])
  return { engines: engines.filter((engine) => engine !== undefined), files, keys: findKeys(options) }
}

/** The key of a provider that is only replayed: recordings know no keys. */
const REPLAYED_KEY = 'replayed'

/** Every engine and every provider, whether there or not: what may have been recorded, when nobody is called. */
export function assumeAll({ env, keyed }: Pick<DetectOptions, 'env' | 'keyed'>): Detection {
  const engines = localEngines.map((engine) => ({
    engine,
    url: findEngineUrl(engine, env),
    key: undefined,
    state: 'unchecked' as const,
    models: [],
  }))
  const keys = keyed.map(({ providerType, variable }) => ({
    providerType,
    variable,
    key: REPLAYED_KEY,
    baseUrl: undefined,
  }))
  return { engines, files: [], keys }
}

/** Keys of the environment, one for each provider type, in the order of the list. */
function findKeys({ env, keyed }: Pick<DetectOptions, 'env' | 'keyed'>): readonly FoundKey[] {
  return keyed.flatMap(({ providerType, variable }) => {
    const key = env[variable]?.trim() ?? ''
    const baseUrl = env[variable.replace(/_(?:API_)?(?:KEY|TOKEN)$/, '_BASE_URL')]?.trim() || undefined
    return key === '' ? [] : [{ providerType, variable, key, baseUrl }]
  })
}

async function findEngine(
  engine: LocalEngine,
  { env, fetch, probe }: DetectOptions,
  budget: AbortSignal,
): Promise<FoundEngine | undefined> {
  const url = findEngineUrl(engine, env)
  const key = engine.keyEnv === undefined ? undefined : env[engine.keyEnv] || undefined
  const isNamed = engine.env.some((name) => (env[name] ?? '') !== '')
  const found = (state: FoundEngine['state'], models: readonly string[] = []): FoundEngine => ({
    engine,
    url,
    key,
    state,
    models,
  })
  if (!isLoopback(url) || !probe) return isNamed ? found('unchecked') : undefined
  const models = await findModels(engine, { url, key, fetch, signal: budget })
  if (models !== undefined) return found('answers', models)
  return isNamed ? found('silent') : undefined
}

/** Asks one engine for its models; undefined where nothing or something else answers. */
async function findModels(
  engine: LocalEngine,
  {
    url,
    key,
    fetch,
    signal,
  }: Pick<FoundEngine, 'url' | 'key'> & Pick<DetectOptions, 'fetch'> & { readonly signal: AbortSignal },
): Promise<readonly string[] | undefined> {
  try {
    const response = await fetch(`${url}${engine.path}`, {
      signal,
      redirect: 'error',
      headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
    })
    const reply: unknown = response.ok ? await response.json() : undefined
    return isRecord(reply) ? engine.models(reply) : undefined
  } catch {
    // Nothing listens, too slow, or no JSON: for a probe it is all the same.
    return undefined
  }
}

function isLoopback(url: string): boolean {
  const { hostname } = URL.parse(url) ?? { hostname: '' }
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname)
}
