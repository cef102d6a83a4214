/** A real store for tests of services, in a folder of its own. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../kernel/clock.ts'
import { silentLog } from '../kernel/log.ts'
import { openStorage } from '../storage/open-storage.ts'
import type { Storage } from '../storage/storage.ts'

/** Opens an empty store; disposing it deletes the folder too. */
export async function createTemporaryStorage(): Promise<{ readonly storage: Storage } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'storage-'))
  const backend = { type: 'sqlite' as const, db_path: join(folder, 'state.db'), busy_timeout_ms: 1000 }
  const storage = await openStorage({ backend, clock: systemClock, log: silentLog })
  return {
    storage,
    async [Symbol.asyncDispose]() {
      await storage[Symbol.asyncDispose]()
      await rm(folder, { recursive: true })
    },
  }
}
