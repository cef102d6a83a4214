/** What finding credentials needs of its surroundings. */
import type { Clock, ProviderEnvironment, Upstream } from '@llama-stack/api'

/** The surroundings of one provider that calls AWS. */
export interface AwsWorld {
  /** Named in errors. */
  readonly provider: string
  /** For calls to AWS's services, with the operator's network settings. */
  readonly upstream: Upstream
  /** For addresses on the machine itself, which no proxy may be asked for. */
  readonly direct: Upstream
  readonly clock: Clock
  readonly env: ProviderEnvironment
  /** Ends with the stack, not with a call: several calls wait for one exchange. */
  readonly signal: AbortSignal
  readonly region: string
  /** Where the Security Token Service is. */
  readonly stsUrl: string
}
