/** Logins to MCP servers that outlive the process, and that another process of the server may finish. */
import * as z from 'zod'
import type { JsonObject } from '@llama-stack/api'
import { lateSchema } from '../../kernel/late-schema.ts'
import type { Storage } from '../../storage/storage.ts'
import type { McpLoginStore, McpTokenStore } from './mcp-token-store.ts'

const Members = z.record(z.string(), z.json())
const Tokens = lateSchema(() => z.object({ tokens: Members, client: Members.exactOptional() }))
const Login = lateSchema(() =>
  z.object({
    owner: z.string(),
    connectorId: z.string(),
    codeVerifier: z.string(),
    discovery: Members,
    client: Members,
  }),
)

/** Keeps tokens in the store of the stack. */
export function toStoredTokens(storage: Pick<Storage, 'connectorTokens'>): McpTokenStore {
  return {
    async get(principal, connectorId) {
      const kept = await storage.connectorTokens(principal).find(connectorId)
      return kept === undefined ? undefined : Tokens.parse(kept)
    },
    set: (principal, connectorId, tokens) => {
      const { client } = tokens
      const kept: JsonObject = { tokens: tokens.tokens, ...(client === undefined ? {} : { client }) }
      return storage.connectorTokens(principal).save(connectorId, kept)
    },
    delete: (principal, connectorId) => storage.connectorTokens(principal).delete(connectorId),
  }
}

/** Keeps logins that are under way in the store of the stack. */
export function toStoredLogins(storage: Pick<Storage, 'pendingLogins'>): McpLoginStore {
  return {
    put: ({ state, expiresAtMs, principal, ...login }) =>
      storage.pendingLogins.put({ state, expiresAtMs, login: { ...login, owner: principal.id } }),
    async take(state) {
      const kept = await storage.pendingLogins.take(state)
      if (kept === undefined) return undefined
      const { owner, ...login } = Login.parse(kept.login)
      return { ...login, state, expiresAtMs: kept.expiresAtMs, principal: { id: owner } }
    },
  }
}
