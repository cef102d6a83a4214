/** The request log in SQL: written in batches beside the requests, read by cursor. */
import { type Log, type Principal, StackError } from '@llama-stack/api'
import type { Selectable } from 'kysely'
import * as z from 'zod'
import type {
  Page,
  RequestAttempt,
  RequestLogEntry,
  RequestLogQuery,
  RequestLogReader,
  RequestLogRow,
} from '../storage.ts'
import { lateSchema } from '../../kernel/late-schema.ts'
import type { SqliteDatabase } from './sqlite-database.ts'
import type { Tables } from './tables.ts'

/** Takes entries without waiting and writes them in batches. */
export interface RequestLog extends AsyncDisposable {
  append(entry: RequestLogEntry): void
  flush(): Promise<void>
  reader(principal: Principal): RequestLogReader
}

const MAX_BATCH_ROWS = 256
const MAX_DELAY_MS = 250

const Attempts = lateSchema(() =>
  z.array(
    z.object({
      providerId: z.string(),
      model: z.string().nullable(),
      status: z.number().nullable(),
      errorCode: z.string().nullable(),
      durationMs: z.number(),
    }),
  ),
)

const Adjustments = lateSchema(() => z.array(z.string()))

/** Creates the log over an open database. A batch that cannot be written is dropped with a warning. */
export function createRequestLog(database: SqliteDatabase, log: Log): RequestLog {
  const insert = prepareInsert(database)
  const writing = new Set<Promise<void>>()
  let waiting: RequestLogEntry[] = []
  let timer: NodeJS.Timeout | undefined

  const writeBatch = (): void => {
    clearTimeout(timer)
    timer = undefined
    if (waiting.length === 0) return
    const batch = waiting
    waiting = []
    const written = database.writer
      .write(() => batch.forEach(insert))
      .catch((error: unknown) => {
        log.warn('Rows of the request log were lost.', {
          rows: batch.length,
          reason: error instanceof Error ? error.message : String(error),
        })
      })
      .finally(() => writing.delete(written))
    writing.add(written)
  }
  const flush = async (): Promise<void> => {
    writeBatch()
    await Promise.all(writing)
  }

  return {
    append(entry) {
      waiting.push(entry)
      if (waiting.length >= MAX_BATCH_ROWS) writeBatch()
      else timer ??= setTimeout(writeBatch, MAX_DELAY_MS).unref()
    },
    flush,
    reader: ({ id: owner }) => ({
      async list(query) {
        await flush()
        return list(database, owner, query)
      },
    }),
    [Symbol.asyncDispose]: flush,
  }
}

function prepareInsert({ connection }: SqliteDatabase): (entry: RequestLogEntry) => void {
  const insert = connection.prepare(
    `INSERT INTO request_log (owner, request_id, started_at_ms, operation, route, method, path, status, error_code, model,
       provider_id, provider_model, streamed, demo, input_tokens, output_tokens, total_tokens, first_byte_ms, duration_ms,
       attempt_ms, attempts, client, cached, adjustments)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  return (entry) => {
    const attemptMs = ordinaryAttemptMs(entry)
    insert.run(
      entry.principal.id,
      entry.requestId,
      entry.startedAtMs,
      entry.operation,
      entry.route,
      entry.method,
      entry.path,
      entry.status,
      entry.errorCode,
      entry.model,
      entry.providerId,
      entry.providerModel,
      Number(entry.streamed),
      Number(entry.demo),
      entry.inputTokens,
      entry.outputTokens,
      entry.totalTokens,
      entry.firstByteMs,
      entry.durationMs,
      attemptMs,
      attemptMs === null && entry.attempts.length > 0 ? JSON.stringify(entry.attempts) : null,
      entry.client,
      Number(entry.cached),
      entry.adjustments.length > 0 ? JSON.stringify(entry.adjustments) : null,
    )
  }
}

/** Nearly every request makes one attempt, of which all but the duration is in the row already. */
function ordinaryAttemptMs({ attempts, providerId, providerModel }: RequestLogEntry): number | null {
  const [only] = attempts
  if (only === undefined || attempts.length > 1) return null
  const { status, errorCode } = only
  const isOrdinary =
    status === null && errorCode === null && only.providerId === providerId && only.model === providerModel
  return isOrdinary ? only.durationMs : null
}

function toAttempts(row: Selectable<Tables['request_log']>): readonly RequestAttempt[] {
  if (row.attempts !== null) return Attempts.parse(JSON.parse(row.attempts))
  if (row.attempt_ms === null || row.provider_id === null) return []
  const { provider_id: providerId, provider_model: model, attempt_ms: durationMs } = row
  return [{ providerId, model, status: null, errorCode: null, durationMs }]
}

async function list(
  database: SqliteDatabase,
  owner: string,
  { after, limit, order, fromMs, untilMs }: RequestLogQuery,
): Promise<Page<RequestLogRow>> {
  const { selectFrom } = await database.queries()
  let rows = selectFrom('request_log').selectAll().where('owner', '=', owner)
  if (after !== undefined) {
    const { startedAtMs, seq } = parseCursor(after)
    rows = rows.where((eb) =>
      eb(eb.refTuple('started_at_ms', 'seq'), order === 'asc' ? '>' : '<', eb.tuple(startedAtMs, seq)),
    )
  }
  if (fromMs !== undefined) rows = rows.where('started_at_ms', '>=', fromMs)
  if (untilMs !== undefined) rows = rows.where('started_at_ms', '<', untilMs)
  const found = await rows
    .orderBy('started_at_ms', order)
    .orderBy('seq', order)
    .limit(limit + 1)
    .execute()
  return { rows: found.slice(0, limit).map(toRequestLogRow), hasMore: found.length > limit }
}

/** The cursor is the row's place and not its key, so that it outlives the row. */
function parseCursor(cursor: string): { startedAtMs: number; seq: number } {
  const [, startedAtMs, seq] = /^(\d{1,16})-(\d{1,16})$/.exec(cursor) ?? []
  if (startedAtMs !== undefined && seq !== undefined) return { startedAtMs: Number(startedAtMs), seq: Number(seq) }
  throw new StackError('invalid_value', {
    param: 'after',
    problem: 'this is not a cursor of the request log',
    value: JSON.stringify(cursor),
    fix: 'Send the cursor of the last row of the page before, or leave it out to begin anew.',
  })
}

function toRequestLogRow(row: Selectable<Tables['request_log']>): RequestLogRow {
  return {
    cursor: `${row.started_at_ms}-${row.seq}`,
    requestId: row.request_id,
    startedAtMs: row.started_at_ms,
    operation: row.operation,
    route: row.route,
    method: row.method,
    path: row.path,
    status: row.status,
    errorCode: row.error_code,
    model: row.model,
    providerId: row.provider_id,
    providerModel: row.provider_model,
    streamed: row.streamed === 1,
    demo: row.demo === 1,
    inputTokens: row.input_tokens,
    outputTokens: row.output_tokens,
    totalTokens: row.total_tokens,
    firstByteMs: row.first_byte_ms,
    durationMs: row.duration_ms,
    attempts: toAttempts(row),
    client: row.client,
    cached: row.cached === 1,
    adjustments: row.adjustments === null ? [] : Adjustments.parse(JSON.parse(row.adjustments)),
  }
}
