/** What an operator can set about the HTTP server, and the defaults. */

/** Which browser origins may call, beyond the server's own. */
export interface CorsSettings {
  /** Exact origins (`https://app.example`), or `*` for all. */
  readonly allowOrigins?: readonly string[]
  /** Origins that match this expression as a whole are allowed too. */
  readonly allowOriginRegex?: string
  /** Default: whatever the preflight asks for. */
  readonly allowHeaders?: readonly string[]
  /** Default: GET, POST, PUT, DELETE. */
  readonly allowMethods?: readonly string[]
  /** Default: false. */
  readonly allowCredentials?: boolean
  /** Default: x-request-id, retry-after and the headers of our own. */
  readonly exposeHeaders?: readonly string[]
  /** How long a browser may keep a preflight. Default: 600. */
  readonly maxAgeSeconds?: number
}

/** PEM files. With `caFile`, clients must present a certificate that it signed. */
export interface TlsSettings {
  readonly certFile: string
  readonly keyFile: string
  readonly caFile?: string
}

/** Settings of the HTTP server; each has a default. */
export interface HttpServerSettings {
  /** Larger bodies get 413, inflated size included. Default: 64 MiB. */
  readonly maxBodyBytes?: number
  /** Silence on an event stream after which a comment is sent. Default: 15,000 ms. */
  readonly keepAliveMs?: number
  /** How long a WebSocket may be open; what is at work then is finished. Default: 3,600,000 ms, as OpenAI has it. */
  readonly maxWebSocketMs?: number
  /** Keys that open the server. Empty: no key is needed and every caller is `local`. */
  readonly apiKeys?: readonly string[]
  /** Host names accepted on a loopback bind, besides the loopback names. `*` accepts all. */
  readonly allowedHosts?: readonly string[]
  /** `true` allows pages served from loopback addresses, on any port. Default: only the server's own pages. */
  readonly cors?: boolean | CorsSettings
  readonly tls?: TlsSettings
}
