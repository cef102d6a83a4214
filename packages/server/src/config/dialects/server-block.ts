/** The `server` block, which both dialects share, with our own keys beside upstream's. */
import { resolve } from 'node:path'
import { z } from 'zod'
import { lateSchema } from '../../kernel/late-schema.ts'
import { expandHome } from '../env-grammar.ts'
import { isConfigMap } from '../env-tree.ts'
import { flag, optional, plainNumber, wholeNumber } from '../file-values.ts'
import { readBlock } from '../read-block.ts'
import type { CorsSettings, ServerSettings } from '../stack-config.ts'
import type { DialectInput } from './dialect-input.ts'
import { present } from './present.ts'

/** Upstream's keys, then ours. */
export const ServerBlock = lateSchema(() =>
  z.strictObject({
    port: optional(wholeNumber.pipe(z.int().min(0).max(65_535))),
    host: optional(z.string()),
    tls_certfile: optional(z.string()),
    tls_keyfile: optional(z.string()),
    tls_cafile: optional(z.string()),
    auth: z.unknown().optional(),
    quota: z.unknown().optional(),
    cors: z.unknown().optional(),
    workers: optional(wholeNumber.pipe(z.int().min(1))),
    registry_refresh_interval_seconds: optional(plainNumber.pipe(z.number().positive())),
    /** Keys that open the server. */
    api_keys: optional(z.array(z.string())),
    max_body_bytes: optional(wholeNumber.pipe(z.int().min(1))),
    keep_alive_ms: optional(wholeNumber.pipe(z.int().min(1))),
    allow_private_urls: optional(flag),
    allowed_hosts: optional(z.array(z.string())),
    drain_timeout_ms: optional(wholeNumber.pipe(z.int().min(0))),
    strict_client_version: optional(flag),
  }),
)
export type ServerBlock = z.infer<typeof ServerBlock>

const strings = () => optional(z.array(z.string()))

const CorsBlock = lateSchema(() =>
  z.strictObject({
    allow_origins: strings(),
    allow_origin_regex: optional(z.string()),
    allow_methods: strings(),
    allow_headers: strings(),
    allow_credentials: optional(flag),
    expose_headers: strings(),
    max_age: optional(wholeNumber),
  }),
)

/** Server settings as far as the file has them. */
export type FileServerSettings = Partial<ServerSettings>

/** Turns the block into settings. What it asks for and we cannot enforce is a fault: ignoring it would open the server. */
export function readServer(block: ServerBlock, input: DialectInput): FileServerSettings {
  refuseAuth(block.auth, input)
  refuseQuota(block.quota, input)
  return present({
    port: block.port,
    host: block.host === '' ? undefined : block.host,
    tls: readTls(block, input),
    cors: readCors(block.cors, input),
    workers: block.workers,
    registryRefreshSeconds: block.registry_refresh_interval_seconds,
    apiKeys: block.api_keys?.filter((key) => key !== ''),
    maxBodyBytes: block.max_body_bytes,
    keepAliveMs: block.keep_alive_ms,
    allowPrivateUrls: block.allow_private_urls,
    allowedHosts: block.allowed_hosts,
    drainTimeoutMs: block.drain_timeout_ms,
    strictClientVersion: block.strict_client_version,
  })
}

function isConfigured(value: unknown): boolean {
  if (value === null || value === undefined || value === false) return false
  if (Array.isArray(value)) return value.length > 0
  return isConfigMap(value) ? Object.values(value).some(isConfigured) : true
}

function refuseAuth(auth: unknown, { findings }: DialectInput): void {
  if (!isConfigured(auth)) return
  const provider = isConfigMap(auth) ? (auth['provider_config'] ?? auth) : auth
  const type = isConfigMap(provider) ? (provider['type'] ?? provider['provider_type']) : undefined
  findings.fault(['server', 'auth'], {
    problem: `server.auth asks for ${typeof type === 'string' ? `authentication by ${type}` : 'an access policy'}, which this version cannot enforce. Starting without it would leave the server open.`,
    fix: 'Remove the block and protect the server with server.api_keys (or LLAMA_STACK_API_KEY), or put a proxy that authenticates in front.',
    target: 'key',
  })
}

function refuseQuota(quota: unknown, { findings }: DialectInput): void {
  if (!isConfigured(quota)) return
  findings.fault(['server', 'quota'], {
    problem:
      'server.quota limits requests, which this version cannot enforce. Starting without it would lift the limit.',
    fix: 'Remove the block, or put a proxy that limits requests in front.',
    target: 'key',
  })
}

function readTls(block: ServerBlock, { findings, cwd, home }: DialectInput): ServerSettings['tls'] {
  const { tls_certfile: cert, tls_keyfile: key, tls_cafile: ca } = block
  const isGiven = (file: string | null | undefined): file is string => typeof file === 'string' && file !== ''
  const toPath = (file: string): string => resolve(cwd, expandHome(file, home))
  if (isGiven(cert) && isGiven(key)) {
    return { certFile: toPath(cert), keyFile: toPath(key), ...(isGiven(ca) ? { caFile: toPath(ca) } : {}) }
  }
  if (isGiven(cert) || isGiven(key) || isGiven(ca)) {
    const missing = isGiven(cert) ? 'tls_keyfile' : 'tls_certfile'
    findings.fault(['server', isGiven(cert) ? 'tls_certfile' : isGiven(key) ? 'tls_keyfile' : 'tls_cafile'], {
      problem: `server.${missing} is missing, so that TLS cannot be served.`,
      fix: 'Give both tls_certfile and tls_keyfile, or neither.',
    })
  }
  return undefined
}

function readCors(value: unknown, input: DialectInput): boolean | CorsSettings | undefined {
  if (value === null || value === undefined) return undefined
  if (typeof value === 'boolean') return value
  const block = readBlock(CorsBlock, { value, path: ['server', 'cors'] }, input.findings)
  if (block === undefined) return undefined
  if (block.allow_credentials === true && block.allow_origins?.includes('*') === true) {
    input.findings.fault(['server', 'cors', 'allow_credentials'], {
      problem: 'server.cors allows credentials for every origin, which browsers refuse.',
      fix: 'List the origins, or remove allow_credentials.',
    })
  }
  return present({
    allowOrigins: block.allow_origins,
    allowOriginRegex: block.allow_origin_regex,
    allowMethods: block.allow_methods,
    allowHeaders: block.allow_headers,
    allowCredentials: block.allow_credentials,
    exposeHeaders: block.expose_headers,
    maxAgeSeconds: block.max_age,
  })
}
