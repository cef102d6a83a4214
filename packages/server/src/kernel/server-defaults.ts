/** Defaults of the HTTP server that both its settings and the configuration file state. */

/** 64 MiB: a request with several large images fits. */
export const DEFAULT_MAX_BODY_BYTES = 64 * 1024 * 1024
/** Silence on an event stream after which a comment is sent: proxies close streams that say nothing. */
export const DEFAULT_KEEP_ALIVE_MS = 15_000
