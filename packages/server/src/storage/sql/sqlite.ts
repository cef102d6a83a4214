/** State in one SQLite file, by the driver that Node brings. */
import { resolve } from 'node:path'
import * as z from 'zod'
import { lazy } from '../../kernel/lazy.ts'
import { type BackendInput, defineBackend } from '../backend.ts'
import type { Storage } from '../storage.ts'
import { prepareAgentState } from './agent-state.ts'
import { prepareChatCompletions } from './chat-completions.ts'
import { prepareModelProbes } from './model-probes.ts'
import { prepareModelRevision, prepareModels } from './models.ts'
import { createRequestLogRetention } from './request-log-retention.ts'
import { createRequestLog } from './request-log.ts'
import { createExpiredReplySweep, prepareResponseCache } from './response-cache.ts'
import { createServerLock } from './server-lock.ts'
import type { LockHolder } from './server-lock.ts'
import { prepareShields } from './shields.ts'
import { prepareConnectorTokens, preparePendingLogins } from './connector-logins.ts'
import { openSqliteDatabase } from './sqlite-database.ts'

const SqliteConfig = z.strictObject({
  type: z.literal('sqlite'),
  db_path: z.string().min(1).describe('The database file. It and its folder are created when missing.'),
  busy_timeout_ms: z
    .int()
    .min(0)
    .default(5000)
    .describe('How long a write waits, in milliseconds, while another process holds the file locked.'),
})

/** The default backend: an embedded file, with a write-ahead log. */
export const sqliteBackend = defineBackend({
  type: 'sqlite',
  description: 'One file on the local disk. Nothing to install; the processes of one machine may share it.',
  facts: { multiProcess: false, embedded: true, survivesPowerLoss: false },
  config: SqliteConfig,
  open,
})

async function open(input: BackendInput<z.infer<typeof SqliteConfig>>): Promise<Storage> {
  const { config, clock, log, requestLogRetentionDays, responseCacheMaxBytes, worker } = input
  const path = resolve(config.db_path)
  await using stack = new AsyncDisposableStack()
  const database = stack.use(
    await openSqliteDatabase({ path, busyTimeoutMs: config.busy_timeout_ms, clock, log, worker }),
  )
  // The workers of a server have one lock between them. What another server is told is whom to stop: their primary.
  const holder = { pid: worker === undefined ? process.pid : process.ppid, startedAtMs: clock.now() }
  const lock = worker?.maintains === false ? undefined : stack.use(createServerLock({ path, holder, log }))
  const requestLog = stack.use(createRequestLog(database, log))
  if (worker?.maintains !== false) {
    stack.use(createRequestLogRetention({ database, clock, log, retentionDays: requestLogRetentionDays }))
    stack.use(createExpiredReplySweep({ database, clock, log }))
  }
  const chatCompletions = prepareChatCompletions(database)
  const models = prepareModels(database)
  const modelProbes = prepareModelProbes(database)
  const modelRevision = worker === undefined ? () => 0 : prepareModelRevision(database)
  const responseCache = prepareResponseCache({ database, clock, maxBytes: responseCacheMaxBytes })
  const agentState = prepareAgentState(database, clock, {
    // Two processes of one server may start in the same millisecond.
    name: toLeaseName(lock === undefined ? { ...holder, pid: process.pid } : holder),
    dead: lock?.predecessor === undefined ? undefined : toLeaseName(lock.predecessor),
  })
  // Prepared by the first use: a start needs none.
  const shields = lazy(() => prepareShields(database))
  const connectorTokens = lazy(() => prepareConnectorTokens(database))
  const pendingLogins = lazy(() => preparePendingLogins(database, clock))
  const opened = stack.move()
  return {
    chatCompletions,
    models,
    modelProbes,
    modelRevision,
    shields: (principal) => shields()(principal),
    requestLog: (principal) => requestLog.reader(principal),
    responseCache,
    responses: agentState.responses,
    conversations: agentState.conversations,
    prompts: agentState.prompts,
    get jobs() {
      return agentState.jobs
    },
    connectorTokens: (principal) => connectorTokens()(principal),
    get pendingLogins() {
      return pendingLogins()
    },
    appendRequestLog: (entry) => requestLog.append(entry),
    async flush() {
      await requestLog.flush()
      await database.writer.flush()
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

/** Under this name the leases of a process stand. */
function toLeaseName({ pid, startedAtMs }: LockHolder): string {
  return `${pid}@${startedAtMs}`
}
