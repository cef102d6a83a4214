/** Finishes the responses that other processes, or earlier ones, have begun and left. */
import type { CallContext, Clock, CreateResponseRequest, Log } from '@llama-stack/api'
import { asText, isRecord } from '../../../kernel/json-record.ts'
import type { Job } from '../../../storage/agent-state.ts'
import type { Storage } from '../../../storage/storage.ts'
import { numberOf } from '../item-ids-of-response.ts'
import type { Item } from '../output/output.ts'
import { openPlan } from '../request/open-plan.ts'
import type { PlanWorld } from '../request/open-plan.ts'
import { settleRequest } from '../request/settle-request.ts'
import { toResponse } from '../stored/response-view.ts'
import type { ActiveRuns } from './active-runs.ts'
import { RESPONSE_JOB } from './active-runs.ts'
import { toToldItems } from './restored-output.ts'
import { toFailure } from './run-end.ts'
import { RunState } from './run-state.ts'
import { prepareRun } from './start-run.ts'
import type { StartWorld } from './start-run.ts'

export interface ResponseWorkerOptions extends StartWorld {
  readonly storage: Storage
  readonly active: ActiveRuns
  readonly plans: PlanWorld
  readonly unseal: (sealed: string) => string | undefined
  readonly clock: Clock
  readonly log: Log
  readonly worker: string
  readonly leaseMs: number
}

/** How often it is looked for responses whose process has died. */
const LOOK_MS = 2000

/** A response that breaks its process each time would break every process in turn. */
const MAX_ATTEMPTS = 5

export class ResponseWorker implements Disposable {
  readonly #options: ResponseWorkerOptions
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(options: ResponseWorkerOptions) {
    this.#options = options
  }

  /** Looks now, and from then on again and again. */
  start(): void {
    void this.#look()
  }

  [Symbol.dispose](): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
  }

  async #look(): Promise<void> {
    const { storage, worker, leaseMs, log } = this.#options
    try {
      for (;;) {
        if (this.#isClosed) return
        const job = await storage.jobs.claim(RESPONSE_JOB, { worker, leaseMs })
        if (job === undefined) break
        await this.#takeUp(job)
      }
    } catch (error) {
      log.warn('Responses that were left could not be looked for.', { reason: String(error) })
    }
    if (!this.#isClosed) this.#timer = setTimeout(() => void this.#look(), LOOK_MS).unref()
  }

  async #takeUp(job: Job): Promise<void> {
    const { storage, active, log } = this.#options
    const id = asText(job.payload['response_id'])
    try {
      if (!(await this.#resume(id, job))) await storage.jobs.finish(job.id)
    } catch (error) {
      log.error('A response could not be taken up again.', { response: id, reason: String(error) })
      await this.#fail(id, job, error)
      return
    }
    active.hold(id)
  }

  /** False where there is nothing to go on with. */
  async #resume(id: string, job: Job): Promise<boolean> {
    const { storage, plans, unseal, log } = this.#options
    const principal = { id: job.owner }
    const repository = storage.responses(principal)
    const row = await repository.find(id)
    if (row === undefined || row.state === null) return false
    if (job.attempts > MAX_ATTEMPTS) throw new Error(`it was taken up ${job.attempts} times`)
    const state = RunState.parse(JSON.parse(row.state))
    // It was checked when it came in.
    const request = withSecrets(state.request as CreateResponseRequest, state.secrets, unseal)
    const settled = settleRequest({ ...request, background: row.background }, false)
    const caller: CallContext = {
      principal,
      requestId: state.caller.requestId,
      providerData: state.caller.providerData as CallContext['providerData'],
      signal: new AbortController().signal,
      ...(state.caller.testId !== undefined && { testId: state.caller.testId }),
    }
    const planned = await openPlan(settled, { birth: { id, createdAtMs: row.createdAtMs }, caller }, plans)
    const events = await repository.events(id, -1)
    const items = toToldItems(events)
    const plan = {
      ...planned,
      inputItems: row.input.map((text) => JSON.parse(text) as Item),
      // What the engine has written is what it reads.
      added: row.messages.map((text) => JSON.parse(text) as (typeof planned.added)[number]),
      restored: { ...state, itemsGiven: Math.max(state.itemsGiven, ...items.map(({ item }) => numberOf(item.id))) },
    }
    log.info('A response that was left is taken up again.', { response: id, turns: state.turns })
    const prepared = prepareRun({ plan, record: {}, told: { items, next: events.length } }, this.#options)
    // Its end is kept; who waits for it reads it there.
    prepared.start().catch(() => undefined)
    return true
  }

  async #fail(id: string, job: Job, error: unknown): Promise<void> {
    const { storage } = this.#options
    const repository = storage.responses({ id: job.owner })
    const row = await repository.find(id)
    if (row === undefined) {
      await storage.jobs.finish(job.id)
      return
    }
    const failure = toFailure(error)
    const body = JSON.stringify({ ...toResponse(row), output: [], status: 'failed', error: failure.error })
    await repository.advance(id, { status: 'failed', body, state: null })
  }
}

/** Puts the credentials back that are kept apart. */
function withSecrets(
  request: CreateResponseRequest,
  sealed: string | null,
  unseal: (sealed: string) => string | undefined,
): CreateResponseRequest {
  const text = sealed === null ? undefined : unseal(sealed)
  if (text === undefined) return request
  const secrets: unknown = JSON.parse(text)
  if (!isRecord(secrets)) return request
  const tools = (request.tools ?? []).map((tool) => {
    const own = tool.type === 'mcp' ? secrets[tool.server_label] : undefined
    return isRecord(own) ? { ...tool, ...own } : tool
  })
  return { ...request, tools }
}
