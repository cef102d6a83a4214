/** OAuth for connectors: tokens that the stack buys for itself, and logins of single callers. */
import { randomBytes } from 'node:crypto'
import type { AuthProvider } from '@modelcontextprotocol/client'
import { isStackError, StackError } from '@llama-stack/api'
import type { Clock, Principal, Upstream } from '@llama-stack/api'
import type { Connector, ConnectorFinder } from './mcp-connector.ts'
import { isOAuthConnector } from './mcp-credentials.ts'
import type { OAuthConnector } from './mcp-credentials.ts'
import { OAuthClient } from './mcp-oauth-client.ts'
import type { McpSdk } from './mcp-sdk.ts'
import type { McpTarget } from './mcp-target.ts'
import type { McpLoginStore, McpTokenStore } from './mcp-token-store.ts'
import { toUpstreamFetch } from './upstream-fetch.ts'
import type { UpstreamFetch } from './upstream-fetch.ts'

export interface McpOAuthOptions {
  readonly loadSdk: () => Promise<McpSdk>
  readonly upstream: Upstream
  readonly clock: Clock
  readonly connectors: ConnectorFinder
  readonly tokens: McpTokenStore
  readonly logins: McpLoginStore
  /** Where browsers reach this server, without a slash at the end. */
  readonly publicUrl: string
}

/** The path to which login servers send browsers back. */
const CALLBACK_PATH = '/v1beta/connectors/oauth/callback'
const LOGIN_TTL_MS = 600_000
/** Of a login server. Its documents are small. */
const MAX_REPLY_BYTES = 1024 * 1024
const SILENCE_MS = 30_000
/** Calls that were refused at the same time want one new token, not one each. */
const FRESH_MS = 5000

/** How a login ended: the query with which the browser came back. */
export interface LoginAnswer {
  readonly state?: string | undefined
  readonly code?: string | undefined
  readonly iss?: string | undefined
  readonly error?: string | undefined
}

/** What the SDK tells of a request that was answered with 401. */
type Refused = Parameters<NonNullable<AuthProvider['onUnauthorized']>>[0]

interface Renewal {
  readonly done: Promise<void>
  readonly begunAtMs: number
}

export class McpOAuth {
  readonly #options: McpOAuthOptions
  /** Of the connectors whose tokens are everybody's. */
  readonly #shared = new Map<string, OAuthClient>()
  readonly #renewals = new Map<string, Renewal>()

  constructor(options: McpOAuthOptions) {
    this.#options = options
  }

  /** Gives a connection its tokens, and new ones when the server refuses them. */
  async toAuthProvider({ credentials, principal, key, label }: McpTarget): Promise<AuthProvider> {
    const connector = credentials.oauth
    if (connector === undefined) throw new StackError('internal_error', {})
    const client = await this.#clientOf(connector, principal)
    if (connector.auth.type === 'authorization_code' && (await client.tokens()) === undefined) {
      throw new StackError('mcp_server_authentication', {
        server: label,
        credential: 'a call without a login',
        fix: `Log in: GET /v1beta/connectors/${encodeURIComponent(connector.id)}/authorize returns the address to open.`,
      })
    }
    return {
      token: async () => (await client.tokens())?.access_token,
      onUnauthorized: (context) => this.#renew(key, () => this.#ask(connector, client, context)),
    }
  }

