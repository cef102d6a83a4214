/** The routes that the HTTP server itself answers: probes, the OpenAPI document, the reference page. */
import * as z from 'zod'
import { defineApi, StackError, value } from '@llama-stack/api'
import type { JsonObject } from '@llama-stack/api'
import type { BoundRoute, Operation } from './bound-route.ts'
import type { OpenApiInfo } from './openapi.ts'
import { readPage } from './pages.ts'

/** What the built-in routes tell about. */
export interface BuiltInOptions {
  readonly routes: readonly BoundRoute[]
  readonly openApi: OpenApiInfo
  readonly isReady: () => boolean
}

const ProbeStatus = z.object({ status: z.literal('OK') }).meta({ id: 'ProbeStatus' })

const api = defineApi({
  livez: {
    method: 'GET',
    path: '/livez',
    access: 'public',
    summary: 'Whether the process answers. It does, also while it shuts down.',
    response: ProbeStatus,
  },
  readyz: {
    method: 'GET',
    path: '/readyz',
    access: 'public',
    summary: 'Whether new requests are welcome: 503 while the server starts or shuts down.',
    response: ProbeStatus,
    errors: ['server_not_ready'],
  },
  openapi: { method: 'GET', path: '/openapi.json', access: 'public', summary: 'The OpenAPI 3.1 document.' },
  reference: {
    method: 'GET',
    path: '/docs',
    aliases: ['/reference', '/'],
    access: 'public',
    summary: 'The API reference as a page that needs no internet.',
  },
})

/** Binds them. The generator of the document is loaded when it is first asked for. */
export function toBuiltInRoutes({ routes, openApi, isReady }: BuiltInOptions): readonly BoundRoute[] {
  let document: Promise<JsonObject> | undefined
  const generate = async (): Promise<JsonObject> => (await import('./openapi.ts')).toOpenApi(routes, openApi)
  const operations: Readonly<Record<keyof typeof api, Operation>> = {
    livez: () => Promise.resolve(value({ status: 'OK' })),
    async readyz() {
      if (!isReady()) throw new StackError('server_not_ready', { reason: 'it is starting or shutting down' })
      return value({ status: 'OK' })
    },
    async openapi() {
      return value(await (document ??= generate()), { 'access-control-allow-origin': '*' })
    },
    reference: () => readPage('reference.html'),
  }
  return (Object.keys(api) as (keyof typeof api)[]).map((name) => ({
    // the keys of a literal
    name,
    route: api[name],
    operation: operations[name],
    tag: 'server',
  }))
}
