/** The `storage` block of the second dialect: named backends, and stores that refer to them. */
import { z } from 'zod'
import { lateSchema } from '../../kernel/late-schema.ts'
import { findNearest } from '../../kernel/nearest.ts'
import type { ConfigPath } from '../config-path.ts'
import { parsePath } from '../config-path.ts'
import { isConfigMap } from '../env-tree.ts'
import { flag, nameText, optional, wholeNumber } from '../file-values.ts'
import type { ConfiguredProvider } from '../stack-config.ts'
import type { DialectInput } from './dialect-input.ts'

const login = {
  host: optional(z.string()),
  port: optional(wholeNumber),
  db: optional(nameText),
  user: optional(nameText),
  password: optional(nameText),
}
const tls = { ssl_mode: optional(z.string()), ca_cert_path: optional(z.string()) }

const Backend = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('kv_sqlite'), db_path: optional(z.string()) }),
  z.strictObject({ type: z.literal('sql_sqlite'), db_path: optional(z.string()) }),
  z.strictObject({ type: z.literal('kv_redis'), ...login }),
  z.strictObject({ type: z.literal('kv_postgres'), ...login, ...tls, table_name: optional(z.string()) }),
  z.strictObject({ type: z.literal('kv_mongodb'), ...login, collection_name: optional(z.string()) }),
  z.strictObject({
    type: z.literal('sql_postgres'),
    ...login,
    ...tls,
    pool_size: optional(wholeNumber),
    max_overflow: optional(wholeNumber),
    pool_recycle: optional(wholeNumber),
    pool_pre_ping: optional(flag),
  }),
])

const KeyValueReference = lateSchema(() => z.strictObject({ namespace: z.string(), backend: z.string() }))
const SqlReference = lateSchema(() =>
  z.strictObject({
    table_name: z.string(),
    backend: z.string(),
    max_write_queue_size: optional(wholeNumber),
    num_writers: optional(wholeNumber),
  }),
)

/** The schema of the block. */
export const StorageBlock = z.strictObject({
  backends: optional(z.record(z.string(), Backend)),
  stores: optional(
    z.strictObject({
      metadata: optional(KeyValueReference),
      inference: optional(SqlReference),
      conversations: optional(SqlReference),
      responses: optional(SqlReference),
      prompts: optional(KeyValueReference),
      connectors: optional(KeyValueReference),
    }),
  ),
})
export type StorageBlock = z.infer<typeof StorageBlock>

type Kind = 'kv' | 'sql'

/** What upstream has when a file names no backends. */
const DEFAULT_BACKENDS: Readonly<Record<string, { readonly type: string }>> = Object.freeze({
  kv_default: { type: 'kv_sqlite' },
  sql_default: { type: 'sql_sqlite' },
})

/** Notes the backends that SQLite stands in for, and finds references that lead nowhere. */
export function checkStorage(
  storage: StorageBlock,
  providers: readonly ConfiguredProvider[],
  input: DialectInput,
): void {
  const backends = backendsOf(storage)
  for (const [name, { type }] of Object.entries(backends)) {
    if (type.endsWith('_sqlite')) continue
    input.findings.note(['storage', 'backends', name], {
      severity: 'substituted',
      message: `Backend '${name}': SQLite in the data directory takes the place of ${type}.`,
      fix: 'Nothing to do. Data that is in the other store stays there and is not read.',
      target: 'key',
    })
  }
  for (const [store, reference] of Object.entries(storage.stores ?? {})) {
    if (reference === null || reference === undefined) continue
    // Only list entries shift in substitution: this place is the same in the file.
    checkReference({ reference, path: ['storage', 'stores', store] }, backends, input)
  }
  for (const provider of providers) {
    const path = provider.path === undefined ? [] : [...parsePath(provider.path), 'config']
    for (const found of findReferences(provider.config, path)) checkReference(found, backends, input)
  }
}

/** The SQLite file of the store that holds completions, or of any other. */
export function sqliteFileOf(storage: StorageBlock): string | undefined {
  const preferred = storage.stores?.inference?.backend ?? 'sql_default'
  const backends = Object.entries(storage.backends ?? {}).toSorted(
    ([a], [b]) => Number(b === preferred) - Number(a === preferred),
  )
  for (const [, backend] of backends) {
    if ('db_path' in backend && typeof backend.db_path === 'string') return backend.db_path
  }
  return undefined
}

interface FoundReference {
  readonly reference: Readonly<Record<string, unknown>>
  /** In the file. */
  readonly path: ConfigPath
}

function backendsOf(storage: StorageBlock): Readonly<Record<string, { readonly type: string }>> {
  const named = storage.backends ?? {}
  return Object.keys(named).length === 0 ? DEFAULT_BACKENDS : named
}

function checkReference(
  { reference, path }: FoundReference,
  backends: Readonly<Record<string, { readonly type: string }>>,
  { findings }: DialectInput,
): void {
  const name = String(reference['backend'])
  const names = Object.keys(backends)
  const type = backends[name]?.type
  const kind: Kind = 'namespace' in reference ? 'kv' : 'sql'
  if (type === undefined) {
    const nearest = findNearest(name, names)
    findings.faultAtSource([...path, 'backend'], {
      problem: `There is no storage backend '${name}'.`,
      fix: `${nearest === undefined ? '' : `Did you mean '${nearest}'? `}Backends: ${names.join(', ')}.`,
    })
  } else if (!type.startsWith(`${kind}_`)) {
    findings.faultAtSource([...path, 'backend'], {
      problem: `Backend '${name}' is of type ${type}, and a ${kind === 'kv' ? 'namespace' : 'table'} needs one of type ${kind}_….`,
      fix: `Name another backend, for example ${names.find((other) => backends[other]?.type.startsWith(`${kind}_`) === true) ?? `${kind}_default`}.`,
    })
  }
}

/** The references inside a provider's configuration. */
function findReferences(value: unknown, path: ConfigPath): readonly FoundReference[] {
  if (!isConfigMap(value)) return []
  if (typeof value['backend'] === 'string' && ('namespace' in value || 'table_name' in value)) {
    return [{ reference: value, path }]
  }
  return Object.entries(value).flatMap(([key, inner]) => findReferences(inner, [...path, key]))
}
