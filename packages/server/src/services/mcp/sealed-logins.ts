/** Logins as they are kept where others may read: a copy of the database alone opens no account. */
import type { JsonObject } from '@llama-stack/api'
import { isRecord } from '../../kernel/json-record.ts'
import type { TextSeal } from '../../kernel/text-seal.ts'
import type { McpLoginStore, McpTokenStore } from './mcp-token-store.ts'

/** Seals the tokens of a store. Those that cannot be opened, because the key is another one, count as forgotten. */
export function sealTokens(store: McpTokenStore, seal: TextSeal): McpTokenStore {
  return {
    async get(principal, connectorId) {
      const kept = await store.get(principal, connectorId)
      const tokens = kept === undefined ? undefined : open(kept.tokens, seal)
      if (tokens === undefined) return undefined
      const client = kept?.client === undefined ? undefined : open(kept.client, seal)
      return client === undefined ? { tokens } : { tokens, client }
    },
    set: (principal, connectorId, { tokens, client }) =>
      store.set(principal, connectorId, {
        tokens: close(tokens, seal),
        ...(client === undefined ? {} : { client: close(client, seal) }),
      }),
    delete: (principal, connectorId) => store.delete(principal, connectorId),
  }
}

/** Seals the secrets of logins that are under way. */
export function sealLogins(store: McpLoginStore, seal: TextSeal): McpLoginStore {
  return {
    put: (login) =>
      store.put({ ...login, codeVerifier: seal.seal(login.codeVerifier), client: close(login.client, seal) }),
    async take(state) {
      const kept = await store.take(state)
      if (kept === undefined) return undefined
      const codeVerifier = seal.open(kept.codeVerifier)
      const client = open(kept.client, seal)
      return codeVerifier === undefined || client === undefined ? undefined : { ...kept, codeVerifier, client }
    },
  }
}

function close(of: JsonObject, seal: TextSeal): JsonObject {
  return { sealed: seal.seal(JSON.stringify(of)) }
}

function open({ sealed }: JsonObject, seal: TextSeal): JsonObject | undefined {
  const text = typeof sealed === 'string' ? seal.open(sealed) : undefined
  const parsed: unknown = text === undefined ? undefined : JSON.parse(text)
  // It is what was sealed.
  return isRecord(parsed) ? (parsed as JsonObject) : undefined
}
