/** How calls get into Bedrock: with a key as it is, else signed; and what their failures mean. */
import type { Clock, Log, ProviderEnvironment, Upstream, UpstreamRequest, UpstreamResponse } from '@llama-stack/api'
import { findCredentialSource } from '../../kernel/aws/credential-source.ts'
import { toCredentialStore } from '../../kernel/aws/load-credentials.ts'
import type { CredentialStore } from '../../kernel/aws/load-credentials.ts'
import { toSigner } from '../../kernel/aws/sigv4.ts'
import { withHeaders } from './_changed-request.ts'
import { expectBedrockSuccess, findFailureName, isClockFailure, isExpiredFailure } from './_bedrock-failure.ts'
import type { BedrockPlan } from './_bedrock-settings.ts'
import { toTokenUpstream } from './_network-settings.ts'
import type { VendorAccess } from './_protocol-context.ts'

/** The signing name of all of Bedrock's services. */
const SIGNING_NAME = 'bedrock'
/** AWS accepts signatures for five minutes; a smaller difference is not why one was refused. */
const MIN_SKEW_MS = 4 * 60_000

/** The surroundings of one instance. */
export interface AccessInput {
  readonly id: string
  readonly upstream: Upstream
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
  readonly env: ProviderEnvironment
}

/** Prepares the access of one instance. Failures of calls are thrown as errors of the table. */
export function toBedrockAccess(plan: BedrockPlan, input: AccessInput): VendorAccess {
  const { id: provider, clock, env, signal, log } = input
  const { region, urls } = plan
  const credentials = toCredentialStore(plan.aws, {
    provider,
    upstream: toTokenUpstream(input.upstream, plan.network),
    direct: input.upstream,
    clock,
    env,
    signal,
    region,
    stsUrl: `${urls.sts}/`,
  })
  const sendSigned = toSignedSender({ region, clock, credentials, log })
  return {
    hasIdentity: findCredentialSource(plan.aws, env).kind !== 'none',
    async send(request, { target, call, upstream }) {
      // Whoever has a key signs nothing.
      const send =
        target.key === undefined ? sendSigned(request, { upstream, signal: call.signal }) : upstream.send(request)
      return expectBedrockSuccess(provider, await send)
    },
  }
}

interface SignedWorld {
  readonly region: string
  readonly clock: Clock
  readonly credentials: CredentialStore
  readonly log: Log
}

interface Sending {
  readonly upstream: Upstream
  readonly signal: AbortSignal
}

/** Signs and sends; once more where the server's clock or the end of temporary keys was what AWS refused. */
function toSignedSender({ region, clock, credentials, log }: SignedWorld) {
  const sign = toSigner({ region, service: SIGNING_NAME })
  // How far AWS is ahead of this machine's clock.
  let skewMs = 0

  const correctsClock = (name: string | undefined, { headers }: UpstreamResponse): boolean => {
    const theirsMs = Date.parse(headers['date'] ?? '')
    if (!isClockFailure(name) || Number.isNaN(theirsMs)) return false
    const found = theirsMs - clock.now()
    if (Math.abs(found - skewMs) < MIN_SKEW_MS) return false
    skewMs = found
    log.warn('the clock of this machine is wrong; calls are signed with the time of AWS', {
      behindSeconds: Math.round(found / 1000),
    })
    return true
  }

  return async (request: UpstreamRequest, { upstream, signal }: Sending): Promise<UpstreamResponse> => {
    const own = await credentials.get(signal)
    const signed = withHeaders(request, sign(request, own, clock.now() + skewMs))
    const response = await upstream.send(signed)
    if (response.status < 400 || response.status >= 500) return response
    const name = findFailureName(response)
    const mayHelp = isExpiredFailure(name) ? credentials.drop(own) : correctsClock(name, response)
    if (!mayHelp) return response
    response.body.cancel()
    const again = await credentials.get(signal)
    return upstream.send(withHeaders(request, sign(request, again, clock.now() + skewMs)))
  }
}
