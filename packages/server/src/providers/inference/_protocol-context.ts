/** What the pieces of one provider instance share: its facts, its settings, and where calls go. */
import { StackError } from '@llama-stack/api'
import type { ProviderCall, ProviderInput, Upstream } from '@llama-stack/api'
import { toCallTargets } from './_call-target.ts'
import type { CallTarget, CallTargets } from './_call-target.ts'
import type { Dialect } from './_dialect.ts'
import { createEndpointLocator } from './_endpoint-locator.ts'
import { toCallerNetworkOptions, toNetworkOptions } from './_network-settings.ts'
import type { ProviderSettings } from './_provider-settings.ts'

/** What `create` of a definition receives for these settings. */
export type ProtocolInput = ProviderInput<ProviderSettings>

/** One instance, prepared. */
export interface ProtocolContext {
  readonly id: string
  readonly dialect: Dialect
  readonly settings: ProviderSettings
  readonly targets: CallTargets
  /** Throws `model_not_found` for a model that the operator does not allow. */
  expectAllowed(model: unknown): void
  /** Where a call goes, its base URL asked of the vendor where it has to be. Throws for a missing key or URL. */
  locate(call: ProviderCall): Promise<CallTarget>
  /** The transport for a target: a host that the caller chose gets none of the operator's headers. */
  upstreamFor(chosenBy: CallTarget['chosenBy']): Upstream
}

/** Prepares what one instance needs for its calls. */
export function toProtocolContext(dialect: Dialect, input: ProtocolInput): ProtocolContext {
  const { id, config: settings } = input
  const targets = toCallTargets({ id, dialect, settings, replaying: input.replaying === true })
  const network = toNetworkOptions(settings.network, {
    verify: settings.tls_verify ?? null,
    timeoutSeconds: settings.timeout ?? null,
  })
  const own = network === undefined ? input.upstream : input.upstream.with(network)
  const forCallers = network === undefined ? input.upstream : input.upstream.with(toCallerNetworkOptions(network))
  const locator = dialect.locatedByName ? createEndpointLocator({ id, settings, upstream: own }) : undefined
  const allowed = settings.allowed_models ?? undefined
  return {
    id,
    dialect,
    settings,
    targets,
    expectAllowed(model) {
      if (allowed !== undefined && typeof model === 'string' && !allowed.includes(model)) {
        throw new StackError('model_not_found', { model })
      }
    },
    async locate(call) {
      const target = targets.get(call)
      if (locator === undefined || target.baseUrl !== '') return target
      return { ...target, baseUrl: await locator(target, call.signal) }
    },
    upstreamFor: (chosenBy) => (chosenBy === 'caller' ? forCallers : own),
  }
}