  /** Begins a login. Rejects with `connector_authorization_failed`. */
  async beginLogin(principal: Principal, connector: Connector): Promise<{ url: string; expiresAtMs: number }> {
    if (!isOAuthConnector(connector) || connector.auth.type !== 'authorization_code') {
      const reason = `nobody logs in to connector '${connector.id}', it is of the kind '${connector.auth.type}'`
      throw new StackError('connector_authorization_failed', { reason })
    }
    const state = randomBytes(32).toString('base64url')
    const client = await this.#clientOf(connector, principal, state)
    await this.#auth(connector, client, { forceReauthorization: true })
    const expiresAtMs = this.#options.clock.now() + LOGIN_TTL_MS
    const { url, codeVerifier, discovery, registration } = client.begun()
    const { id: connectorId } = connector
    await this.#options.logins.put({
      state,
      principal,
      connectorId,
      expiresAtMs,
      codeVerifier,
      discovery,
      client: registration,
    })
    return { url, expiresAtMs }
  }

  /** Ends a login: the tokens are kept for the caller who began it. Rejects with `connector_authorization_failed`. */
  async finishLogin({ state, code, iss, error }: LoginAnswer): Promise<Connector> {
    const login = state === undefined ? undefined : await this.#options.logins.take(state)
    const connector = login === undefined ? undefined : this.#options.connectors.find(login.connectorId)
    if (login === undefined || !isOAuthConnector(connector)) {
      const reason = 'the state is unknown, was used before, or is older than ten minutes'
      throw new StackError('connector_authorization_failed', { reason })
    }
    if (code === undefined) {
      // Whoever knows the state may have written the rest of the address: only a code of RFC 6749 is repeated.
      const said = error !== undefined && /^[a-z_]{1,40}$/.test(error) ? `'${error}'` : 'no code'
      throw new StackError('connector_authorization_failed', { reason: `the login server answered with ${said}` })
    }
    const client = await this.#clientOf(connector, login.principal)
    client.resume(login)
    await this.#auth(connector, client, { authorizationCode: code, ...(iss === undefined ? {} : { iss }) })
    return connector
  }

  /** Forgets the tokens of a caller. */
  async forget(principal: Principal, connectorId: string): Promise<void> {
    await this.#options.tokens.delete(principal, connectorId)
  }

  /** Whether there are tokens of a caller. Nobody asks whether they are still good. */
  async isLoggedIn(principal: Principal, connectorId: string): Promise<boolean> {
    return (await this.#options.tokens.get(principal, connectorId)) !== undefined
  }

  async #clientOf(connector: OAuthConnector, principal: Principal, state?: string): Promise<OAuthClient> {
    const { publicUrl, tokens } = this.#options
    if (connector.auth.type === 'authorization_code') {
      const client = new OAuthClient({ auth: connector.auth, redirectUrl: `${publicUrl}${CALLBACK_PATH}`, state })
      await client.keepIn({
        read: () => tokens.get(principal, connector.id),
        write: (kept) =>
          kept === undefined ? tokens.delete(principal, connector.id) : tokens.set(principal, connector.id, kept),
      })
      return client
    }
    const known = this.#shared.get(connector.id)
    if (known !== undefined) return known
    const client = new OAuthClient({ auth: connector.auth })
    this.#shared.set(connector.id, client)
    return client
  }

  /** Several calls of one identity that are refused at the same time wait for one renewal. */
  #renew(key: string, ask: () => Promise<void>): Promise<void> {
    const known = this.#renewals.get(key)
    const nowMs = this.#options.clock.now()
    if (known !== undefined && nowMs - known.begunAtMs < FRESH_MS) return known.done
    const done = ask()
    const renewal = { done, begunAtMs: nowMs }
    this.#renewals.set(key, renewal)
    done.catch(() => {
      if (this.#renewals.get(key) === renewal) this.#renewals.delete(key)
    })
    return done
  }

  async #ask(connector: OAuthConnector, client: OAuthClient, { response }: Refused): Promise<void> {
    const sdk = await this.#options.loadSdk()
    const { resourceMetadataUrl, scope } = sdk.extractWWWAuthenticateParams(response)
    const result = await sdk.auth(client, {
      serverUrl: urlOf(connector),
      fetchFn: this.#toFetch(connector),
      ...(resourceMetadataUrl === undefined ? {} : { resourceMetadataUrl }),
      ...(scope === undefined ? {} : { scope }),
    })
    if (result !== 'AUTHORIZED') throw new sdk.UnauthorizedError()
  }

  async #auth(
    connector: OAuthConnector,
    client: OAuthClient,
    how: { authorizationCode?: string; iss?: string; forceReauthorization?: boolean },
  ): Promise<void> {
    const sdk = await this.#options.loadSdk()
    try {
      await sdk.auth(client, { serverUrl: urlOf(connector), fetchFn: this.#toFetch(connector), ...how })
    } catch (error) {
      const cause = isStackError(error) ? error.message : error instanceof Error ? error.message : String(error)
      const reason = cause.replace(/\s+/g, ' ').slice(0, 300)
      throw new StackError('connector_authorization_failed', { reason }, { cause: error })
    }
  }

  /** The operator named the server and, perhaps, the login server; all other addresses are somebody else's choice. */
  #toFetch(connector: OAuthConnector): UpstreamFetch {
    const { auth } = connector
    const trusted = new Set([new URL(urlOf(connector)).origin])
    if (auth.issuer !== undefined) trusted.add(new URL(auth.issuer).origin)
    return toUpstreamFetch({
      upstream: this.#options.upstream,
      server: connector.label,
      chosenBy: ({ origin }) => (trusted.has(origin) ? 'operator' : 'caller'),
      maxMessageBytes: MAX_REPLY_BYTES,
      silenceMs: SILENCE_MS,
    })
  }
}

function urlOf({ endpoint }: Connector): string {
  // The configuration refuses OAuth for child processes.
  if (endpoint.transport !== 'http') throw new StackError('internal_error', {})
  return endpoint.url
}
