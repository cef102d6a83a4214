/** One instance of Bedrock: what its operations share. */
import { StackError } from '@llama-stack/api'
import type {
  Clock,
  JsonObject,
  Log,
  ProviderCall,
  ProviderInput,
  RecordingKey,
  Upstream,
  UpstreamResponse,
} from '@llama-stack/api'
import { createIds } from '../../kernel/ids.ts'
import { toBedrockAccess } from './_bedrock-access.ts'
import { CALLER_KEY, KEY_VARIABLE, NO_ENVIRONMENT, OPENAI_PATH, toBedrockPlan } from './_bedrock-settings.ts'
import type { BedrockPlan, BedrockService, BedrockSettings } from './_bedrock-settings.ts'
import { toDialect } from './_dialect.ts'
import type { Dialect } from './_dialect.ts'
import { toProtocolContext } from './_protocol-context.ts'
import type { ProtocolContext } from './_protocol-context.ts'
import { expectSuccess } from './_vendor-reply.ts'

/** What `create` of the definition receives. */
export type BedrockInput = ProviderInput<BedrockSettings>

/** A request without what all have in common. */
export interface BedrockPost {
  readonly path: string
  readonly body: JsonObject
  /** Default: `application/json`. */
  readonly accept?: string
  /** Whether recordings have no room for the reply. Default: false. */
  readonly isUnrecorded?: boolean
}

/** One instance, prepared. */
export interface BedrockContext {
  readonly id: string
  readonly plan: BedrockPlan
  readonly settings: BedrockSettings
  readonly clock: Clock
  readonly log: Log
  /** No call leaves the server: what is not recorded is not asked for. */
  readonly replaying: boolean
  /** The same instance as OpenAI's protocol sees it. */
  readonly protocol: ProtocolContext
  /** For addresses that a caller names. */
  readonly callerUpstream: Upstream
  newId(): string
  /** Sends a POST and resolves when it succeeds. Throws `model_not_found` for a model that the operator does not allow. */
  post(service: BedrockService, request: BedrockPost, call: ProviderCall): Promise<UpstreamResponse>
  /** Sends a GET with a limit for its reply. */
  get(service: BedrockService, path: string, asking: Asking): Promise<UpstreamResponse>
}

/** How a list is asked for. */
export interface Asking {
  readonly call: ProviderCall
  readonly timeoutMs: number
  readonly recording?: RecordingKey
}

/** Prepares one instance. Nothing is asked of anybody before the first call. */
export function toBedrockContext(input: BedrockInput): BedrockContext {
  const { id, clock, log, env = NO_ENVIRONMENT } = input
  const plan = toBedrockPlan(input.config, env)
  const settings = { ...input.config, api_key: plan.key, network: plan.network, base_url: plan.urls.runtime }
  const access = toBedrockAccess(plan, { ...input, env })
  const protocol = toProtocolContext(toBedrockDialect(), { ...input, config: settings }, access)
  const ids = createIds()

  const send = async (
    service: BedrockService,
    request: OutgoingParts,
    call: ProviderCall,
  ): Promise<UpstreamResponse> => {
    const target = await protocol.locate(call)
    const { path, accept = 'application/json', ...rest } = request
    const response = await protocol.send(
      {
        ...rest,
        url: plan.urls[service] + path,
        headers: { ...target.headers, accept },
        chosenBy: 'operator',
        provider: id,
        signal: call.signal,
      },
      { target, call },
    )
    return expectSuccess(id, response)
  }

  return {
    id,
    plan,
    settings: input.config,
    clock,
    log,
    replaying: input.replaying === true,
    protocol,
    callerUpstream: protocol.upstreamFor('caller'),
    newId: () => ids.random('chatcmpl-'),
    post(service, { body, path, accept, isUnrecorded = false }, call) {
      const url = plan.urls[service] + path
      const recording: RecordingKey = { kind: 'http', url, body, testId: call.testId ?? null }
      const parts = { method: 'POST', path, body: JSON.stringify(body) } as const
      return send(service, { ...parts, ...(accept && { accept }), ...(!isUnrecorded && { recording }) }, call)
    },
    get(service, path, { call, timeoutMs, recording }) {
      const timeouts = { headersTimeoutMs: timeoutMs, idleTimeoutMs: timeoutMs }
      return send(service, { method: 'GET', path, ...timeouts, ...(recording && { recording }) }, call)
    },
  }
}

/** The path of an operation of a model. Dots alone would lead out of it: no model has such a name. */
export function toModelPath(model: string, operation: 'converse' | 'converse-stream' | 'invoke'): string {
  if (/^\.{1,2}$/.test(model)) throw new StackError('model_not_found', { model })
  return `/model/${encodeURIComponent(model)}/${operation}`
}

interface OutgoingParts {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body?: string
  readonly accept?: string
  readonly headersTimeoutMs?: number
  readonly idleTimeoutMs?: number
  readonly recording?: RecordingKey
}

/** OpenAI's protocol as Bedrock has it: chats only. */
function toBedrockDialect(): Dialect {
  return toDialect({
    type: 'remote::bedrock',
    description: '',
    providerData: CALLER_KEY,
    env: KEY_VARIABLE,
    urlSettings: ['base_url'],
    apiPath: OPENAI_PATH,
    rootSettings: ['base_url'],
    completions: false,
    embeddings: false,
    listing: undefined,
  })
}
