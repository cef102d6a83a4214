/** The `network` block of a provider's configuration, and what the transport makes of it. */
import * as z from 'zod'
import type { NetworkOptions, Upstream } from '@llama-stack/api'
import { isRecord } from '../../kernel/json-record.ts'
import { lateSchema } from '../../kernel/late-schema.ts'

const file = lateSchema(() => z.string().min(1))
const seconds = lateSchema(() => z.number().positive())

const Tls = lateSchema(() =>
  z
    .strictObject({
      verify: z
        .union([z.boolean(), file])
        .nullish()
        .describe('Whether to check certificates, or the path of a CA certificate file. Default: true.'),
      min_version: z.enum(['TLSv1.2', 'TLSv1.3']).nullish().describe('The lowest TLS version. Default: Node’s own.'),
      ciphers: z.array(z.string()).nullish().describe('Allowed cipher suites. Default: Node’s own.'),
      client_cert: file.nullish().describe('Path of a client certificate, for mutual TLS. Needs client_key.'),
      client_key: file.nullish().describe('Path of the client certificate’s private key. Needs client_cert.'),
    })
    .refine((tls) => (tls.client_cert ?? undefined) === undefined || (tls.client_key ?? undefined) !== undefined, {
      path: ['client_key'],
      error: 'client_cert is given without client_key; give both',
    })
    .refine((tls) => (tls.client_key ?? undefined) === undefined || (tls.client_cert ?? undefined) !== undefined, {
      path: ['client_cert'],
      error: 'client_key is given without client_cert; give both',
    }),
)

const proxyUrl = lateSchema(() => z.url({ protocol: /^https?$/ }))

const Proxy = lateSchema(() =>
  z
    .strictObject({
      url: proxyUrl.nullish().describe('One proxy for all calls. Excludes http and https.'),
      http: proxyUrl.nullish().describe('Proxy for http URLs.'),
      https: proxyUrl.nullish().describe('Proxy for https URLs.'),
      cacert: file.nullish().describe('Path of a CA certificate file for the proxy itself.'),
      no_proxy: z
        .array(z.string())
        .nullish()
        .describe('Hosts that are called directly; `.corp` matches every host below.'),
    })
    .refine(
      (proxy) => typeof proxy.url !== 'string' || (typeof proxy.http !== 'string' && typeof proxy.https !== 'string'),
      {
        path: ['url'],
        error: 'url excludes http and https; give one proxy or one per scheme',
      },
    ),
)

/** TLS, proxy, timeouts and headers of one provider. */
export const NetworkSettings = lateSchema(() =>
  z.strictObject({
    tls: Tls.nullish().describe('How connections are secured.'),
    proxy: Proxy.nullish().describe('The way out of the local network.'),
    timeout: z
      .union([
        seconds,
        z.strictObject({
          connect: seconds.nullish().describe('Seconds until a connection is there. Default: 10.'),
          read: seconds.nullish().describe('Longest silence in seconds. Default: 600.'),
        }),
      ])
      .nullish()
      .describe('Seconds, one number for both or connect and read apart.'),
    headers: z.record(z.string(), z.string()).nullish().describe('Headers added to every call.'),
    limits: z
      .strictObject({
        max_connections: z.int().nullish().describe('Accepted for upstream’s files; connections are not capped here.'),
        max_keepalive_connections: z.int().nullish().describe('Accepted for upstream’s files; 256 idle ones are kept.'),
        keepalive_expiry: z
          .number()
          .nullish()
          .describe('Accepted for upstream’s files; the vendor’s own hint is used.'),
      })
      .nullish()
      .describe('Pool limits of upstream’s HTTP client.'),
  }),
)
export type NetworkSettings = z.infer<typeof NetworkSettings>

/** The transport's options; undefined when the block says nothing. `verify` is a provider's older key for the same. */
export function toNetworkOptions(
  settings: NetworkSettings | null | undefined,
  older: { readonly verify?: boolean | string | null; readonly timeoutSeconds?: number | null } = {},
): NetworkOptions | undefined {
  const merged: NetworkSettings = {
    ...settings,
    tls: { verify: older.verify, ...withoutNull(settings?.tls) },
    timeout: settings?.timeout ?? older.timeoutSeconds,
    headers: lowerCased(settings?.headers),
    limits: undefined,
  }
  const options = withoutNull(merged)
  // Null and absent mean the same in these files; without the nulls the shape is the transport's.
  return options === undefined ? undefined : (options as NetworkOptions)
}

/** For hosts that a caller chose: the way out and the patience, but none of the operator's headers and certificates. */
export function toCallerNetworkOptions(options: NetworkOptions): NetworkOptions {
  return {
    ...(options.proxy === undefined ? {} : { proxy: options.proxy }),
    ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
  }
}

/**
 * The transport to services that sell tokens for a vendor. The headers are for the vendor alone, and so is a waiver of
 * verification: secrets are sent here.
 */
export function toTokenUpstream(upstream: Upstream, settings: NetworkSettings | null | undefined): Upstream {
  const { headers: _vendors, tls, ...network } = toNetworkOptions(settings) ?? {}
  return upstream.with({ ...network, ...(tls === undefined || tls.verify === false ? {} : { tls }) })
}

/** The headers of a call are in lower case; a name in another case would be sent beside ours instead of below it. */
function lowerCased(headers: NetworkSettings['headers']): Record<string, string> {
  return Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]))
}

function withoutNull(of: unknown): Record<string, unknown> | undefined {
  if (!isRecord(of)) return undefined
  const kept = Object.entries(of).flatMap(([key, value]) => {
    const inner = isRecord(value) ? withoutNull(value) : (value ?? undefined)
    return inner === undefined ? [] : [[key, inner] as const]
  })
  return kept.length === 0 ? undefined : Object.fromEntries(kept)
}
