/** Prompts and their versions in SQL. */
import type { DatabaseSync } from 'node:sqlite'
import type { Principal } from '@llama-stack/api'
import * as z from 'zod'
import { lateSchema } from '../../kernel/late-schema.ts'
import type { PromptRepository, PromptRow } from '../agent-state.ts'
import type { SqliteDatabase } from './sqlite-database.ts'

const Row = lateSchema(() =>
  z.object({
    id: z.string(),
    version: z.number(),
    default_version: z.number(),
    created_at_ms: z.number(),
    variables: z.string(),
    prompt: z.string(),
  }),
)
const Variables = lateSchema(() => z.array(z.string()))

/** Prepares the statements of both tables once, and returns what makes the repository of a principal. */
export function preparePrompts({ connection, writer }: SqliteDatabase): (principal: Principal) => PromptRepository {
  const statements = prepare(connection)
  const { insert, insertVersion, select, selectDefaults, selectVersions, setDefault, remove, removeVersions } =
    statements
  const latest = (owner: string, id: string): { readonly seq: number; readonly version: number } | undefined => {
    const row = statements.latest.get(owner, id)
    return row === undefined ? undefined : { seq: Number(row['seq']), version: Number(row['version']) }
  }
  const addVersion = (seq: number, { version, createdAtMs, variables, prompt }: PromptRow): void =>
    void insertVersion.run(seq, version, createdAtMs, JSON.stringify(variables), prompt)

  return ({ id: owner }) => ({
    insert: (row) =>
      writer.write(() => addVersion(Number(insert.run(owner, row.id, row.version).lastInsertRowid), row)),
    async find(id, version) {
      const row = select.get(owner, id, version ?? null)
      return row === undefined ? undefined : toPromptRow(row)
    },
    listDefaults: async () => selectDefaults.all(owner).map(toPromptRow),
    listVersions: async (id) => selectVersions.all(owner, id).map(toPromptRow),
    addVersion: (row, expectedLatest) =>
      writer.write(() => {
        const found = latest(owner, row.id)
        if (found === undefined) return undefined
        if (found.version !== expectedLatest) return { added: false, version: found.version }
        const version = found.version + 1
        addVersion(found.seq, { ...row, version })
        if (row.isDefault) setDefault.run(version, owner, row.id)
        return { added: true, version }
      }),
    setDefault: (id, version) =>
      writer.write(
        () => select.get(owner, id, version) !== undefined && setDefault.run(version, owner, id).changes === 1,
      ),
    delete: (id) =>
      writer.write(() => {
        removeVersions.run(owner, id)
        return remove.run(owner, id).changes === 1
      }),
  })
}

function prepare(connection: DatabaseSync) {
  const columns = 'id, version, default_version, created_at_ms, variables, prompt'
  const both = 'prompts JOIN prompt_versions ON prompt_seq = seq'
  return {
    insert: connection.prepare('INSERT INTO prompts (owner, id, default_version) VALUES (?, ?, ?)'),
    insertVersion: connection.prepare(
      'INSERT INTO prompt_versions (prompt_seq, version, created_at_ms, variables, prompt) VALUES (?, ?, ?, ?, ?)',
    ),
    latest: connection.prepare(
      `SELECT seq, version FROM ${both} WHERE owner = ? AND id = ? ORDER BY version DESC LIMIT 1`,
    ),
    select: connection.prepare(
      `SELECT ${columns} FROM ${both} WHERE owner = ? AND id = ? AND version = coalesce(?, default_version)`,
    ),
    selectDefaults: connection.prepare(
      `SELECT ${columns} FROM ${both} WHERE owner = ? AND version = default_version ORDER BY seq DESC`,
    ),
    selectVersions: connection.prepare(`SELECT ${columns} FROM ${both} WHERE owner = ? AND id = ? ORDER BY version`),
    setDefault: connection.prepare('UPDATE prompts SET default_version = ? WHERE owner = ? AND id = ?'),
    removeVersions: connection.prepare(
      'DELETE FROM prompt_versions WHERE prompt_seq = (SELECT seq FROM prompts WHERE owner = ? AND id = ?)',
    ),
    remove: connection.prepare('DELETE FROM prompts WHERE owner = ? AND id = ?'),
  }
}

function toPromptRow(row: unknown): PromptRow {
  const { default_version, created_at_ms, variables, ...rest } = Row.parse(row)
  return {
    ...rest,
    isDefault: rest.version === default_version,
    createdAtMs: created_at_ms,
    variables: Variables.parse(JSON.parse(variables)),
  }
}
