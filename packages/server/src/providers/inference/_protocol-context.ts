/** What the pieces of one provider instance share: its facts, its settings, and where calls go. */
import { StackError } from '@llama-stack/api'
import type {
  JsonObject,
  Log,
  ProviderCall,
  ProviderInput,
  Upstream,
  UpstreamRequest,
  UpstreamResponse,
} from '@llama-stack/api'
import { toCallTargets } from './_call-target.ts'
import type { CallTarget, CallTargets } from './_call-target.ts'
import type { Dialect } from './_dialect.ts'
import { createEndpointLocator } from './_endpoint-locator.ts'
import { toCallerNetworkOptions, toNetworkOptions } from './_network-settings.ts'
import type { ProviderSettings } from './_provider-settings.ts'

/** What `create` of a definition receives for these settings. */
export type ProtocolInput = ProviderInput<ProviderSettings>

/** Where a request goes, and for whom. */
export interface Errand {
  readonly target: CallTarget
  readonly call: ProviderCall
}

/** How calls get in where a key in a header is not all: tokens are bought, requests are signed. */
export interface VendorAccess {
  /** Whether the operator's calls get in without a key. */
  readonly hasIdentity: boolean
  send(request: UpstreamRequest, errand: Errand & { readonly upstream: Upstream }): Promise<UpstreamResponse>
}

/** One instance, prepared. */
export interface ProtocolContext {
  readonly id: string
  readonly dialect: Dialect
  readonly settings: ProviderSettings
  readonly targets: CallTargets
  readonly log: Log
  /** Neither recorded nor replayed: bodies need not be those of recordings. */
  readonly live: boolean
  /** What the vendor told about single models, by the version of each. */
  readonly modelDetails: Map<string, JsonObject>
  /** Throws `model_not_found` for a model that the operator does not allow. */
  expectAllowed(model: unknown): void
  /** Where a call goes, its base URL asked of the vendor where it has to be. Throws for a missing key or URL. */
  locate(call: ProviderCall): CallTarget | Promise<CallTarget>
  /** The transport for a target: a host that the caller chose gets none of the operator's headers. */
  upstreamFor(chosenBy: CallTarget['chosenBy']): Upstream
  /** Sends a request to the vendor with what it takes to get in. */
  send(request: UpstreamRequest, errand: Errand): Promise<UpstreamResponse>
}

/** Prepares what one instance needs for its calls. */
export function toProtocolContext(dialect: Dialect, input: ProtocolInput, access?: VendorAccess): ProtocolContext {
  const { id, config: settings } = input
  const replaying = input.replaying === true
  const targets = toCallTargets({ id, dialect, settings, replaying, hasIdentity: access?.hasIdentity === true })
  const network = toNetworkOptions(settings.network, {
    verify: settings.tls_verify ?? null,
    timeoutSeconds: settings.timeout ?? null,
  })
  const own = network === undefined ? input.upstream : input.upstream.with(network)
  const forCallers = network === undefined ? input.upstream : input.upstream.with(toCallerNetworkOptions(network))
  const locator = dialect.locatedByName ? createEndpointLocator({ id, settings, upstream: own }) : undefined
  const allowed = settings.allowed_models ?? undefined
  const upstreamFor = (chosenBy: CallTarget['chosenBy']): Upstream => (chosenBy === 'caller' ? forCallers : own)
  return {
    id,
    dialect,
    settings,
    targets,
    log: input.log,
    live: input.accounting === true,
    modelDetails: new Map(),
    expectAllowed(model) {
      if (allowed !== undefined && typeof model === 'string' && !allowed.includes(model)) {
        throw new StackError('model_not_found', { model })
      }
    },
    locate(call) {
      const target = targets.get(call)
      if (locator === undefined || target.baseUrl !== '') return target
      return locator(target, call.signal).then((baseUrl) => ({ ...target, baseUrl }))
    },
    upstreamFor,
    send(request, errand) {
      const upstream = upstreamFor(errand.target.chosenBy)
      // Nothing leaves the server in a replay, so nothing has to get in anywhere.
      return access === undefined || replaying ? upstream.send(request) : access.send(request, { ...errand, upstream })
    },
  }
}
