/** Finishes the responses that other processes, or earlier ones, have begun and left. */
import { isStackError } from '@llama-stack/api'
import type { CallContext, Clock, CreateResponseRequest, Log } from '@llama-stack/api'
import { asText } from '../../../kernel/json-record.ts'
import type { Job, ResponseRow } from '../../../storage/agent-state.ts'
import type { Storage } from '../../../storage/storage.ts'
import { numberOf } from '../item-ids-of-response.ts'
import type { Item } from '../output/output.ts'
import { ChatHistory } from '../chat/chat-history.ts'
import { toKnownListings } from '../history/known-listings.ts'
import { openPlan } from '../request/open-plan.ts'
import type { PlanWorld } from '../request/open-plan.ts'
import type { SettledRequest } from '../request/settle-request.ts'
import { settleRequest } from '../request/settle-request.ts'
import { endStored } from '../stored/end-stored.ts'
import { RESPONSE_JOB } from '../response-job.ts'
import type { ActiveRuns } from './active-runs.ts'
import { toToldItems } from './restored-output.ts'
import { toFailure } from './run-end.ts'
import type { RunEnd } from './run-end.ts'
import { RunSecrets, RunState } from './run-state.ts'
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

export class ResponseWorker implements AsyncDisposable {
  readonly #options: ResponseWorkerOptions
  #timer: NodeJS.Timeout | undefined
  #isClosed = false
  #isStarted = false
  #looking: Promise<void> = Promise.resolve()

  constructor(options: ResponseWorkerOptions) {
    this.#options = options
  }

  /** Looks now, and from then on again and again. */
  start(): void {
    if (this.#isStarted) return
    this.#isStarted = true
    this.#lookNow()
  }

  /** What is being taken up is running when this resolves. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await this.#looking
  }

  #lookNow(): void {
    this.#looking = this.#look().finally(() => {
      if (!this.#isClosed) this.#timer = setTimeout(() => this.#lookNow(), LOOK_MS).unref()
    })
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
  }

  async #takeUp(job: Job): Promise<void> {
    const { storage, active, log } = this.#options
    const id = asText(job.payload['response_id'])
    // The lease ran out while this process could not renew it, and nobody else was there to take it.
    if (active.has(id)) return
    const repository = storage.responses({ id: job.owner })
    try {
      const row = await repository.find(id)
      if (row === undefined || row.state === null) await storage.jobs.finish(job.id)
      else if (job.attempts > MAX_ATTEMPTS) await endStored(id, toGivenUp(job.attempts - 1), repository)
      else await this.#resume(row, RunState.parse(JSON.parse(row.state)), job.owner)
    } catch (error) {
      log.error('A response could not be taken up again.', { response: id, reason: String(error) })
      // What the store or a mistake in the server has prevented may work the next time that the lease has run out.
      if (isStackError(error) && error.status < 500) await endStored(id, toFailure(error), repository)
    }
  }

  async #resume(row: ResponseRow, state: RunState, owner: string): Promise<void> {
    const { storage, plans, unseal, log, active } = this.#options
    const { id } = row
    const secrets = openSecrets(state.secrets, unseal)
    // It was checked when it came in.
    const request = withCredentials(state.request as CreateResponseRequest, secrets.tools)
    const settled: SettledRequest = {
      ...settleRequest({ ...request, background: row.background }, false),
      // What its connection remembered is in the row itself.
      previousId: row.previousId ?? undefined,
    }
    const caller: CallContext = {
      principal: { id: owner },
      requestId: state.caller.requestId,
      providerData: secrets.providerData as CallContext['providerData'],
      signal: new AbortController().signal,
      ...(state.caller.testId !== undefined && { testId: state.caller.testId }),
      ...(state.caller.generation !== undefined && { generation: state.caller.generation }),
    }
    const planned = await openPlan(settled, { birth: { id, createdAtMs: row.createdAtMs }, caller }, plans)
    const events = await storage.responses(caller.principal).events(id, -1)
    const items = toToldItems(events, row.output)
    const listed = toKnownListings(items.flatMap(({ item, isDone }) => (isDone ? [item] : [])))
    const plan = {
      ...planned,
      ...(row.beginsHistory === true && { history: ChatHistory.empty, beginsHistory: true }),
      inputItems: row.input.map((text) => JSON.parse(text) as Item),
      // What the engine has written is what it reads.
      added: row.messages.map((text) => JSON.parse(text) as (typeof planned.added)[number]),
      listings: new Map([...planned.listings, ...listed]),
      restored: { ...state, itemsGiven: Math.max(state.itemsGiven, ...items.map(({ item }) => numberOf(item.id))) },
    }
    log.info('A response that was left is taken up again.', { response: id, turns: state.limits.turns })
    const prepared = prepareRun({ plan, record: {}, told: { items, next: events.length } }, this.#options)
    active.hold(id)
    // Its end is kept; who waits for it reads it there.
    prepared
      .start()
      .catch((error: unknown) => log.debug('A response goes on elsewhere.', { response: id, reason: String(error) }))
  }
}

function toGivenUp(times: number): RunEnd {
  const message = `The server ended ${times} times while it made this response, so it was not tried again.`
  return { status: 'failed', error: { code: 'server_error', message } }
}

/** What was kept sealed. Where the key is another one by now, the response goes on without it. */
function openSecrets(sealed: string | null, unseal: (sealed: string) => string | undefined): RunSecrets {
  const text = sealed === null ? undefined : unseal(sealed)
  return text === undefined ? NO_SECRETS : RunSecrets.parse(JSON.parse(text))
}

const NO_SECRETS: RunSecrets = Object.freeze({ tools: {}, providerData: {} })

function withCredentials(request: CreateResponseRequest, secrets: RunSecrets['tools']): CreateResponseRequest {
  const { tools } = request
  if (tools === undefined || tools === null) return request
  return {
    ...request,
    tools: tools.map((tool) => (tool.type === 'mcp' ? { ...tool, ...secrets[tool.server_label] } : tool)),
  }
}
