/** Registered shields in SQL. */
import { type Principal, StackError } from '@llama-stack/api'
import * as z from 'zod'
import { lateSchema } from '../../kernel/late-schema.ts'
import type { RegisteredShield, ShieldRepository } from '../storage.ts'
import type { SqliteDatabase } from './sqlite-database.ts'

const Row = lateSchema(() =>
  z.object({
    shield_id: z.string(),
    provider_id: z.string(),
    provider_shield_id: z.string(),
    params: z.string(),
  }),
)
const Params = lateSchema(() => z.record(z.string(), z.json()))

/** Prepares the statements of the table once, and returns what makes the repository of a principal. */
export function prepareShields({ connection, writer }: SqliteDatabase): (principal: Principal) => ShieldRepository {
  const insert = connection.prepare(
    `INSERT INTO shields (owner, shield_id, provider_id, provider_shield_id, params) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (owner, shield_id) DO NOTHING`,
  )
  const select = connection.prepare('SELECT * FROM shields WHERE owner = ? AND shield_id = ?')
  const selectAll = connection.prepare('SELECT * FROM shields WHERE owner = ? ORDER BY seq')
  const remove = connection.prepare('DELETE FROM shields WHERE owner = ? AND shield_id = ?')

  return ({ id: owner }) => {
    const find = (shieldId: string): RegisteredShield | undefined => {
      const row = select.get(owner, shieldId)
      return row === undefined ? undefined : toRegisteredShield(row)
    }
    return {
      insert: ({ shieldId, providerId, providerShieldId, params }) =>
        writer.write(() => {
          if (insert.run(owner, shieldId, providerId, providerShieldId, JSON.stringify(params)).changes === 1) return
          throw new StackError('shield_exists', {
            shield: shieldId,
            provider: find(shieldId)?.providerId ?? providerId,
          })
        }),
      find: async (shieldId) => find(shieldId),
      list: async () => selectAll.all(owner).map(toRegisteredShield),
      delete: (shieldId) => writer.write(() => remove.run(owner, shieldId).changes === 1),
    }
  }
}

function toRegisteredShield(row: unknown): RegisteredShield {
  const { shield_id, provider_id, provider_shield_id, params } = Row.parse(row)
  return {
    shieldId: shield_id,
    providerId: provider_id,
    providerShieldId: provider_shield_id,
    params: Params.parse(JSON.parse(params)),
  }
}
