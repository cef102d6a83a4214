/** Opens the storage that a configuration names. */
import type { Clock, Log } from '@llama-stack/api'
import type { z } from 'zod'
import type { WorkerRole } from './backend.ts'
import { sqliteBackend } from './sql/sqlite.ts'
import type { Storage } from './storage.ts'

/** Every storage backend by its type. */
export const storageBackends = Object.freeze({ sqlite: sqliteBackend })

/** The configuration of any backend; `type` tells which. */
export const StorageConfig = sqliteBackend.config
export type StorageConfig = z.infer<typeof StorageConfig>

/** What the store is opened with. */
export interface OpenStorageInput {
  readonly backend: StorageConfig
  readonly clock: Clock
  readonly log: Log
  /** Rows of the request log older than this are deleted. Default: 30. */
  readonly requestLogRetentionDays?: number | undefined
  /** The room of all cached replies together. Default: 256 MiB. */
  readonly responseCacheMaxBytes?: number | undefined
  /** Default: this process is the whole server. */
  readonly worker?: WorkerRole | undefined
}

const DEFAULT_RESPONSE_CACHE_BYTES = 256 * 1024 * 1024

/** Opens the store and brings its schema up to date. Rejects with a `storage_*` error. */
export function openStorage(input: OpenStorageInput): Promise<Storage> {
  return storageBackends[input.backend.type].open({
    config: input.backend,
    clock: input.clock,
    log: input.log,
    requestLogRetentionDays: input.requestLogRetentionDays ?? 30,
    responseCacheMaxBytes: input.responseCacheMaxBytes ?? DEFAULT_RESPONSE_CACHE_BYTES,
    worker: input.worker,
  })
}
