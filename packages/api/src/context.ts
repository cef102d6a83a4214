/** Who calls, and what travels beside a request. */

/** Any JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }
export type JsonObject = { readonly [key: string]: Json }

/** Whose rows a call may see. Every stored row has one owner. */
export interface Principal {
  /** Stable id; `local` when the server requires no key. */
  readonly id: string
}

/** What travels with one call from the edge to the provider. */
export interface CallContext {
  readonly principal: Principal
  readonly requestId: string
  /** Aborted when the client leaves or the server stops. */
  readonly signal: AbortSignal
  /** The provider-data header of either generation; keys that begin with `__` are taken out. */
  readonly providerData: JsonObject
  /** `__test_id` of the provider-data header: part of a recording's hash. */
  readonly testId?: string
  /** The body as it was received, where there was one. */
  readonly rawBody?: Uint8Array
}
