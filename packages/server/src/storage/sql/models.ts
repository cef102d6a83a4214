/** Registered models in SQL, by prepared statements only: the start of the server reads them. */
import { type Principal, StackError } from '@llama-stack/api'
import * as z from 'zod'
import { lateSchema } from '../../kernel/late-schema.ts'
import type { ModelRepository, RegisteredModel } from '../storage.ts'
import type { SqliteDatabase } from './sqlite-database.ts'

const Row = lateSchema(() =>
  z.object({
    model_id: z.string(),
    provider_id: z.string(),
    provider_model_id: z.string(),
    model_type: z.enum(['llm', 'embedding', 'rerank']),
    metadata: z.string(),
    created_at_ms: z.number(),
  }),
)
const Metadata = lateSchema(() => z.record(z.string(), z.json()))

/** Prepares the question which revision the models have: a changed number is a changed model. */
export function prepareModelRevision({ connection }: SqliteDatabase): () => number {
  const select = connection.prepare('SELECT revision FROM model_revision')
  return () => Number(select.get()?.['revision'])
}

/** Prepares the statements of the table once, and returns what makes the repository of a principal. */
export function prepareModels({ connection, writer }: SqliteDatabase): (principal: Principal) => ModelRepository {
  const countUp = connection.prepare('UPDATE model_revision SET revision = revision + 1')
  const insert = connection.prepare(
    `INSERT INTO models (owner, model_id, provider_id, provider_model_id, model_type, metadata, created_at_ms)
     VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (owner, model_id) DO NOTHING`,
  )
  const select = connection.prepare('SELECT * FROM models WHERE owner = ? AND model_id = ?')
  const selectAll = connection.prepare('SELECT * FROM models WHERE owner = ? ORDER BY created_at_ms, seq')
  const remove = connection.prepare('DELETE FROM models WHERE owner = ? AND model_id = ?')

  return ({ id: owner }) => {
    const find = (modelId: string): RegisteredModel | undefined => {
      const row = select.get(owner, modelId)
      return row === undefined ? undefined : toRegisteredModel(row)
    }
    const insertOrRefuse = (model: RegisteredModel): void => {
      const { modelId, providerId, providerModelId, type, metadata, createdAtMs } = model
      const json = JSON.stringify(metadata)
      if (insert.run(owner, modelId, providerId, providerModelId, type, json, createdAtMs).changes === 1) {
        countUp.run()
        return
      }
      throw new StackError('model_exists', { model: modelId, provider: find(modelId)?.providerId ?? providerId })
    }
    const removeIfThere = (modelId: string): boolean => {
      if (remove.run(owner, modelId).changes !== 1) return false
      countUp.run()
      return true
    }
    return {
      insert: (model) => writer.write(() => insertOrRefuse(model)),
      find: async (modelId) => find(modelId),
      list: async () => selectAll.all(owner).map(toRegisteredModel),
      delete: (modelId) => writer.write(() => removeIfThere(modelId)),
    }
  }
}

function toRegisteredModel(row: unknown): RegisteredModel {
  const { model_id, provider_id, provider_model_id, model_type, metadata, created_at_ms } = Row.parse(row)
  return {
    modelId: model_id,
    providerId: provider_id,
    providerModelId: provider_model_id,
    type: model_type,
    metadata: Metadata.parse(JSON.parse(metadata)),
    createdAtMs: created_at_ms,
  }
}
