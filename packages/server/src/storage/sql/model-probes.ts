/** What trying models out has shown, in SQL. */
import type { Principal } from '@llama-stack/api'
import * as z from 'zod'
import { lateSchema } from '../../kernel/late-schema.ts'
import type { ModelProbeRepository, ModelProbeRow } from '../storage.ts'
import type { SqliteDatabase } from './sqlite-database.ts'

const Row = lateSchema(() =>
  z.object({
    provider_id: z.string(),
    provider_model_id: z.string(),
    facts: z.string(),
    probed_at_ms: z.number(),
  }),
)
const Facts = lateSchema(() => z.record(z.string(), z.json()))

/** Prepares the statements of the table once, and returns what makes the repository of a principal. */
export function prepareModelProbes({
  connection,
  writer,
}: SqliteDatabase): (principal: Principal) => ModelProbeRepository {
  const insert = connection.prepare(
    `INSERT INTO model_probes (owner, provider_id, provider_model_id, facts, probed_at_ms) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (owner, provider_id, provider_model_id)
     DO UPDATE SET facts = excluded.facts, probed_at_ms = excluded.probed_at_ms`,
  )
  const selectAll = connection.prepare(
    'SELECT * FROM model_probes WHERE owner = ? ORDER BY provider_id, provider_model_id',
  )
  return ({ id: owner }) => ({
    save: ({ providerId, providerModelId, facts, probedAtMs }) =>
      writer.write(() => void insert.run(owner, providerId, providerModelId, JSON.stringify(facts), probedAtMs)),
    list: async () => selectAll.all(owner).map(toProbe),
  })
}

function toProbe(row: unknown): ModelProbeRow {
  const { provider_id, provider_model_id, facts, probed_at_ms } = Row.parse(row)
  return {
    providerId: provider_id,
    providerModelId: provider_model_id,
    facts: Facts.parse(JSON.parse(facts)),
    probedAtMs: probed_at_ms,
  }
}
