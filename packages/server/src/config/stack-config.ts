/** What a stack is built from, whichever file or program it came from. */
import { z } from 'zod'
import { lateSchema } from '../kernel/late-schema.ts'
import { parseOnce } from '../kernel/parse-once.ts'
import { DEFAULT_KEEP_ALIVE_MS, DEFAULT_MAX_BODY_BYTES } from '../kernel/server-defaults.ts'
import { ConnectorEntry, findTwins, ToolGroupEntry } from './connector-entries.ts'
import { defaultMcp, McpSettings } from './mcp-settings.ts'
import { Aliases, defaultReliability, ReliabilitySettings } from './reliability-settings.ts'
import { defaultResponses, ResponsesSettings } from './responses-settings.ts'
import { defaultResponseCache, ResponseCacheSettings } from './response-cache-settings.ts'

/** Something about a configuration that its owner should know, short of an error. */
export const ConfigNote = lateSchema(() =>
  z.strictObject({
    /**
     * `info`: turned off by the environment, kept elsewhere. `substituted`: served by something else than asked for.
     * `unsupported`: known and not served. `unknown`: a key or a provider that nobody knows.
     */
    severity: z.enum(['info', 'substituted', 'unsupported', 'unknown']),
    /** Where in the file: `providers.inference[2]`. */
    path: z.string(),
    line: z.int().exactOptional(),
    message: z.string(),
    fix: z.string().exactOptional(),
    /** The provider that the note is about. */
    provider: z.strictObject({ api: z.string(), type: z.string(), id: z.string().exactOptional() }).exactOptional(),
  }),
)
export type ConfigNote = z.infer<typeof ConfigNote>

/** A provider that is to be started. Its `config` is checked by the provider's own schema. */
export const ConfiguredProvider = z.strictObject({
  api: z.string(),
  id: z.string().min(1),
  type: z.string(),
  /** Without empty values: in both dialects null means that a setting is not given. */
  config: z.record(z.string(), z.unknown()).default({}),
  /** Where it stands in the file. */
  path: z.string().exactOptional(),
  position: z.strictObject({ line: z.int(), column: z.int() }).exactOptional(),
})
export type ConfiguredProvider = z.infer<typeof ConfiguredProvider>

/** A model that the configuration declares. */
export const ConfiguredModel = lateSchema(() =>
  z.strictObject({
    model_id: z.string().min(1),
    /** Absent: the only provider. `all`: the first provider that can serve. */
    provider_id: z.string().exactOptional(),
    /** Absent: the same as `model_id`. `auto`: the first model of that type that the provider lists. */
    provider_model_id: z.string().exactOptional(),
    model_type: z.enum(['llm', 'embedding', 'rerank']).default('llm'),
    metadata: z.record(z.string(), z.json()).default({}),
  }),
)
export type ConfiguredModel = z.infer<typeof ConfiguredModel>

const entries = lateSchema(() => z.array(z.record(z.string(), z.unknown())))

/** Registered resources of other APIs, as the file has them after substitution. */
export const ConfiguredResources = lateSchema(() =>
  z
    .strictObject({
      shields: entries.default([]),
      vector_dbs: entries.default([]),
      vector_stores: entries.default([]),
      datasets: entries.default([]),
      scoring_fns: entries.default([]),
      benchmarks: entries.default([]),
      tool_groups: z.array(ToolGroupEntry).default([]),
      connectors: z.array(ConnectorEntry).default([]),
    })
    .superRefine((resources, context) => {
      for (const { list, index, key, id } of findTwins(resources)) {
        context.addIssue({ code: 'custom', path: [list, index, key], message: `there is another connector '${id}'` })
      }
    }),
)
export type ConfiguredResources = z.infer<typeof ConfiguredResources>

const noResources = (): ConfiguredResources => ({
  shields: [],
  vector_dbs: [],
  vector_stores: [],
  datasets: [],
  scoring_fns: [],
  benchmarks: [],
  tool_groups: [],
  connectors: [],
})

