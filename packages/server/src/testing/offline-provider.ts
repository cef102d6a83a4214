/** Creates providers that need nothing of the outside world. */
import type { ProviderApi, ProviderCall, ProviderDefinition, ProviderDependencies } from '@llama-stack/api'
import { bug } from '@llama-stack/api'
import type * as z from 'zod'
import { silentLog } from '../kernel/log.ts'

const noUpstream = {
  send: () => bug('an offline provider made an outbound call'),
  with: () => noUpstream,
}

/** Creates a provider from its definition, at a fixed time. An outbound call fails the test. */
export function createOfflineProvider<Config extends z.ZodType, Served extends ProviderApi>(
  definition: ProviderDefinition<Config, never, never, Served>,
  config: z.input<Config>,
): ProviderDependencies[Served] {
  return definition.create({
    id: 'offline',
    config: definition.config.parse(config),
    deps: {},
    upstream: noUpstream,
    log: silentLog,
    clock: { now: () => 1_700_000_000_000, monotonic: () => 0 },
    signal: new AbortController().signal,
  })
}

/** A call by nobody in particular. */
export function offlineCall(signal: AbortSignal = new AbortController().signal): ProviderCall {
  return { requestId: 'req_offline', signal, providerData: {} }
}
