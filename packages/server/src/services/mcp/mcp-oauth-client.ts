/** The stack as a client of one login server, as the SDK's OAuth wants to see it. */
import type {
  OAuthClientMetadata,
  OAuthClientProvider,
  OAuthDiscoveryState,
  StoredOAuthClientInformation,
  StoredOAuthTokens,
} from '@modelcontextprotocol/client'
import { bug } from '@llama-stack/api'
import type { JsonObject } from '@llama-stack/api'
import type { OAuthConnector } from './mcp-credentials.ts'
import type { McpLogin, McpTokens } from './mcp-token-store.ts'

export interface OAuthClientOptions {
  readonly auth: OAuthConnector['auth']
  /** Where browsers come back to. Absent: nobody logs in. */
  readonly redirectUrl?: string
  /** Of a login that is begun now. */
  readonly state?: string | undefined
}

/** Where the tokens of a caller are kept. */
export interface TokenPlace {
  readonly read: () => Promise<McpTokens | undefined>
  readonly write: (tokens: McpTokens | undefined) => Promise<void>
}

/** What has to be known when the browser comes back. */
export interface BegunLogin {
  readonly url: string
  readonly codeVerifier: string
  readonly discovery: JsonObject
  readonly registration: JsonObject
}

export class OAuthClient implements OAuthClientProvider {
  readonly #auth: OAuthConnector['auth']
  readonly #redirectUrl: string | undefined
  readonly #state: string | undefined
  #place: TokenPlace | undefined
  /** Where there is no place for it. */
  #held: StoredOAuthTokens | undefined
  #registration: StoredOAuthClientInformation | undefined
  #verifier: string | undefined
  #discovery: OAuthDiscoveryState | undefined
  #url: URL | undefined
  /** Absent for a client that the operator registered: the SDK must not register another one in its place. */
  readonly saveClientInformation?: (registration: StoredOAuthClientInformation) => void

  constructor({ auth, redirectUrl, state }: OAuthClientOptions) {
    this.#auth = auth
    this.#redirectUrl = redirectUrl
    this.#state = state
    if (auth.clientId === undefined) {
      this.saveClientInformation = (registration) => {
        this.#registration = registration
      }
      return
    }
    this.#registration = {
      client_id: auth.clientId,
      ...(auth.clientSecret === undefined ? {} : { client_secret: auth.clientSecret }),
      ...(auth.issuer === undefined ? {} : { issuer: auth.issuer }),
    }
  }

  /** Keeps the tokens in a place, together with the registration that they belong to. */
  async keepIn(place: TokenPlace): Promise<void> {
    this.#place = place
    // What was stored was the SDK's own.
    this.#registration ??= (await place.read())?.client as StoredOAuthClientInformation | undefined
  }

  /** Goes on with a login where it was left. */
  resume({ codeVerifier, discovery, client }: McpLogin): void {
    this.#verifier = codeVerifier
    // Both were the SDK's own before they were kept.
    this.#discovery = discovery as unknown as OAuthDiscoveryState
    this.#registration = client as unknown as StoredOAuthClientInformation
  }

  /** The login that the SDK has begun. */
  begun(): BegunLogin {
    if (this.#url === undefined || this.#verifier === undefined || this.#discovery === undefined) {
      return bug('the SDK began no login')
    }
    return {
      url: this.#url.href,
      codeVerifier: this.#verifier,
      discovery: toJson(this.#discovery),
      registration: toJson(this.#registration),
    }
  }

  get redirectUrl(): string | undefined {
    return this.#redirectUrl
  }

  get clientMetadata(): OAuthClientMetadata {
    const { clientSecret, scope } = this.#auth
    return {
      client_name: 'Llama Stack',
      redirect_uris: this.#redirectUrl === undefined ? [] : [this.#redirectUrl],
      grant_types: this.#redirectUrl === undefined ? ['client_credentials'] : ['authorization_code', 'refresh_token'],
      ...(this.#redirectUrl === undefined ? {} : { response_types: ['code'] }),
      token_endpoint_auth_method: clientSecret === undefined ? 'none' : 'client_secret_basic',
      ...(scope === undefined ? {} : { scope }),
    }
  }

  state(): string {
    return this.#state ?? ''
  }

  clientInformation(): StoredOAuthClientInformation | undefined {
    return this.#registration
  }

  async tokens(): Promise<StoredOAuthTokens | undefined> {
    if (this.#place === undefined) return this.#held
    // What was stored was the SDK's own.
    return (await this.#place.read())?.tokens as unknown as StoredOAuthTokens | undefined
  }

  async saveTokens(tokens: StoredOAuthTokens): Promise<void> {
    if (this.#place === undefined) this.#held = tokens
    else await this.#place.write({ tokens: toJson(tokens), client: toJson(this.#registration) })
  }

  redirectToAuthorization(url: URL): void {
    this.#url = url
  }

  saveCodeVerifier(verifier: string): void {
    this.#verifier = verifier
  }

  codeVerifier(): string {
    return this.#verifier ?? bug('the SDK asks for the secret of a login that was not begun')
  }

  saveDiscoveryState(discovery: OAuthDiscoveryState): void {
    this.#discovery = discovery
  }

  discoveryState(): OAuthDiscoveryState | undefined {
    return this.#discovery
  }

  async invalidateCredentials(scope: 'all' | 'client' | 'tokens' | 'verifier' | 'discovery'): Promise<void> {
    if (scope === 'all' || scope === 'tokens') {
      this.#held = undefined
      await this.#place?.write(undefined)
    }
    if ((scope === 'all' || scope === 'client') && this.#auth.clientId === undefined) this.#registration = undefined
    if (scope === 'all' || scope === 'discovery') this.#discovery = undefined
  }

  /** Only the grant without a login differs from what the SDK does by itself. */
  prepareTokenRequest(scope?: string): URLSearchParams | undefined {
    if (this.#auth.type !== 'client_credentials') return undefined
    return new URLSearchParams({ grant_type: 'client_credentials', ...(scope === undefined ? {} : { scope }) })
  }
}

/** A copy as it is stored. */
function toJson(of: unknown): JsonObject {
  return JSON.parse(JSON.stringify(of ?? {})) as JsonObject
}
