/** A provider whose credentials have to be bought or signed: with a clock that is held, variables, and one server. */
import type {
  AnyProviderDefinition,
  InferenceProvider,
  JsonObject,
  ProviderCall,
  ProviderEnvironment,
  ProviderInput,
} from '@llama-stack/api'
import { silentLog } from '../kernel/log.ts'
import { createUpstream } from '../kernel/upstream.ts'
import { createScriptedUpstream } from './scripted-upstream.ts'
import type { ScriptedRequest, ScriptedRoute, ScriptedUpstream } from './scripted-upstream.ts'

/** What the rig is made of. */
export interface CredentialRigOptions {
  readonly definition: AnyProviderDefinition<'inference'>
  /** For a vendor at this address. */
  readonly config: (url: string) => JsonObject
  readonly env?: (url: string) => ProviderEnvironment
  readonly routes: Readonly<Record<string, ScriptedRoute>>
  readonly replaying?: boolean
  /** Lets caller-chosen URLs reach the scripted server, which lives on a private address. */
  readonly allowPrivateUrls?: boolean
}

/** The provider, and the server that is its vendor and its token service. */
export interface CredentialRig extends AsyncDisposable {
  readonly provider: InferenceProvider
  readonly vendor: ScriptedUpstream
  /** Why the provider cannot serve. */
  readonly off: string | undefined
  /** The requests to one path. */
  asked(path: string): readonly ScriptedRequest[]
  /** Moves the clock. */
  passTime(ms: number): void
  /** Milliseconds since the epoch, on the rig's clock. */
  now(): number
}

/** 2026-06-01 00:00 UTC: any time that is not now. */
const START_MS = 1_780_272_000_000

/** Starts the server and creates the provider. */
export async function createCredentialRig(options: CredentialRigOptions): Promise<CredentialRig> {
  await using opening = new AsyncDisposableStack()
  const { definition, routes, replaying = false, allowPrivateUrls = false } = options
  const vendor = opening.use(await createScriptedUpstream({ routes }))
  const upstream = opening.use(createUpstream({ allowPrivateUrls }))
  const config = definition.config.parse(options.config(vendor.url))
  const env = options.env?.(vendor.url) ?? {}
  let nowMs = START_MS
  const input: ProviderInput<unknown> = {
    id: 'under-test',
    config,
    deps: {},
    upstream,
    log: silentLog,
    clock: { now: () => nowMs, monotonic: () => nowMs },
    signal: new AbortController().signal,
    env,
    replaying,
  }
  // A definition has forgotten its configuration's type; the schema above has just checked it.
  const provider = definition.create(input as never)
  const opened = opening.move()
  return {
    provider,
    vendor,
    off: definition.off?.(config as never, env),
    asked: (path) => vendor.requests.filter((request) => request.path.split('?')[0] === path),
    passTime: (ms) => (nowMs += ms),
    now: () => nowMs,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

/** A call by nobody in particular. */
export function callWith(providerData: JsonObject = {}, more: Partial<ProviderCall> = {}): ProviderCall {
  return { requestId: 'req_1', signal: new AbortController().signal, providerData, ...more }
}
