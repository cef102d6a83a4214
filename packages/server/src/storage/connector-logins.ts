/**
 * What is kept of logins to connectors: the tokens of each owner, and the logins that are under way, which may come back to
 * another process than the one that began them. All of it is secret; its members are the business of who stores it.
 */
import type { JsonObject } from '@llama-stack/api'

/** The tokens of one owner: one set for each connector. */
export interface ConnectorTokenRepository {
  find(connectorId: string): Promise<JsonObject | undefined>
  /** Takes the place of what was there. */
  save(connectorId: string, tokens: JsonObject): Promise<void>
  delete(connectorId: string): Promise<void>
}

/** A login that was begun. */
export interface PendingLogin {
  /** Unguessable: whoever brings it is the one who was sent away with it. */
  readonly state: string
  readonly expiresAtMs: number
  readonly login: JsonObject
}

/** The pending logins of the whole server: a browser that comes back says its state and not whose it is. */
export interface PendingLogins {
  /** Forgets those that have expired. */
  put(login: PendingLogin): Promise<void>
  /** Hands a login out and forgets it; undefined where there is none, or it has expired. */
  take(state: string): Promise<PendingLogin | undefined>
}
