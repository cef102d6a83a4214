/** What a server reports of itself and of its providers. */
import * as z from 'zod'

export const Health = z.looseObject({ status: z.enum(['OK', 'Error']) }).meta({ id: 'Health' })
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

export const Readiness = z
  .looseObject({
    status: z.literal('OK'),
    failing: z.array(z.string()).describe('Providers that fail now: calls to the others are answered.'),
  })
  .meta({ id: 'Readiness' })

export const Version = z.looseObject({ version: z.string() }).meta({ id: 'Version' })

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

export const ProviderId = z.object({ provider_id: z.string() })
export const RouteFilter = z.looseObject({
  api_filter: z.enum(['v1', 'v1alpha', 'v1beta', 'deprecated']).optional().describe('Only routes of this stability.'),
})
export const RouteList = z.looseObject({ data: z.array(RouteInfo) })
export const ProviderList = z.looseObject({ data: z.array(ProviderInfo) })
