/** Cached replies in SQL: found by key, evicted by use, deleted when they have expired. */
import type { DatabaseSync } from 'node:sqlite'
import type { Clock, Log, Principal } from '@llama-stack/api'
import * as z from 'zod'
import { lateSchema } from '../../kernel/late-schema.ts'
import type { CachedReply, CachedReplySummary, ResponseCacheRepository } from '../storage.ts'
import type { SqliteDatabase } from './sqlite-database.ts'
import { createSweep } from './sweep.ts'

export interface ResponseCacheOptions {
  readonly database: SqliteDatabase
  readonly clock: Clock
  /** The room of all owners together. */
  readonly maxBytes: number
}

const Row = lateSchema(() =>
  z.object({
    key: z.string(),
    operation: z.string(),
    model: z.string(),
    format: z.enum(['value', 'bytes', 'stream']),
    created_at_ms: z.number(),
    expires_at_ms: z.number(),
    origin: z.string(),
    body: z.instanceof(Uint8Array),
  }),
)

const Origin = lateSchema(() =>
  z.object({
    headers: z.record(z.string(), z.string()),
    contentType: z.string(),
    providerId: z.string().nullable(),
    providerModel: z.string().nullable(),
    demo: z.boolean(),
    inputTokens: z.number().nullable(),
    outputTokens: z.number().nullable(),
    totalTokens: z.number().nullable(),
  }),
)

const Summary = lateSchema(() =>
  z.object({
    operation: z.string(),
    model: z.string(),
    entries: z.number(),
    bytes: z.number(),
    oldest_at_ms: z.number(),
    newest_at_ms: z.number(),
  }),
)

/** How much of the room is left filled, so that a full cache does not evict at each reply. */
const KEPT_SHARE = 0.9
/** Other processes put replies too. */
const PUTS_PER_COUNT = 64
/** Small enough not to be felt by requests that wait for the same turn of the event loop. */
const MAX_EVICTED_ROWS = 500

/** Returns what makes the repository of a principal. Most servers never cache: statements are prepared by the first use. */
export function prepareResponseCache(options: ResponseCacheOptions): (principal: Principal) => ResponseCacheRepository {
  let replies: CachedReplies | undefined
  return ({ id: owner }) => (replies ??= new CachedReplies(options)).of(owner)
}

/** Creates the hourly deletion of what has expired, and begins with the first one. */
export function createExpiredReplySweep(parts: {
  readonly database: SqliteDatabase
  readonly clock: Clock
  readonly log: Log
}): AsyncDisposable {
  const remove = parts.database.connection.prepare(
    'DELETE FROM response_cache WHERE seq IN (SELECT seq FROM response_cache WHERE expires_at_ms <= ? LIMIT ?)',
  )
  return createSweep({
    ...parts,
    everyMs: 3_600_000,
    rows: 'cached replies',
    remove: (maxRows) => Number(remove.run(parts.clock.now(), maxRows).changes),
  })
}

class CachedReplies {
  readonly #options: ResponseCacheOptions
  readonly #statements: ReturnType<typeof prepare>
  /** As far as this process knows; counted anew by each eviction, and now and then. */
  #totalBytes: number
  #puts = 0

  constructor(options: ResponseCacheOptions) {
    this.#options = options
    this.#statements = prepare(options.database.connection)
    this.#totalBytes = this.#countBytes()
  }

  of(owner: string): ResponseCacheRepository {
    const { clock, database } = this.#options
    const { find, createdAtMs, touch, summarize, clear, clearModel } = this.#statements
    return {
      async find(key) {
        const row = find.get(owner, key, clock.now())
        return row === undefined ? undefined : toCachedReply(row)
      },
      async createdAtMs(key) {
        const row = createdAtMs.get(owner, key, clock.now())
        return row === undefined ? undefined : Number(row['created_at_ms'])
      },
      put: (reply) => this.#put(owner, reply),
      touch: (key) => database.writer.write(() => void touch.run(clock.now(), owner, key)),
      summarize: async () => summarize.all(owner, clock.now()).map(toSummary),
      async clear(model) {
        const { changes } = await database.writer.write(() =>
          model === undefined ? clear.run(owner) : clearModel.run(owner, model),
        )
        return Number(changes)
      },
    }
  }

