/** The Responses API: responses asked for, fetched, read along, cancelled and deleted. */
import type {
  CallContext,
  Clock,
  CreateResponseRequest,
  Log,
  Reply,
  ResponseEvent,
  ResponseObject,
  Responses,
} from '@llama-stack/api'
import { StackError, value } from '@llama-stack/api'
import type { Ids } from '../../kernel/ids.ts'
import { stackHeaders } from '../../kernel/stack-headers.ts'
import type { ResponseRow } from '../../storage/agent-state.ts'
import { isOpen } from '../../storage/response-status.ts'
import type { Storage } from '../../storage/storage.ts'
import { ConnectionMemory } from './connection-memory.ts'
import { RecentChains } from './history/recent-chains.ts'
import { newResponseId } from './item-ids.ts'
import { openPlan } from './request/open-plan.ts'
import type { PlanWorld } from './request/open-plan.ts'
import type { SettledRequest } from './request/settle-request.ts'
import { settleRequest } from './request/settle-request.ts'
import { ActiveRuns } from './run/active-runs.ts'
import { FeedStream } from './run/event-feed.ts'
import { ResponseWorker } from './run/response-worker.ts'
import type { RunWorld } from './run/run-world.ts'
import { prepareRun } from './run/start-run.ts'
import type { PreparedRun } from './run/start-run.ts'
import { StoredStream } from './stored/stored-stream.ts'
import { endStored } from './stored/end-stored.ts'
import { readInputTexts } from './stored/input-texts.ts'
import { toItemPage } from './stored/list-page.ts'
import { parseItems, toResponse } from './stored/response-view.ts'

export interface ResponsesOptions {
  readonly storage: Storage
  readonly runs: RunWorld
  readonly plans: PlanWorld
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  readonly unseal: (sealed: string) => string | undefined
}

/** The service, and what it does without being asked. */
export interface ResponsesService extends Responses, AsyncDisposable {
  /** Takes up what earlier processes have left. */
  start(): void
}

/** Until a process that does not renew its leases is taken for dead. */
const LEASE_MS = 10_000

type ResponseReply = Reply<ResponseObject, ResponseEvent>

export function createResponsesService(
  options: ResponsesOptions,
): Omit<ResponsesService, 'compactResponse' | 'countInputTokens'> {
  const { storage, log, ids } = options
  const worker = ids.random('worker_')
  const active = new ActiveRuns({ jobs: storage.jobs, log, worker, leaseMs: LEASE_MS })
  const recentChains = new RecentChains()
  const world = {
    ...options,
    plans: { ...options.plans, recentChains },
    recentChains,
    active,
    worker,
    leaseMs: LEASE_MS,
    memories: new WeakMap<object, ConnectionMemory>(),
  }
  const runner = new ResponseWorker(world)
  return {
    createResponse: (request, context) => create(request, context, world),
    async retrieveResponse(request, context) {
      const { response_id: id, stream, starting_after: after = -1, include, include_obfuscation: obfuscates } = request
      const row = await getRow(id, context, world)
      if (stream === true) {
        const running = active.find(id, context.principal)
        // Of a run to which nobody listens, the events are made from what came of it.
        if (running !== undefined && running.feed === undefined) await running.ended
        const feed = running?.feed
        const repository = storage.responses(context.principal)
        const stored = { responseId: row.id, after, repository, feed, obfuscates }
        return { kind: 'stream', stream: new StoredStream(stored), contentType: 'text/event-stream' }
      }
      return value(toResponse(row, include))
    },
    async deleteResponse({ response_id: id }, context) {
      await getRow(id, context, world)
      await active.disown(id, context.principal)
      await storage.responses(context.principal).delete(id)
      return value({ id, object: 'response', deleted: true })
    },
    async cancelResponse({ response_id: id }, context) {
      return value(await cancel(await getRow(id, context, world), context, world))
    },
    async listResponses({ after, limit, order, model }, context) {
      const page = await storage.responses(context.principal).list({ after, limit, order, model })
      const data = page.rows.map((row) => ({ ...toResponse(row), input: parseItems(row.input) }))
      const [first, last] = [data[0]?.id ?? null, data.at(-1)?.id ?? null]
      return value({ object: 'list', data, first_id: first, last_id: last, has_more: page.hasMore })
    },
    async listInputItems({ response_id: id, after, before, limit, order, include = [] }, context) {
      const texts = await readInputTexts(await getRow(id, context, world), context.principal, storage)
      return value(toItemPage(parseItems(texts, include), { after, before, limit, order }))
    },
    start: () => runner.start(),
    async [Symbol.asyncDispose]() {
      await runner[Symbol.asyncDispose]()
      await active[Symbol.asyncDispose]()
    },
  }
}

interface ServiceWorld extends ResponsesOptions {
  readonly active: ActiveRuns
  readonly worker: string
  readonly recentChains: RecentChains
  /** By connection. */
  readonly memories: WeakMap<object, ConnectionMemory>
}

/** The response as it is kept, or as it is while somebody waits for it: then it is kept at its end only. */
async function getRow(
  id: string,
  { principal }: CallContext,
  { storage, active }: Pick<ServiceWorld, 'storage' | 'active'>,
): Promise<ResponseRow> {
  const row = await storage.responses(principal).find(id)
  if (row !== undefined) return row
  const run = active.find(id, principal)?.run
  if (run === undefined || !run.plan.settled.isStored) throw new StackError('response_not_found', { id })
  return { id, ...run.row() }
}

