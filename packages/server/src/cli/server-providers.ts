/** The providers of a running server and how they are, whichever generation it is of. */
import { isRecord } from '../kernel/json-record.ts'
import type { ServerClient } from './server-client.ts'

/** A provider as the command line shows it; the keys of `--json`. */
export interface ServerProvider {
  readonly id: string
  readonly api: string
  readonly type: string
  /** `OK`, `Error` or `Not Implemented`. */
  readonly status: string
  readonly message: string | undefined
  readonly fix: string | undefined
  /** Of the last minutes; undefined where the server does not count. */
  readonly calls: number | undefined
  readonly failures: number
  /** Models that are left alone because they kept failing. */
  readonly unavailable: readonly string[]
}

/** Lists the providers that are configured. */
export async function listServerProviders(client: ServerClient): Promise<readonly ServerProvider[]> {
  const reply = await client.get('/v1/providers')
  const rows = isRecord(reply) && Array.isArray(reply['data']) ? reply['data'].filter(isRecord) : []
  return rows.map((row) => {
    const health = isRecord(row['health']) ? row['health'] : {}
    const window = isRecord(health['window']) ? health['window'] : {}
    const unavailable = Array.isArray(health['unavailable']) ? health['unavailable'].filter(isRecord) : []
    return {
      id: String(row['provider_id']),
      api: String(row['api']),
      type: String(row['provider_type']),
      status: String(health['status']),
      message: findText(health['message']),
      fix: findText(health['fix']),
      calls: findNumber(window['calls']),
      failures: findNumber(window['failures']) ?? 0,
      unavailable: unavailable.map(({ model }) => String(model)),
    }
  })
}

function findText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function findNumber(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}