/** Which pages of other origins may call. */
export const CorsSettings = lateSchema(() =>
  z.strictObject({
    allowOrigins: z.array(z.string()).exactOptional(),
    allowOriginRegex: z.string().exactOptional(),
    allowMethods: z.array(z.string()).exactOptional(),
    allowHeaders: z.array(z.string()).exactOptional(),
    allowCredentials: z.boolean().exactOptional(),
    exposeHeaders: z.array(z.string()).exactOptional(),
    maxAgeSeconds: z.int().exactOptional(),
  }),
)
export type CorsSettings = z.infer<typeof CorsSettings>

export const DEFAULT_PORT = 8321

/** The HTTP server and the guards of the stack. */
export const ServerSettings = z.strictObject({
  /** 0 lets the system choose. */
  port: z.int().min(0).max(65_535).default(DEFAULT_PORT),
  host: z.string().min(1).default('127.0.0.1'),
  maxBodyBytes: z.int().min(1).default(DEFAULT_MAX_BODY_BYTES),
  /** Silence on an event stream after which a comment is sent. */
  keepAliveMs: z.int().min(1).default(DEFAULT_KEEP_ALIVE_MS),
  /** Keys that open the server; empty: none is needed. */
  apiKeys: z.array(z.string().min(1)).default([]),
  /** Lets URLs that callers choose reach private addresses. */
  allowPrivateUrls: z.boolean().default(false),
  allowedHosts: z.array(z.string()).default([]),
  /** `true` allows pages of loopback origins. */
  cors: z.union([z.boolean(), CorsSettings]).default(false),
  tls: z
    .strictObject({ certFile: z.string(), keyFile: z.string(), caFile: z.string().exactOptional() })
    .exactOptional(),
  workers: z.int().min(1).default(1),
  registryRefreshSeconds: z.number().positive().default(300),
  /** How long open streams may go on after the signal to stop. */
  drainTimeoutMs: z.int().min(0).default(10_000),
  /** Refuses clients of another version with 426, as upstream does. */
  strictClientVersion: z.boolean().default(false),
})
export type ServerSettings = z.infer<typeof ServerSettings>

/** The configuration of a stack. A program writes it by hand; `loadConfig` makes it from either dialect. */
export const StackConfig = z.strictObject({
  name: z.string().min(1),
  dialect: z.enum(['llama-stack', 'ogx', 'native']).default('native'),
  /** The APIs to serve. Absent: all. */
  apis: z.array(z.string()).exactOptional(),
  providers: z.array(ConfiguredProvider).default([]),
  models: z.array(ConfiguredModel).default([]),
  /** Further names of models. */
  aliases: Aliases.exactOptional(),
  reliability: ReliabilitySettings.default(() => structuredClone(defaultReliability)),
  responseCache: ResponseCacheSettings.default(() => structuredClone(defaultResponseCache)),
  mcp: McpSettings.default(() => structuredClone(defaultMcp)),
  responses: ResponsesSettings.default(() => structuredClone(defaultResponses)),
  resources: ConfiguredResources.default(noResources),
  /** The blocks `vector_stores` and `safety` of the second dialect, as the file has them. */
  apiSettings: z.record(z.string(), z.record(z.string(), z.unknown())).default({}),
  dataDir: z.string().min(1),
  storage: z.strictObject({ sql: z.strictObject({ type: z.literal('sqlite'), path: z.string() }) }),
  /**
   * Whether chat completions are kept. In a file, upstream's own key is the switch: `inference_store: null` in the first
   * dialect, `storage.stores.inference: null` in the second.
   */
  inferenceStore: z.strictObject({ enabled: z.boolean() }).default({ enabled: true }),
  requestLog: z
    .strictObject({ enabled: z.boolean().default(true), retentionDays: z.number().positive().default(30) })
    .default({ enabled: true, retentionDays: 30 }),
  server: ServerSettings.default(() => ServerSettings.parse({}, parseOnce)),
  notes: z.array(ConfigNote).default([]),
})
export type StackConfig = z.infer<typeof StackConfig>

/** What a program has to write; everything else has a default. */
export type StackConfigInput = z.input<typeof StackConfig>

/** The one database file of a data directory. Upstream's files beside it are left untouched. */
export const DATABASE_FILE = 'llama-stack.db'
