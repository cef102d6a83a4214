/** An instance of Bedrock before a scripted AWS, which checks every signature. */
import type {
  InferenceProvider,
  ProviderCall,
  ProviderEnvironment,
  ProviderInput,
  UpstreamRequest,
} from '@llama-stack/api'
import { silentLog } from '../kernel/log.ts'
import { createUpstream } from '../kernel/upstream.ts'
import { provider as definition } from '../providers/inference/bedrock.ts'
import { createScriptedUpstream } from './scripted-upstream.ts'
import type { ScriptedReply, ScriptedRequest, ScriptedRoute, ScriptedUpstream } from './scripted-upstream.ts'
import { verifySigV4 } from './verify-sigv4.ts'

/** The keys that the rig configures unless it is told otherwise. */
const RIG_KEYS = Object.freeze({ aws_access_key_id: 'AKIARIG', aws_secret_access_key: 'rig secret' })

/** How a rig differs from the usual one. */
export interface BedrockRigOptions {
  /** Laid over {@link RIG_KEYS} and the addresses of the scripted AWS. */
  readonly config?: Readonly<Record<string, unknown>>
  readonly env?: ProviderEnvironment
  readonly nowMs?: () => number
  readonly replaying?: boolean
  readonly accounting?: boolean
  /** The secrets that the scripted AWS knows beside that of the rig. */
  readonly secrets?: Readonly<Record<string, string>>
}

/** An instance, its scripted AWS and what passed between the two. */
export interface BedrockRig extends AsyncDisposable {
  readonly provider: Required<Pick<InferenceProvider, 'chatCompletion' | 'embeddings' | 'rerank' | 'models' | 'health'>>
  readonly aws: ScriptedUpstream
  /** Requests as the transport got them. */
  readonly sent: readonly UpstreamRequest[]
  call(more?: Partial<ProviderCall>): ProviderCall
}

/** Starts the scripted AWS and creates the instance. */
export async function createBedrockRig(
  routes: Readonly<Record<string, ScriptedRoute>>,
  options: BedrockRigOptions = {},
): Promise<BedrockRig> {
  const secrets = { AKIARIG: 'rig secret', ...options.secrets }
  const checked = Object.entries(routes).map(([path, route]) => [path, withSignature(route, secrets)] as const)
  const aws = await createScriptedUpstream({ routes: Object.fromEntries(checked) })
  const transport = createUpstream()
  const sent: UpstreamRequest[] = []
  const { url } = aws
  const config = definition.config.parse({
    base_url: url,
    control_url: url,
    agent_url: url,
    sts_url: url,
    ...RIG_KEYS,
    ...options.config,
  })
  const nowMs = options.nowMs ?? (() => Date.now())
  const watched: ProviderInput<unknown>['upstream'] = {
    send(request) {
      sent.push(request)
      return transport.send(request)
    },
    with: () => watched,
  }
  const provider = definition.create({
    id: 'bedrock',
    config,
    deps: {},
    upstream: watched,
    log: silentLog,
    clock: { now: nowMs, monotonic: nowMs },
    signal: new AbortController().signal,
    env: { AWS_EC2_METADATA_DISABLED: 'true', ...options.env },
    ...(options.replaying !== undefined && { replaying: options.replaying }),
    ...(options.accounting !== undefined && { accounting: options.accounting }),
  })
  return {
    // Bedrock has them all.
    provider: provider as BedrockRig['provider'],
    aws,
    sent,
    call: (more) => ({ requestId: 'req_1', signal: new AbortController().signal, providerData: {}, ...more }),
    async [Symbol.asyncDispose]() {
      await transport[Symbol.asyncDispose]()
      await aws[Symbol.asyncDispose]()
    },
  }
}

/** What AWS says to a request whose signature is wrong; requests with a key of Bedrock have none. */
function withSignature(route: ScriptedRoute, secrets: Readonly<Record<string, string>>): ScriptedRoute {
  return async (request: ScriptedRequest): Promise<ScriptedReply> => {
    const authorization = request.headers['authorization'] ?? ''
    if (authorization.startsWith('AWS4-')) {
      const verdict = verifySigV4(request, secrets)
      if (!verdict.valid) {
        const headers = { 'x-amzn-errortype': 'SignatureDoesNotMatch' }
        return { status: 403, headers, json: { message: verdict.problem } }
      }
    }
    return typeof route === 'function' ? route(request) : route
  }
}