  async #put(owner: string, reply: CachedReply): Promise<void> {
    const { clock, database, maxBytes } = this.#options
    const origin = JSON.stringify(reply.origin)
    const sizeBytes = reply.body.byteLength + origin.length
    // All others would have to go, and then this one.
    if (sizeBytes > maxBytes) return
    const { key, operation, model, format, createdAtMs, expiresAtMs, body } = reply
    const addedBytes = await database.writer.write(() => {
      const before = Number(this.#statements.sizeOf.get(owner, key)?.['size_bytes'] ?? 0)
      const times = [createdAtMs, expiresAtMs, clock.now()] as const
      this.#statements.put.run(owner, key, operation, model, format, ...times, sizeBytes, origin, body)
      return sizeBytes - before
    })
    this.#puts += 1
    this.#totalBytes = this.#puts % PUTS_PER_COUNT === 0 ? this.#countBytes() : this.#totalBytes + addedBytes
    while (this.#totalBytes > maxBytes) this.#totalBytes = await database.writer.write(() => this.#evict())
  }

  /** Deletes the longest unused; what is left. */
  #evict(): number {
    const { leastUsed, remove } = this.#statements
    let leftBytes = this.#countBytes()
    if (leftBytes <= this.#options.maxBytes) return leftBytes
    for (const { seq, size_bytes: sizeBytes } of leastUsed.all(MAX_EVICTED_ROWS)) {
      if (leftBytes <= this.#options.maxBytes * KEPT_SHARE) break
      remove.run(Number(seq))
      leftBytes -= Number(sizeBytes)
    }
    return leftBytes
  }

  #countBytes(): number {
    return Number(this.#statements.countBytes.get()?.['bytes'])
  }
}

function prepare(connection: DatabaseSync) {
  return {
    find: connection.prepare('SELECT * FROM response_cache WHERE owner = ? AND key = ? AND expires_at_ms > ?'),
    createdAtMs: connection.prepare(
      'SELECT created_at_ms FROM response_cache WHERE owner = ? AND key = ? AND expires_at_ms > ?',
    ),
    sizeOf: connection.prepare('SELECT size_bytes FROM response_cache WHERE owner = ? AND key = ?'),
    put: connection.prepare(
      `INSERT OR REPLACE INTO response_cache
         (owner, key, operation, model, format, created_at_ms, expires_at_ms, used_at_ms, size_bytes, origin, body)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    touch: connection.prepare('UPDATE response_cache SET used_at_ms = ? WHERE owner = ? AND key = ?'),
    summarize: connection.prepare(
      `SELECT operation, model, count(*) AS entries, sum(size_bytes) AS bytes,
         min(created_at_ms) AS oldest_at_ms, max(created_at_ms) AS newest_at_ms
       FROM response_cache WHERE owner = ? AND expires_at_ms > ? GROUP BY operation, model ORDER BY operation, model`,
    ),
    clear: connection.prepare('DELETE FROM response_cache WHERE owner = ?'),
    clearModel: connection.prepare('DELETE FROM response_cache WHERE owner = ? AND model = ?'),
    countBytes: connection.prepare('SELECT coalesce(sum(size_bytes), 0) AS bytes FROM response_cache'),
    leastUsed: connection.prepare('SELECT seq, size_bytes FROM response_cache ORDER BY used_at_ms, seq LIMIT ?'),
    remove: connection.prepare('DELETE FROM response_cache WHERE seq = ?'),
  }
}

function toCachedReply(row: unknown): CachedReply {
  const { created_at_ms: createdAtMs, expires_at_ms: expiresAtMs, origin, ...reply } = Row.parse(row)
  return { ...reply, createdAtMs, expiresAtMs, origin: Origin.parse(JSON.parse(origin)) }
}

function toSummary(row: unknown): CachedReplySummary {
  const { oldest_at_ms: oldestAtMs, newest_at_ms: newestAtMs, ...summary } = Summary.parse(row)
  return { ...summary, oldestAtMs, newestAtMs }
}
