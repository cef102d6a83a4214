/** What a row of the error table is made of, and the details that several rows share. */

/** One row of the table. `status` may depend on the details only where a provider's own status is passed on. */
export interface ErrorRow<Details> {
  readonly status: number | ((details: Details) => number)
  /** OpenAI's `error.type`. */
  readonly type: ErrorType
  /** What happened, with the value, and what to do next. */
  readonly message: (details: Details) => string
  /** What its operator can do about it, for places that show it by itself. Default: the message has it all. */
  readonly fix?: (details: Details) => string
  /** The field of the request that is at fault, in OpenAI's `param` notation (`messages[0].role`). */
  readonly param?: (details: Details) => string | undefined
  /** Whether the same request may succeed later without a change. Default: false. */
  readonly retryable?: Fact<Details>
  /** Whether another provider may succeed where this one failed. Default: false. */
  readonly failover?: Fact<Details>
  /** Whether it counts against the health of the provider that was asked. Default: false. */
  readonly blames?: Fact<Details>
}

/** Something that holds for every error of a row, or that its details decide. */
export type Fact<Details> = boolean | ((details: Details) => boolean)

/** The values that OpenAI's `error.type` takes here. */
export type ErrorType =
  | 'invalid_request_error'
  | 'authentication_error'
  | 'permission_error'
  | 'not_found_error'
  | 'rate_limit_error'
  | 'insufficient_quota'
  | 'api_error'
  | 'timeout_error'

/** What a provider failure tells: who failed, what it said, with which status. */
export interface ProviderFailure {
  provider: string
  /** The vendor's own message, or a description of the transport failure. */
  reason: string
  /** The vendor's HTTP status, when there was one. */
  status?: number
  /** The vendor's `error.code`, passed on to the client. */
  vendorCode?: string | null
  /** The vendor's `error.type`, passed on to the client. */
  vendorType?: string
  /** The vendor's `error.param`, passed on to the client. */
  vendorParam?: string | null
  /** How long to wait before a retry, in milliseconds. */
  retryAfterMs?: number
}

/** Where in a configuration file something is wrong. */
export interface ConfigFault {
  file: string
  /** 1-based. */
  line?: number
  /** 1-based. */
  column?: number
  /** The offending source line. */
  source?: string
  problem: string
  fix: string
  /** What else is wrong, when one reading found several faults. */
  others?: readonly ConfigFault[]
}

/** Declares one row. */
export function row<Details>(definition: ErrorRow<Details>): ErrorRow<Details> {
  return Object.freeze(definition)
}

/** Another's words as a sentence: vendors and operating systems end theirs with a period or without. */
export function sentence(words: string): string {
  return /[.!?…]\s*$/.test(words) ? words : `${words}.`
}
