/** Health, version, routes and providers, for everybody and for administrators. */
import { StackError, value } from '@llama-stack/api'
import type { CallContext, Clock, Inspect, ProviderInfo, Route, RouteInfo, Stability } from '@llama-stack/api'
import type { ModelRegistry } from '../models/model-registry.ts'
import type { ProviderHandle } from '../providers/provider-handle.ts'

/** A route as it is served: all its paths, and the providers of its API. */
export interface InspectedRoute {
  readonly route: Route
  /** The provider types that may serve it; empty for what the stack does by itself. */
  readonly providerTypes: readonly string[]
}

export interface InspectOptions {
  readonly version: string
  readonly providers: readonly ProviderHandle[]
  readonly registry: ModelRegistry
  readonly clock: Clock
  /** A function, because the routes of inspection are among them. */
  readonly routes: () => readonly InspectedRoute[]
}

/** As upstream has it; all providers are asked at once. */
const HEALTH_TIMEOUT_MS = 3000

/** Creates the service behind inspection and its admin twins. */
export function createInspectService(options: InspectOptions): Inspect {
  const health: Inspect['health'] = async () => value({ status: 'OK' as const })
  const version: Inspect['version'] = async () => value({ version: options.version })
  const listRoutes: Inspect['listRoutes'] = async ({ api_filter: filter }) =>
    value({ data: toRouteInfos(options.routes(), filter) })
  const listProviders: Inspect['listProviders'] = async (_request, context) =>
    value({ data: await Promise.all(options.providers.map((handle) => toInfo(options, handle, context))) })
  const retrieveProvider: Inspect['retrieveProvider'] = async ({ provider_id: id }, context) => {
    const handle = options.providers.find((provider) => provider.id === id)
    if (handle !== undefined) return value(await toInfo(options, handle, context))
    throw new StackError('provider_not_found', {
      provider: id,
      available: options.providers.map((provider) => provider.id).join(', '),
    })
  }
  return {
    health,
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

async function toInfo(options: InspectOptions, handle: ProviderHandle, context: CallContext): Promise<ProviderInfo> {
  return {
    api: handle.api,
    provider_id: handle.id,
    provider_type: handle.type,
    config: handle.shownConfig,
    health: await check(options, handle, context),
  }
}

async function check(
  { registry }: InspectOptions,
  handle: ProviderHandle,
  context: CallContext,
): Promise<ProviderInfo['health']> {
  if (handle.off !== undefined) return { status: 'Not Implemented', message: `off: ${handle.off}` }
  try {
    const provider = await handle.get()
    if (provider.health === undefined) {
      const failure = registry.findFailure(handle.id)
      return failure === undefined ? { status: 'OK' } : { status: 'Error', message: failure }
    }
    const signal = AbortSignal.any([context.signal, AbortSignal.timeout(HEALTH_TIMEOUT_MS)])
    return { ...(await provider.health({ ...context, signal })) }
  } catch (error) {
    return { status: 'Error', message: error instanceof Error ? error.message : String(error) }
  }
}
