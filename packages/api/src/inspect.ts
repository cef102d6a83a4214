/** What this server is and has: health, version, routes, providers, and the same under admin. */
import * as z from 'zod'
import { defineApi } from './route.ts'
import type { Service } from './route.ts'

const Health = z.looseObject({ status: z.enum(['OK', 'Error']) }).meta({ id: 'Health' })
const unixSeconds = z.int().describe('Unix time in seconds.')

const ReportedFailure = z
  .looseObject({
    code: z.string().optional().describe('Of the error table; `llama explain` says more.'),
    message: z.string(),
    fix: z.string().optional().describe('What can be done about it.'),
    at: unixSeconds,
  })
  .meta({ id: 'ReportedFailure' })

/** How a provider is, as far as the server knows without asking it. */
export const ReportedHealth = z
  .looseObject({
    status: z
      .enum(['OK', 'Error', 'Not Implemented'])
      .describe('`Not Implemented`: it is off, or nothing was asked of it yet.'),
    message: z.string().optional(),
    fix: z.string().optional().describe('What can be done about it.'),
    since: unixSeconds.optional().describe('Since when it has this status.'),
    heard_at: unixSeconds.optional().describe('When something was last heard of it.'),
    heard_by: z.enum(['traffic', 'listing', 'probe']).optional().describe('What that was.'),
    window: z
      .looseObject({ seconds: z.int(), calls: z.int(), failures: z.int() })
      .optional()
      .describe('Its calls of the last minutes; those that a client’s own mistake ended are no failures.'),
    last_error: ReportedFailure.optional().describe('The last one, however well it has been since.'),
    unavailable: z
      .array(
        z.looseObject({
          model: z.string(),
          state: z.enum(['open', 'half-open']),
          retry_after_ms: z.int(),
          last_error: ReportedFailure.optional(),
        }),
      )
      .optional()
      .describe('Models that are left alone for now because they kept failing.'),
  })
  .meta({ id: 'ReportedHealth' })
export type ReportedHealth = z.infer<typeof ReportedHealth>

const Readiness = z
  .looseObject({
    status: z.literal('OK'),
    failing: z.array(z.string()).describe('Providers that fail now: calls to the others are answered.'),
  })
  .meta({ id: 'Readiness' })

const Version = z.looseObject({ version: z.string() }).meta({ id: 'Version' })

export const RouteInfo = z
  .looseObject({ route: z.string(), method: z.string(), provider_types: z.array(z.string()) })
  .meta({ id: 'RouteInfo' })
export type RouteInfo = z.infer<typeof RouteInfo>

export const ProviderInfo = z
  .looseObject({
    api: z.string(),
    provider_id: z.string(),
    provider_type: z.string(),
    config: z.record(z.string(), z.unknown()).describe('Secrets are shown as ********.'),
    health: ReportedHealth,
  })
  .meta({ id: 'ProviderInfo' })
export type ProviderInfo = z.infer<typeof ProviderInfo>

const providerId = z.object({ provider_id: z.string() })
const filter = z.looseObject({
  api_filter: z.enum(['v1', 'v1alpha', 'v1beta', 'deprecated']).optional().describe('Only routes of this stability.'),
})
const routeList = z.looseObject({ data: z.array(RouteInfo) })
const providerList = z.looseObject({ data: z.array(ProviderInfo) })

export const inspect = defineApi({
  health: {
    method: 'GET',
    path: '/v1/health',
    access: 'public',
    summary: 'Say that the process is alive.',
    response: Health,
    tag: 'Inspect',
  },
  ready: {
    method: 'GET',
    path: '/v1/health/ready',
    access: 'public',
    summary: 'Say whether new requests are welcome: 503 while the server starts or shuts down.',
    description:
      'A provider that fails does not make the server unready: its other providers would be lost with it. `/readyz` is the same without names.',
    response: Readiness,
    errors: ['server_not_ready'],
    tag: 'Inspect',
  },
  version: {
    method: 'GET',
    path: '/v1/version',
    access: 'public',
    summary: 'Say which version runs.',
    response: Version,
    tag: 'Inspect',
  },
  listRoutes: {
    method: 'GET',
    path: '/v1/inspect/routes',
    access: 'read',
    summary: 'List the routes and the providers behind them.',
    query: filter,
    response: routeList,
    tag: 'Inspect',
  },
  listProviders: {
    method: 'GET',
    path: '/v1/providers',
    access: 'read',
    summary: 'List the configured providers with their health.',
    description: 'Health is what calls, lists and probes told before; no provider is asked for it.',
    response: providerList,
    tag: 'Providers',
  },
  retrieveProvider: {
    method: 'GET',
    path: '/v1/providers/{provider_id}',
    access: 'read',
    summary: 'Fetch one provider.',
    params: providerId,
    response: ProviderInfo,
    errors: ['provider_not_found'],
    tag: 'Providers',
  },
  adminHealth: {
    method: 'GET',
    path: '/v1alpha/admin/health',
    access: 'admin',
    stability: 'v1alpha',
    summary: 'Health, for those who may administer.',
    response: Health,
    tag: 'Admin',
  },
  adminVersion: {
    method: 'GET',
    path: '/v1alpha/admin/version',
    access: 'admin',
    stability: 'v1alpha',
    summary: 'Version, for those who may administer.',
    response: Version,
    tag: 'Admin',
  },
  adminListRoutes: {
    method: 'GET',
    path: '/v1alpha/admin/inspect/routes',
    access: 'admin',
    stability: 'v1alpha',
    summary: 'Routes, for those who may administer.',
    query: filter,
    response: routeList,
    tag: 'Admin',
  },
  adminListProviders: {
    method: 'GET',
    path: '/v1alpha/admin/providers',
    access: 'admin',
    stability: 'v1alpha',
    summary: 'Providers, for those who may administer.',
    response: providerList,
    tag: 'Admin',
  },
  adminRetrieveProvider: {
    method: 'GET',
    path: '/v1alpha/admin/providers/{provider_id}',
    access: 'admin',
    stability: 'v1alpha',
    summary: 'One provider, for those who may administer.',
    params: providerId,
    response: ProviderInfo,
    errors: ['provider_not_found'],
    tag: 'Admin',
  },
})

export type Inspect = Service<typeof inspect>
