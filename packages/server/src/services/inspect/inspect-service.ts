/** Health, version, routes and providers, for everybody and for administrators. */
import { StackError, value } from '@llama-stack/api'
import type { Clock, Inspect, ProviderInfo, Route, RouteInfo, Stability } from '@llama-stack/api'
import type { ModelRegistry } from '../models/model-registry.ts'
import type { AnyProviderHandle } from '../providers/provider-handle.ts'
import type { ProviderHealthBook } from '../providers/provider-health.ts'
import type { TargetBook } from '../reliability/target.ts'
import { toReportedHealth } from './provider-report.ts'

/** A route as it is served: all its paths, and the providers of its API. */
export interface InspectedRoute {
  readonly route: Route
  /** The provider types that may serve it; empty for what the stack does by itself. */
  readonly providerTypes: readonly string[]
}

export interface InspectOptions {
  readonly version: string
  /** Of every API. */
  readonly providers: readonly AnyProviderHandle[]
  readonly registry: ModelRegistry
  readonly health: ProviderHealthBook
  readonly targets: TargetBook
  readonly clock: Clock
  /** A function, because the routes of inspection are among them. */
  readonly routes: () => readonly InspectedRoute[]
  /** Whether new requests are answered. */
  readonly accepting: () => boolean
}

/** Creates the service behind inspection and its admin twins. */
export function createInspectService(options: InspectOptions): Inspect {
  const health: Inspect['health'] = async () => value({ status: 'OK' as const })
  const version: Inspect['version'] = async () => value({ version: options.version })
  const listRoutes: Inspect['listRoutes'] = async ({ api_filter: filter }) =>
    value({ data: toRouteInfos(options.routes(), filter) })
  const listProviders: Inspect['listProviders'] = async () => {
    // Where nobody asked for models yet, the first to look at the providers begins to find out how they are.
    void options.registry.pending
    return value({ data: options.providers.map((handle) => toInfo(options, handle)) })
  }
  const retrieveProvider: Inspect['retrieveProvider'] = async ({ provider_id: id }) => {
    const handle = options.providers.find((provider) => provider.id === id)
    if (handle !== undefined) return value(toInfo(options, handle))
    throw new StackError('provider_not_found', {
      provider: id,
      available: options.providers.map((provider) => provider.id).join(', '),
    })
  }
  return {
    health,
    ready: async () => value({ status: 'OK' as const, failing: findFailing(options) }),
    version,
    listRoutes,
    listProviders,
    retrieveProvider,
    adminHealth: health,
    adminVersion: version,
    adminListRoutes: listRoutes,
    adminListProviders: listProviders,
    adminRetrieveProvider: retrieveProvider,
  }
}

/** The providers that fail now. Throws `server_not_ready` while requests had better go to another instance. */
function findFailing({ accepting, registry, providers, health }: InspectOptions): string[] {
  if (!accepting()) throw new StackError('server_not_ready', { reason: 'it is shutting down' })
  void registry.pending
  if (!registry.hasListed) {
    throw new StackError('server_not_ready', { reason: 'the first lists of models are under way' })
  }
  return providers
    .filter(({ api, id, off }) => api === 'inference' && off === undefined && health.get(id).look().state === 'failing')
    .map(({ id }) => id)
}

/** Without a filter everything is listed except what is deprecated, as OGX does. */
function toRouteInfos(routes: readonly InspectedRoute[], filter: Stability | undefined): RouteInfo[] {
  return routes.flatMap(({ route, providerTypes }) => {
    const stability = route.stability ?? 'v1'
    if (filter === undefined ? stability === 'deprecated' : stability !== filter) return []
    return [route.path, ...(route.aliases ?? [])].map((path) => ({
      route: path.replaceAll('*}', '}'),
      method: route.method,
      provider_types: [...providerTypes],
    }))
  })
}

function toInfo({ health, targets, clock }: InspectOptions, handle: AnyProviderHandle): ProviderInfo {
  return {
    api: handle.api,
    provider_id: handle.id,
    provider_type: handle.type,
    config: handle.shownConfig,
    health: toReportedHealth(handle, { health, targets, nowMs: clock.monotonic() }),
  }
}
