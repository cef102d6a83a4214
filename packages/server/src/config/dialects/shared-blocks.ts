/** The top-level keys that both dialects have, and what becomes of them. */
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { lateSchema } from '../../kernel/late-schema.ts'
import { findNearest } from '../../kernel/nearest.ts'
import { expandHome } from '../env-grammar.ts'
import { anyMap, flag, optional, plainNumber, wholeNumber } from '../file-values.ts'
import { DATABASE_FILE } from '../stack-config.ts'
import type { StackConfigInput } from '../stack-config.ts'
import { builtInApis, providerApis } from '../upstream-catalog.ts'
import { servesApi } from './dialect-input.ts'
import type { DialectInput } from './dialect-input.ts'
import { McpBlock, readMcp } from './mcp-block.ts'
import { ProvidersBlock } from './provider-entries.ts'
import { AliasesBlock, checkBounds, readAliases, readReliability, ReliabilityBlock } from './reliability-block.ts'
import { readResponseCache, ResponseCacheBlock } from './response-cache-block.ts'
import { readResponses, ResponsesBlock } from './responses-block.ts'
import { ServerBlock } from './server-block.ts'
import type { FileServerSettings } from './server-block.ts'

/** Schemas of the keys. The last six are ours. */
export const sharedKeys = {
  version: optional(wholeNumber),
  container_image: optional(z.string()),
  apis: optional(z.array(z.string())),
  providers: optional(ProvidersBlock),
  logging: optional(anyMap),
  logging_config: optional(anyMap),
  external_providers_dir: optional(z.string()),
  external_apis_dir: optional(z.string()),
  server: optional(ServerBlock),
  aliases: optional(AliasesBlock),
  reliability: optional(ReliabilityBlock),
  response_cache: optional(ResponseCacheBlock),
  mcp: optional(McpBlock),
  responses: optional(ResponsesBlock),
  request_log: optional(
    lateSchema(() =>
      z.strictObject({ enabled: optional(flag), retention_days: optional(plainNumber.pipe(z.number().positive())) }),
    ),
  ),
} as const

export type SharedBlocks = z.infer<z.ZodObject<typeof sharedKeys>>

/** What a dialect makes of a file. Server settings that the file leaves out are added by the loader. */
export type DialectConfig = Omit<StackConfigInput, 'server' | 'notes'> & { readonly server: FileServerSettings }

/** The only version of the format that either generation has. */
const FORMAT_VERSION = 2

/** Checks the keys that have no effect of their own, and notes those that cannot have one here. */
export function checkSharedBlocks(blocks: SharedBlocks, input: DialectInput): void {
  const { findings } = input
  if (typeof blocks.version === 'number' && blocks.version !== FORMAT_VERSION) {
    findings.fault(['version'], {
      problem: `The configuration has version ${blocks.version}; only version ${FORMAT_VERSION} is known.`,
      fix: `Bring it to version ${FORMAT_VERSION} with the tool that wrote it.`,
    })
  }
  checkApis(blocks.apis ?? [], blocks.external_apis_dir, input)
  checkBounds(blocks.reliability, blocks.providers, input)
  for (const key of ['logging', 'logging_config'] as const) {
    if (blocks[key] === null || blocks[key] === undefined) continue
    findings.note([key], {
      severity: 'unsupported',
      message: 'Log levels by category are not applied: this server has one level.',
      fix: 'Remove the block, or leave it for the other server.',
      target: 'key',
    })
  }
  for (const key of ['external_providers_dir', 'external_apis_dir'] as const) {
    if (typeof blocks[key] !== 'string' || blocks[key] === '') continue
    findings.note([key], {
      severity: 'unsupported',
      message: `${key} holds Python packages, which cannot run here.`,
      fix: 'Write them as providers of this server: docs/guides/add-a-provider.md.',
      target: 'key',
    })
  }
}

function checkApis(apis: readonly string[], externalDirectory: string | null | undefined, input: DialectInput): void {
  const known = [...providerApis, ...builtInApis]
  for (const [index, api] of apis.entries()) {
    if (known.includes(api) || servesApi(input, api)) continue
    if (typeof externalDirectory === 'string' && externalDirectory !== '') {
      input.findings.note(['apis', index], {
        severity: 'unsupported',
        message: `The external API '${api}' is not served.`,
      })
      continue
    }
    const nearest = findNearest(api, known)
    input.findings.fault(['apis', index], {
      problem: `There is no API '${api}'.`,
      fix: nearest === undefined ? 'Remove it from the list.' : `Did you mean '${nearest}'?`,
    })
  }
}

/** The parts of the configuration that both dialects write in the same way. */
export function fromSharedBlocks(
  blocks: SharedBlocks,
): Pick<DialectConfig, 'apis' | 'aliases' | 'reliability' | 'responseCache' | 'mcp' | 'responses' | 'requestLog'> {
  const { request_log: log, aliases, reliability, response_cache: cache, mcp, responses } = blocks
  return {
    ...(Array.isArray(blocks.apis) ? { apis: blocks.apis } : {}),
    ...(aliases === null || aliases === undefined ? {} : { aliases: readAliases(aliases) }),
    ...(reliability === null || reliability === undefined ? {} : { reliability: readReliability(reliability) }),
    ...(cache === null || cache === undefined ? {} : { responseCache: readResponseCache(cache) }),
    ...(mcp === null || mcp === undefined ? {} : { mcp: readMcp(mcp) }),
    ...(responses === null || responses === undefined ? {} : { responses: readResponses(responses) }),
    requestLog: {
      ...(typeof log?.enabled === 'boolean' ? { enabled: log.enabled } : {}),
      ...(typeof log?.retention_days === 'number' ? { retentionDays: log.retention_days } : {}),
    },
  }
}

/** The configuration's name, or a fault. */
export function readName(
  names: { readonly key: string; readonly value: string | null | undefined },
  input: DialectInput,
): string {
  if (typeof names.value === 'string' && names.value !== '') return names.value
  input.findings.fault([names.key], {
    problem: `${names.key} is missing: the name of the distribution.`,
    fix: `Add ${names.key}: my-stack. It names the data directory.`,
    target: 'key',
  })
  return ''
}

/**
 * Where our database lies: the option, else the directory of the SQLite files that the configuration names, else
 * SQLITE_STORE_DIR, else the directory that upstream uses for a distribution of this name.
 */
export function placeData(
  where: { readonly sqliteFile: string | undefined; readonly fallback: string },
  input: DialectInput,
): Pick<DialectConfig, 'dataDir' | 'storage'> {
  const { env, home, cwd } = input
  const fromFile = where.sqliteFile === undefined ? undefined : directoryOf(where.sqliteFile)
  const fromEnv = env['SQLITE_STORE_DIR'] === '' ? undefined : env['SQLITE_STORE_DIR']
  const dataDir = resolve(cwd, expandHome(input.dataDir ?? fromFile ?? fromEnv ?? where.fallback, home))
  return { dataDir, storage: { sql: { type: 'sqlite', path: join(dataDir, DATABASE_FILE) } } }
}

/** A path without a directory says nothing about where data belongs, and neither does a database in memory. */
function directoryOf(file: string): string | undefined {
  const slash = file.lastIndexOf('/')
  return slash <= 0 ? undefined : file.slice(0, slash)
}
