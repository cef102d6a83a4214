/** The headers of our own making that replies carry. Whatever is listed here, pages of other origins may read. */
export const stackHeaders = Object.freeze({
  /** Who served the call. */
  provider: 'x-llama-stack-provider',
  /** The model that served it, by its provider's name. */
  model: 'x-llama-stack-model',
  /** What was tried, where it was more than one call. */
  attempts: 'x-llama-stack-attempts',
  /** Whether the response cache had the reply; in a request, what is wished of it. */
  cache: 'x-llama-stack-cache',
  /** What was changed in the request, where the reply may differ because of it. */
  notice: 'x-llama-stack-notice',
  /** What was done otherwise than asked: parameters that were dropped or emulated. */
  adjusted: 'x-llama-stack-adjusted',
  /** In a request: whether what would be adjusted is to be refused instead. */
  strict: 'x-llama-stack-strict',
  /** The reply is canned or computed. */
  demo: 'x-llama-stack-demo',
  /** What stood in for the model that was asked. */
  substitute: 'x-llama-stack-substitute',
})
