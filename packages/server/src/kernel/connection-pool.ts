/**
 * Idle connections of one origin, last in first out.
 *
 * undici's own Pool caps live connections or scans all its clients for each request; a stream holds its connection for
 * minutes, so a cap is a silent limit on concurrency and the scan grows with it. Here the live count has no limit and
 * only idle connections are kept, up to a bound.
 */
import type { Client } from 'undici'

export interface ConnectionPool {
  /** An idle connection, or a new one. */
  take(): Client
  /** Gives a connection back after its reply has ended. */
  release(client: Client): void
  close(): Promise<void>
}

const MAX_IDLE = 256

/** Creates a pool over a factory of single-connection clients. */
export function createConnectionPool(connect: () => Client): ConnectionPool {
  const idle: Client[] = []
  const live = new Set<Client>()
  return {
    take() {
      const client = idle.pop() ?? connect()
      live.add(client)
      return client
    },
    release(client) {
      live.delete(client)
      if (client.closed || client.destroyed) return
      if (idle.length < MAX_IDLE) idle.push(client)
      else void client.close().catch(() => undefined)
    },
    async close() {
      const all = [...idle.splice(0), ...live]
      live.clear()
      await Promise.all(all.map((client) => client.destroy().catch(() => undefined)))
    },
  }
}
