/** Tokens for connectors and pending logins in SQL. */
import type { Clock, JsonObject, Principal } from '@llama-stack/api'
import * as z from 'zod'
import { lateSchema } from '../../kernel/late-schema.ts'
import type { ConnectorTokenRepository, PendingLogins } from '../connector-logins.ts'
import type { SqliteDatabase } from './sqlite-database.ts'

const Members = lateSchema(() => z.record(z.string(), z.json()))
const LoginRow = lateSchema(() => z.object({ state: z.string(), expires_at_ms: z.number(), login: z.string() }))

/** Prepares the statements of the table of tokens, and returns what makes the repository of a principal. */
export function prepareConnectorTokens(database: SqliteDatabase): (principal: Principal) => ConnectorTokenRepository {
  const { connection, writer } = database
  const select = connection.prepare('SELECT tokens FROM connector_tokens WHERE owner = ? AND connector_id = ?')
  const save = connection.prepare(
    `INSERT INTO connector_tokens (owner, connector_id, tokens) VALUES (?, ?, ?)
     ON CONFLICT (owner, connector_id) DO UPDATE SET tokens = excluded.tokens`,
  )
  const remove = connection.prepare('DELETE FROM connector_tokens WHERE owner = ? AND connector_id = ?')
  return ({ id: owner }) => ({
    async find(connectorId) {
      const row = select.get(owner, connectorId)
      return row === undefined ? undefined : toMembers(row['tokens'])
    },
    save: (connectorId, tokens) => writer.write(() => void save.run(owner, connectorId, JSON.stringify(tokens))),
    delete: (connectorId) => writer.write(() => void remove.run(owner, connectorId)),
  })
}

/** Prepares the statements of the table of logins. */
export function preparePendingLogins({ connection, writer }: SqliteDatabase, clock: Clock): PendingLogins {
  const insert = connection.prepare('INSERT INTO pending_logins (state, expires_at_ms, login) VALUES (?, ?, ?)')
  const removeExpired = connection.prepare('DELETE FROM pending_logins WHERE expires_at_ms <= ?')
  const take = connection.prepare('DELETE FROM pending_logins WHERE state = ? RETURNING state, expires_at_ms, login')
  return {
    put: ({ state, expiresAtMs, login }) =>
      writer.write(() => {
        removeExpired.run(clock.now())
        insert.run(state, expiresAtMs, JSON.stringify(login))
      }),
    async take(state) {
      const row = await writer.write(() => take.get(state))
      if (row === undefined) return undefined
      const { expires_at_ms: expiresAtMs, login } = LoginRow.parse(row)
      return expiresAtMs > clock.now() ? { state, expiresAtMs, login: toMembers(login) } : undefined
    },
  }
}

function toMembers(json: unknown): JsonObject {
  return Members.parse(JSON.parse(z.string().parse(json)))
}
