/** Where a listener's requests go. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { bug } from '@llama-stack/api'
import type { BoundRoute } from './bound-route.ts'
import type { Edge } from './edge.ts'
import type { PlainRequest } from './fast-lane/plain-request.ts'
import type { PlainResponse } from './fast-lane/plain-response.ts'
import type { RouteEntry } from './route-table.ts'

/** A request on its way in, as Node's server has it. */
export interface NodeArrival {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

export interface Dispatcher {
  /** Serves any request. */
  readonly serve: (request: IncomingMessage, response: ServerResponse) => void
  /** Whether a method and path, `GET /v1/models`, are a route's own. */
  knows(key: string): boolean
  /** Serves a request of the fast lane, whose key is known. */
  servePlain(request: PlainRequest, response: PlainResponse): void
}

const NOTHING: Readonly<Record<string, never>> = Object.freeze({})

/**
 * Requests whose path is a route's own go to it straight away; everything else is the router's business. The router
 * costs a tenth of a short request, and loading it more than the rest of a start: it is loaded when it is first needed
 * (docs/decisions/0006-exact-paths.md).
 */
export function createDispatcher(
  entries: readonly RouteEntry[],
  edge: Edge,
  getRouter: () => Promise<FastifyInstance>,
): Dispatcher {
  const exact = new Map(
    entries
      .filter(({ pattern }) => !pattern.template.includes('{'))
      .map(({ bound, pattern }) => [`${bound.route.method} ${pattern.template}`, bound]),
  )
  const find = ({ method, url }: { method?: string | undefined; url?: string | undefined }): BoundRoute | undefined =>
    exact.get(`${method} ${url}`)
  let router: FastifyInstance | undefined
  return {
    serve(request, response) {
      const bound = find(request)
      if (bound !== undefined) edge.serve({ request, response }, { bound, params: NOTHING, query: NOTHING })
      else if (router !== undefined) router.routing(request, response)
      else {
        getRouter().then(
          (loaded) => {
            router = loaded
            loaded.routing(request, response)
          },
          (error: unknown) => edge.refuse({ request, response }, error),
        )
      }
    },
    knows: (key) => exact.has(key),
    servePlain(request, response) {
      const bound = find(request) ?? bug('the fast lane serves a request without a route')
      edge.serve({ request, response }, { bound, params: NOTHING, query: NOTHING })
    },
  }
}