async function create(
  request: CreateResponseRequest,
  context: CallContext,
  world: ServiceWorld,
): Promise<ResponseReply> {
  if (world.active.isClosing) throw new StackError('server_shutting_down', {})
  const settled = settleRequest(request, context.strict ?? false)
  const { record = {} } = context
  record.model = settled.model
  record.streamed = settled.isStreamed
  const createdAtMs = world.clock.now()
  const birth = { id: newResponseId(world.ids, createdAtMs), createdAtMs }
  const memory = findMemory(context, world)
  const isHistoryUnkept = settled.previousId !== undefined && memory?.has(settled.previousId) === true
  const plans = toPlans(world.plans, memory)
  const plan = { ...(await openPlan(settled, { birth, caller: context }, plans)), isHistoryUnkept }
  const prepared = prepareRun({ plan, record, memory }, world)
  if (settled.isBackground) return begin(prepared, settled, world)
  return settled.isStreamed ? stream(prepared, context, world) : complete(prepared, context, world)
}

/** Chains that lead through what a connection remembers are not those of the store. */
function toPlans(plans: PlanWorld, memory: ConnectionMemory | undefined): PlanWorld {
  if (memory === undefined) return plans
  return { ...plans, storage: memory.over(plans.storage), recentChains: undefined }
}

/** What the connection of a call remembers, where it stays open between calls. */
function findMemory({ connection }: CallContext, { memories }: ServiceWorld): ConnectionMemory | undefined {
  if (connection === undefined) return undefined
  const known = memories.get(connection)
  if (known !== undefined) return known
  const memory = new ConnectionMemory()
  memories.set(connection, memory)
  return memory
}

/** In the background: it is kept before anybody is told that it will be done. */
async function begin(
  { run, feed, start }: PreparedRun,
  settled: SettledRequest,
  { active, log, storage }: ServiceWorld,
): Promise<ResponseReply> {
  await active.persist(run)
  const { body } = run.row('queued')
  start().catch((error: unknown) =>
    log.debug('A response goes on elsewhere.', { response: run.id, reason: String(error) }),
  )
  const headers = adjusted(settled)
  if (!settled.isStreamed || feed === undefined) {
    return { kind: 'bytes', bytes: body, contentType: 'application/json', headers }
  }
  const repository = storage.responses(run.plan.caller.principal)
  const reply = new StoredStream({ responseId: run.id, after: -1, repository, feed })
  return { kind: 'stream', stream: reply, contentType: 'text/event-stream', headers }
}

async function stream(
  { run, feed, start }: PreparedRun,
  context: CallContext,
  { active }: ServiceWorld,
): Promise<ResponseReply> {
  const { settled } = run.plan
  const leave = (): void => active.leave(run, settled.isStored)
  const running = start()
  whenLeft(context, leave)
  // Its end is an event; a failure before the first is heard of below.
  running.catch(() => undefined)
  const headers = await run.opened
  if (feed === undefined) throw new StackError('internal_error', {})
  const reply = new FeedStream({ feed, onLeave: leave })
  return {
    kind: 'stream',
    stream: reply,
    contentType: 'text/event-stream',
    headers: { ...headers, ...adjusted(settled) },
  }
}

async function complete(
  { run, start }: PreparedRun,
  context: CallContext,
  { active }: ServiceWorld,
): Promise<ResponseReply> {
  const { settled } = run.plan
  const leave = (): void => active.leave(run, settled.isStored)
  const running = start()
  whenLeft(context, leave)
  const { json } = await running
  const headers = { ...(await run.opened), ...adjusted(settled) }
  return { kind: 'bytes', bytes: json, contentType: 'application/json', headers }
}

/** The client may have left while everything was looked up. */
function whenLeft({ signal }: CallContext, leave: () => void): void {
  if (signal.aborted) leave()
  else signal.addEventListener('abort', leave, { once: true })
}

/** What was done otherwise than it was asked. */
function adjusted({ adjustments }: SettledRequest): Readonly<Record<string, string>> {
  const { made } = adjustments
  return made.length === 0 ? {} : { [stackHeaders.adjusted]: made.join(', ') }
}

/** Cancelling twice is cancelling once; what has ended otherwise stays as it is. */
async function cancel(
  row: ResponseRow,
  context: CallContext,
  { storage, active }: ServiceWorld,
): Promise<ResponseObject> {
  if (row.status === 'cancelled') return toResponse(row)
  if (!row.background) {
    const problem = 'only responses in the background can be. To stop another one, close its connection'
    throw new StackError('response_not_cancellable', { id: row.id, problem })
  }
  if (!isOpen(row.status)) {
    throw new StackError('response_not_cancellable', { id: row.id, problem: `it is ${row.status}` })
  }
  if (!(await active.cancel(row.id, context.principal))) {
    await endStored(row.id, { status: 'cancelled' }, storage.responses(context.principal))
  }
  const ended = await getRow(row.id, context, { storage, active })
  if (ended.status === 'cancelled') return toResponse(ended)
  throw new StackError('response_not_cancellable', { id: row.id, problem: `it is ${ended.status}` })
}
