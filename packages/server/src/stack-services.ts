/** The services of a stack, and the routes that they answer. */
import type {
  Connectors,
  Conversations,
  Inference,
  Inspect,
  Models,
  Prompts,
  ProviderApi,
  ResponseCacheAdmin,
  Responses,
  Safety,
} from '@llama-stack/api'
import {
  connectors,
  conversations,
  inference,
  inspect,
  models,
  prompts,
  responseCache,
  responses,
  safety,
  StackError,
} from '@llama-stack/api'
import type { BoundRoute } from './http/bound-route.ts'
import type { AnyProviderHandle } from './services/providers/provider-handle.ts'

/** The services, for use within the process. */
export interface StackServices {
  readonly inference: Inference
  readonly models: Models
  readonly inspect: Inspect
  readonly responseCache: ResponseCacheAdmin
  readonly safety: Safety
  readonly responses: Responses
  readonly conversations: Conversations
  readonly prompts: Prompts
  readonly connectors: Connectors
}

/** Every declared route with the operation of its service. */
export function bindRoutes(services: StackServices): BoundRoute[] {
  const tables = [
    [inference, services.inference],
    [models, services.models],
    [inspect, services.inspect],
    [responseCache, services.responseCache],
    [safety, services.safety],
    [responses, services.responses],
    [conversations, services.conversations],
    [prompts, services.prompts],
    [connectors, services.connectors],
  ] as const
  return tables.flatMap(([api, service]) =>
    Object.entries(api).map(([name, route]) => ({
      name,
      route,
      tag: route.tag ?? 'Other',
      // Service<A> has exactly the keys of A; entries() cannot say so.
      operation: (service as unknown as Readonly<Record<string, BoundRoute['operation']>>)[name] ?? missing(name),
    })),
  )
}

function missing(name: string): BoundRoute['operation'] {
  return () => Promise.reject(new StackError('operation_unsupported', { operation: name, provider: 'this server' }))
}

/** By the tag of its routes, the API whose providers serve them. */
const apisByTag: Readonly<Record<string, ProviderApi>> = Object.freeze({ Inference: 'inference', Safety: 'safety' })

/** The routes as `/v1/inspect/routes` lists them. */
export function inspected(routes: readonly BoundRoute[], providers: readonly AnyProviderHandle[]) {
  return routes.map(({ route, tag }) => {
    const ofTag = providers.filter(({ api }) => api === apisByTag[tag])
    return { route, providerTypes: [...new Set(ofTag.map(({ type }) => type))] }
  })
}
