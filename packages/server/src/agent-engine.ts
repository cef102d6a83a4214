/** Wires the agent engine. A file beside `stack.ts`, loaded when the first of the engine's routes is called. */
import { join } from 'node:path'
import type {
  Clock,
  Connectors,
  Conversations,
  Inference,
  Log,
  Prompts,
  ProviderEnvironment,
  Responses,
  Upstream,
} from '@llama-stack/api'
import type { StackConfig } from './config/stack-config.ts'
import { toConnectors } from './configured-connectors.ts'
import type { Ids } from './kernel/ids.ts'
import { createKeyFile } from './kernel/secret-key.ts'
import type { SecretKeySource } from './kernel/secret-key.ts'
import { createTextSeal } from './kernel/text-seal.ts'
import { createConversationsService } from './services/conversations/conversations-service.ts'
import { openMcp } from './services/connectors/open-mcp.ts'
import type { OpenMcp } from './services/connectors/open-mcp.ts'
import { sealLogins, sealTokens } from './services/mcp/sealed-logins.ts'
import { toStoredLogins, toStoredTokens } from './services/mcp/stored-logins.ts'
import { createPromptsService } from './services/prompts/prompts-service.ts'
import type { AnyProviderHandle } from './services/providers/provider-handle.ts'
import { ofApi } from './services/providers/provider-handle.ts'
import type { FindChatModel } from './services/models/chat-model-lookup.ts'
import { Compaction } from './services/responses/compaction/compaction.ts'
import { createSummarySeal } from './services/responses/compaction/sealed-summary.ts'
import { compactInput } from './services/responses/input/compact-input.ts'
import { countInput } from './services/responses/input/count-input.ts'
import { createResponsesService } from './services/responses/responses-service.ts'
import type { ResponsesOptions } from './services/responses/responses-service.ts'
import { createSchemaValidators } from './services/responses/structured/schema-validators.ts'
import { StructuredModes } from './services/responses/structured/structured-modes.ts'
import { toGuards } from './services/responses/run/text-filters.ts'
import { toSearchPort } from './services/responses/tools/search-tools.ts'
import type { RegisteredTool } from './services/responses/tools/tool-sources.ts'
import type { SafetyService } from './services/safety/safety-service.ts'
import { toFileSearch } from './services/search-tools/file-search.ts'
import type { VectorSearch } from './services/search-tools/vector-search-port.ts'
import { findWebSearchDefault, toWebSearch } from './services/search-tools/web-search.ts'
import { createTokenCounter } from './services/tokens/token-counter.ts'
import type { Storage } from './storage/storage.ts'

export interface AgentEngineOptions {
  readonly config: StackConfig
  readonly inference: Inference
  readonly findModel: FindChatModel
  readonly safety: SafetyService
  readonly providers: readonly AnyProviderHandle[]
  readonly upstream: Upstream
  readonly env: ProviderEnvironment
  readonly registered: readonly RegisteredTool[]
  /** Absent: there are no vector stores. */
  readonly vectorSearch: VectorSearch | undefined
  readonly storage: Storage
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  /** Neither recording nor replaying. */
  readonly isLive: boolean
}

export interface AgentEngine extends AsyncDisposable {
  readonly responses: Responses
  readonly conversations: Conversations
  readonly prompts: Prompts
  readonly connectors: Connectors
  /** Takes up what earlier processes have left. */
  start(): void
}

export function createAgentEngine(options: AgentEngineOptions): AgentEngine {
  const { config, inference, safety, storage, clock, ids, log } = options
  const { responses: bounds } = config
  const keys = createKeyFile(join(config.dataDir, 'seal.key'))
  const summaries = createSummarySeal(keys)
  const thoughts = createTextSeal(keys, 'lsrsn1.')
  const search = toSearchPort({
    web: toWebSearch({
      providers: ofApi(options.providers, 'tool_runtime'),
      defaultProviderId: findWebSearchDefault(config.resources.tool_groups),
    }),
    files: toFileSearch({ vectorSearch: options.vectorSearch }),
  })
  const mcp = openConfiguredMcp(options, keys)
  const compaction = new Compaction({
    settings: bounds.compaction,
    seal: summaries,
    ids,
    clock,
  })
  const world = {
    storage,
    clock,
    ids,
    log,
    unseal: (sealed: string) => thoughts.open(sealed),
    plans: {
      storage,
      ids,
      files: undefined,
      reading: {
        readCompaction: (sealed) => compaction.expand(sealed),
        readCompactedHistory: (sealed) => compaction.expandHistory(sealed),
        readReasoning: (sealed) => thoughts.open(sealed),
        skipsRepeated: !options.isLive,
      },
    },
    runs: {
      inference,
      findModel: options.findModel,
      tokens: createTokenCounter(),
      compaction,
      structured: { modes: new StructuredModes(clock), validators: createSchemaValidators() },
      sources: {
        mcp: () => Promise.resolve(mcp.host),
        search: () => Promise.resolve(search),
        registered: options.registered,
        // OpenAI's document says always, and upstream's files were written for a server that never asks.
        approvalDefault: bounds.requireApproval ?? (config.dialect === 'native' ? 'always' : 'never'),
      },
      clock,
      ids,
      log,
      asRecorded: !options.isLive,
      maxTurns: bounds.maxTurns,
      maxWallTimeMs: bounds.maxTimeMs,
      openGuards: async (shields, caller) => toGuards(await safety.openGuardrails(shields, caller)),
      seal: (text) => thoughts.seal(text),
    },
  } satisfies ResponsesOptions
  const responses = createResponsesService(world)
  return {
    responses: {
      ...responses,
      compactResponse: (request, context) => compactInput(request, context, world),
      countInputTokens: (request, context) => countInput(request, context, world),
    },
    conversations: createConversationsService({ storage, clock, ids }),
    prompts: createPromptsService({ storage, clock, ids }),
    connectors: mcp.connectors,
    start: () => responses.start(),
    async [Symbol.asyncDispose]() {
      await responses[Symbol.asyncDispose]()
      await mcp[Symbol.asyncDispose]()
    },
  }
}

/** MCP as it is configured; what is kept of logins is sealed. */
function openConfiguredMcp(options: AgentEngineOptions, keys: SecretKeySource): OpenMcp {
  const { config, storage, upstream, clock, log, env } = options
  const { host, port, tls } = config.server
  const logins = createTextSeal(keys, 'lsmcp1.')
  const origin = `${tls === undefined ? 'http' : 'https'}://${WILDCARDS.has(host) ? 'localhost' : host}:${port}`
  return openMcp({
    connectors: toConnectors(config.resources),
    policy: config.mcp,
    upstream,
    clock,
    log,
    env,
    publicUrl: config.mcp.publicUrl?.replace(/\/+$/, '') ?? origin,
    tokens: sealTokens(toStoredTokens(storage), logins),
    logins: sealLogins(toStoredLogins(storage), logins),
  })
}

/** Addresses at which a server listens and no browser finds it. */
const WILDCARDS = new Set(['0.0.0.0', '::'])
