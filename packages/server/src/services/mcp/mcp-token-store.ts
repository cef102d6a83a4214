/** What is kept of logins to MCP servers: the tokens of each caller, and the logins that are under way. */
import type { Clock, JsonObject, Principal } from '@llama-stack/api'

/** The outcome of a login. Both members are secrets: they are kept, and shown to nobody. */
export interface McpTokens {
  /** As the SDK has them: `access_token`, `refresh_token`, `scope`, `issuer`, … */
  readonly tokens: JsonObject
  /** The client that they were given to, where the stack registered itself. */
  readonly client?: JsonObject
}

/** Keeps the tokens of callers: one row for each principal and connector. */
export interface McpTokenStore {
  get(principal: Principal, connectorId: string): Promise<McpTokens | undefined>
  set(principal: Principal, connectorId: string, tokens: McpTokens): Promise<void>
  delete(principal: Principal, connectorId: string): Promise<void>
}

/** A login that was begun, until the browser comes back. */
export interface McpLogin {
  /** Unguessable: whoever brings it is the one who was sent away with it. */
  readonly state: string
  readonly principal: Principal
  readonly connectorId: string
  readonly expiresAtMs: number
  /** The secret half of PKCE. */
  readonly codeVerifier: string
  /** Where the login server is and what it can do, so that the answer of another one is refused. */
  readonly discovery: JsonObject
  readonly client: JsonObject
}

/** Keeps the logins that are under way. */
export interface McpLoginStore {
  put(login: McpLogin): Promise<void>
  /** Hands a login out and forgets it: each state is good once, and not after its end. */
  take(state: string): Promise<McpLogin | undefined>
}

/** Keeps tokens for as long as the process lives. */
export function createTokenMemory(): McpTokenStore {
  const kept = new Map<string, McpTokens>()
  const keyOf = (principal: Principal, connectorId: string): string => JSON.stringify([principal.id, connectorId])
  return {
    get: (principal, connectorId) => Promise.resolve(kept.get(keyOf(principal, connectorId))),
    set: (principal, connectorId, tokens) => {
      kept.set(keyOf(principal, connectorId), tokens)
      return Promise.resolve()
    },
    delete: (principal, connectorId) => {
      kept.delete(keyOf(principal, connectorId))
      return Promise.resolve()
    },
  }
}

const MAX_LOGINS = 1000

/** Keeps logins in this process: they do not survive it, and another process does not know them. */
export function createLoginMemory(clock: Clock): McpLoginStore {
  const kept = new Map<string, McpLogin>()
  return {
    put(login) {
      for (const [state, { expiresAtMs }] of kept) {
        if (expiresAtMs <= clock.now() || kept.size >= MAX_LOGINS) kept.delete(state)
      }
      kept.set(login.state, login)
      return Promise.resolve()
    },
    take(state) {
      const login = kept.get(state)
      kept.delete(state)
      return Promise.resolve(login !== undefined && login.expiresAtMs > clock.now() ? login : undefined)
    },
  }
}
