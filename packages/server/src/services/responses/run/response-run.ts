/**
 * One response on its way: turns of the model and the calls between them, until there is nothing more to do.
 *
 * The run holds no socket and knows no client: it writes its output, keeps a journal, and ends.
 */
import type { ChatMessage, RequestRecord } from '@llama-stack/api'
import { isStackError, StackError } from '@llama-stack/api'
import type { NewJob, ResponseRepository } from '../../../storage/agent-state.ts'
import { asText } from '../../../kernel/json-record.ts'
import { toAssistantMessage } from '../chat/assistant-turn.ts'
import { toToolMessages } from '../chat/tool-messages.ts'
import { createItemIds } from '../item-ids-of-response.ts'
import type { ItemIds } from '../item-ids-of-response.ts'
import { EventWriter } from '../output/event-writer.ts'
import { MessageWriter } from '../output/message-writer.ts'
import { Output } from '../output/output.ts'
import { addWholeItem } from '../output/whole-item.ts'
import { DEFAULT_MAX_TURNS, RunLimits } from '../run-limits.ts'
import type { Citable } from '../tools/citable.ts'
import { createToolKit } from '../tools/tool-kit.ts'
import type { ToolKit } from '../tools/tool-kit.ts'
import type { ToolCaller } from '../tools/server-tool.ts'
import { isApprovedCall, runApprovals } from './approved-calls.ts'
import { toTurnGuard } from './turn-guard.ts'
import type { TurnGuard } from './turn-guard.ts'
import { CallLedger } from './call-ledger.ts'
import type { Journal, RowNow } from './journal.ts'
import type { HistoryCompaction } from './history-compaction.ts'
import { askModel } from './model-turn.ts'
import { openTurnAids, wantsAids } from './turn-aids.ts'
import type { TurnAids } from './turn-aids.ts'
import { BROKEN_OFF, CANCELLED, DISOWNED, END_EVENTS, SUSPENDED, toFailure } from './run-end.ts'
import type { RunEnd } from './run-end.ts'
import { restoreOutput } from './restored-output.ts'
import type { RestoredItem, ToldItem } from './restored-output.ts'
import { ResponseRecord } from './response-record.ts'
import type { RunPlan } from './run-plan.ts'
import type { GuardedText, Guards, RunWorld } from './run-world.ts'
import { createAskAside } from './side-call.ts'
import { runToolRound } from './tool-round.ts'
import type { RoundResult } from './tool-round.ts'
import type { TurnCall, TurnWriter } from './turn-writer.ts'
import { addUsage } from './usage.ts'

export interface RunOptions {
  readonly plan: RunPlan
  readonly world: RunWorld
  readonly journal: Journal
  readonly repository: ResponseRepository
  /** Whether anybody will read events. */
  readonly isHeard: boolean
  /** The number of the first event. */
  readonly firstSequence?: number
  /** Becomes part of the request log. */
  readonly record: RequestRecord
  /** Credentials that the run cannot go on without in another process. Asked for when the run is kept. */
  readonly sealSecrets: () => string | null
  /** The items that an earlier process told of. */
  readonly told?: readonly ToldItem[]
}

/** A response that has ended, as JSON text. */
export interface EndedResponse {
  readonly status: RunEnd['status']
  readonly json: string
}

export class ResponseRun {
  readonly id: string
  readonly plan: RunPlan
  /** Resolves when the model has begun to answer, with the headers of its reply; rejects where it never did. */
  readonly opened: Promise<Readonly<Record<string, string>>>
  readonly #opening = Promise.withResolvers<Readonly<Record<string, string>>>()
  readonly #options: RunOptions
  readonly #controller = new AbortController()
  readonly #events: EventWriter
  readonly #output: Output
  readonly #ids: ItemIds
  readonly #limits: RunLimits
  readonly #ledger: CallLedger
  readonly #record: ResponseRecord
  #isOpen = false
  /** Items that an earlier process told of. */
  #restored: ReadonlyMap<string, RestoredItem> = new Map()
  #guards: Guards | undefined
  #turnGuard: TurnGuard | undefined
  #aids: TurnAids | undefined
  readonly #citable: Citable[] = []

  constructor(options: RunOptions) {
    const { plan, world, journal, repository, isHeard, firstSequence } = options
    const { restored, settled } = plan
    this.id = plan.frame.id
    this.plan = plan
    this.#options = options
    this.opened = this.#opening.promise
    // Whoever waits for the end hears of a failure too.
    this.opened.catch(() => undefined)
    this.#events = new EventWriter(isHeard ? journal : undefined, {
      next: firstSequence,
      obfuscates: settled.request.stream_options?.include_obfuscation === true,
    })
    this.#output = new Output(this.#events)
    this.#ids = createItemIds(plan.frame.id, restored?.itemsGiven ?? plan.inputItems.length)
    this.#ledger = new CallLedger({ responseId: this.id, repository, isKept: () => journal.isDurable })
    const { request } = settled
    this.#limits = new RunLimits(
      {
        maxTurns: Math.min(request.max_infer_iters ?? DEFAULT_MAX_TURNS, world.maxTurns),
        maxToolCalls: request.max_tool_calls ?? undefined,
        maxOutputTokens: request.max_output_tokens ?? undefined,
        maxWallTimeMs: world.maxWallTimeMs,
      },
      world.clock,
      restored?.limits,
    )
    this.#record = new ResponseRecord({
      plan,
      output: this.#output,
      ids: this.#ids,
      limits: this.#limits,
      sealSecrets: options.sealSecrets,
    })
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Stops the run; `reason` is one of {@link CANCELLED}, {@link SUSPENDED}, {@link DISOWNED}, or an error. */
  stop(reason: unknown): void {
    this.#controller.abort(reason)
  }

  /** Waits for the calls of tools that are under way. */
  callsSettled(): Promise<void> {
    return this.#ledger.settled()
  }

  /** Keeps the response from now on while it runs, so that it goes on if this process ends. False where its end is being written. */
  async persist(job: NewJob): Promise<boolean> {
    const { journal } = this.#options
    const persisting = journal.persist(this.row(), job)
    if (!journal.isDurable) return persisting
    // In the same transaction: both are in the hands of the store before anything is waited for.
    const [isKept] = await Promise.all([persisting, this.#ledger.keepUnderWay()])
    return isKept
  }

  /** Runs to the end. Rejects where the model never began to answer a client that waits, or where the run is to go on elsewhere. */
  async run(): Promise<EndedResponse> {
    const deadline = this.#startDeadline()
    try {
      return await this.#runToEnd()
    } catch (error) {
      this.#events.end()
      // Whoever asked waits for the head of the reply: the failure is the reply.
      this.#opening.reject(error)
      await this.#options.journal.abandon(isStackError(error) ? error : undefined)
      throw error
    } finally {
      clearTimeout(deadline)
    }
  }

  async #runToEnd(): Promise<EndedResponse> {
    try {
      this.#announce()
      return await this.#finish(await this.#work())
    } catch (thrown) {
      return await this.#break(thrown)
    }
  }

  /** The row of the response as it is now. */
  row(status: RowNow['status'] = 'in_progress'): RowNow {
    return this.#record.row(status)
  }

  #announce(): void {
    // An earlier process may have told.
    if (this.#events.next > 0 || !this.#events.isHeard) return
    const status = this.plan.settled.isBackground ? 'queued' : 'in_progress'
    this.#events.emit('response.created', { response: this.#record.snapshot({ status }) })
    if (status === 'queued') this.#events.emit('response.queued', { response: this.#record.snapshot({ status }) })
    this.#events.emit('response.in_progress', { response: this.#record.snapshot({ status: 'in_progress' }) })
  }

  async #work(): Promise<RunEnd> {
    const { plan, world } = this.#options
    if (!plan.settled.isAnswered) {
      this.#open({})
      return { status: 'completed' }
    }
    const refusal = await this.#guardInput()
    if (refusal !== undefined) return this.#refuse(refusal)
    const pending = this.#restore()
    const kit = await createToolKit({
      settled: plan.settled,
      sources: world.sources,
      caller: this.#caller(),
      output: this.#output,
      ids: this.#ids,
      known: plan.listings,
    })
    if (wantsAids(plan.settled.request)) {
      const isHeard = this.#events.isHeard
      this.#aids = await openTurnAids({ plan, world, kit, isHeard, context: this.#caller() })
    }
    // A stream that has told of tools does not wait for the model.
    if (this.#events.isHeard && this.#output.items.length > 0) this.#open({})
    if (pending.length > 0) {
      const calls = pending.map((call): TurnCall => ({ ...call, tool: kit.find(call.name) }))
      this.#record.beginCalls(calls)
      const round = await this.#makeCalls(calls, kit)
      if (round.isHandedOver) return { status: 'completed' }
    } else if (this.#limits.used.turns === 0 && plan.approvals.length > 0) {
      this.#record.addApproved(await this.#makeApproved(kit))
    }
    return this.#loop(kit)
  }

  /** Takes in what an earlier process told; the calls that it left to be made. */
  #restore(): readonly Omit<TurnCall, 'tool'>[] {
    const { plan, told = [] } = this.#options
    const pending = plan.restored?.pendingCalls ?? []
    // Calls that were approved come before the first turn, and are not pending yet.
    const approved = told.filter(({ item }) => isApprovedCall(item)).map(({ item }) => ({ itemId: item.id }))
    this.#restored = restoreOutput(told, this.#output, this.#limits.used.turns === 0 ? approved : pending)
    return pending.map((call) => ({ ...call, writer: undefined, restored: this.#restored.get(call.itemId) }))
  }

  async #loop(kit: ToolKit): Promise<RunEnd> {
    for (;;) {
      const limit = this.#limits.beginTurn()
      if (limit !== undefined) return { status: 'incomplete', reason: limit }
      if (this.#aids?.compaction !== undefined) await this.#compact(this.#aids.compaction)
      const turn = await this.#turn(kit)
      const stopped = endOfTurn(turn)
      if (stopped !== undefined) return stopped
      if (turn.calls.length === 0) return { status: 'completed' }
      this.#record.beginCalls(turn.calls)
      await this.#options.journal.checkpoint(() => ({ status: 'in_progress', ...this.#record.progress() }))
      const round = await this.#makeCalls(turn.calls, kit)
      if (round.isHandedOver) return { status: 'completed' }
    }
  }

  async #compact(compaction: HistoryCompaction): Promise<void> {
    const { world, journal, record } = this.#options
    const ask = createAskAside({ inference: world.inference, context: this.#caller(), record })
    const compacted = await compaction.compact([...this.#record.history, ...this.#record.messages], ask)
    if (compacted === undefined) return
    addWholeItem(this.#output, { ...compacted.item, id: this.#ids.next('compaction') })
    this.#record.beginHistory(compacted.history)
    this.#record.usage = addUsage(this.#record.usage, compacted.usage)
    // A stream that has told of it does not wait for the model.
    if (this.#events.isHeard) this.#open({})
    await journal.checkpoint(() => this.#record.progress())
  }

  async #turn(kit: ToolKit): Promise<TurnWriter> {
    const turn = await askModel({
      plan: this.plan,
      world: this.#options.world,
      kit,
      history: this.#record.history,
      messages: this.#record.messages,
      output: this.#output,
      ids: this.#ids,
      limits: this.#limits,
      servedTier: this.#record.servedTier,
      guards: this.#guards,
      turnGuard: this.#turnGuard,
      aids: this.#aids,
      citable: this.#citable,
      caller: this.#caller(),
      record: this.#options.record,
      onOpen: (headers) => this.#open(headers),
    })
    this.#record.usage = addUsage(addUsage(this.#record.usage, turn.tokens), turn.tokensBeside)
    this.#limits.addOutputTokens(turn.tokens?.output_tokens ?? 0)
    this.#record.servedTier = turn.servedTier
    // Calls that will not be made would wait for their outputs for ever.
    const calls = endOfTurn(turn) === undefined ? turn.calls : []
    const { text, ...said } = turn.said
    this.#record.messages.push(
      toAssistantMessage({
        // Upstream's recordings have no text beside calls.
        text: this.#options.world.asRecorded && calls.length > 0 ? '' : text,
        ...said,
        calls: calls.map(({ callId: id, ...call }) => ({ ...call, id })),
      }),
    )
    return turn
  }

  async #makeCalls(calls: readonly TurnCall[], kit: ToolKit): Promise<RoundResult> {
    const { plan, journal } = this.#options
    const round = await runToolRound(calls, {
      output: this.#output,
      kit,
      caller: this.#caller(),
      ledger: this.#ledger,
      judge: (asked) => this.#limits.judgeCalls(asked),
      runsInParallel: plan.settled.runsInParallel,
      guard: this.#turnGuard,
    })
    this.#record.messages.push(...round.messages)
    this.#citable.push(...round.outcomes.flatMap(({ citable }) => citable ?? []))
    this.#record.endCalls()
    await journal.checkpoint(() => this.#record.progress())
    return round
  }

  #makeApproved(kit: ToolKit): Promise<readonly ChatMessage[]> {
    const { plan, repository } = this.#options
    return runApprovals(plan.approvals, {
      responseId: this.id,
      repository,
      output: this.#output,
      ids: this.#ids,
      kit,
      caller: this.#caller(),
      ledger: this.#ledger,
      runsInParallel: plan.settled.runsInParallel,
      guard: this.#turnGuard,
      // A failure of the model is now one of the response: what was approved cannot be approved again.
      onTaken: () => this.#open({}),
      restored: this.#restored,
    })
  }

  async #guardInput(): Promise<string | undefined> {
    const { plan, world } = this.#options
    const shields = (plan.settled.request.guardrails ?? []).map((each) => (typeof each === 'string' ? each : each.type))
    if (shields.length === 0) return undefined
    this.#guards = await world.openGuards(shields, plan.caller)
    // Upstream asks its shields of questions and answers only.
    if (!world.asRecorded) this.#turnGuard = toTurnGuard(this.#guards, { ...plan.caller, signal: this.signal })
    if (plan.restored !== undefined) return undefined
    const texts = plan.added.flatMap((message): GuardedText[] => {
      const text = textOf(message)
      return text === '' ? [] : [{ role: roleOf(message), text }]
    })
    // A client may have kept the calls that it approves.
    for (const { request } of plan.approvals) texts.push({ role: 'assistant', text: asText(request['arguments']) })
    return this.#guards.checkInput(texts, { ...plan.caller, signal: this.signal })
  }

  /** What is said in place of an answer that may not be given. */
  #refuse(text: string): RunEnd {
    this.#open({})
    this.#record.refuseInput(text)
    const message = new MessageWriter(this.#output, this.#ids.next('message'))
    message.addRefusal(text)
    message.close('completed')
    return { status: 'completed' }
  }

  #caller(): ToolCaller {
    return { ...this.plan.caller, signal: this.signal }
  }

  #open(headers: Readonly<Record<string, string>>): void {
    this.#isOpen = true
    this.#opening.resolve(headers)
  }

  #startDeadline(): NodeJS.Timeout | undefined {
    const { remainingMs } = this.#limits
    return remainingMs === undefined ? undefined : setTimeout(() => this.stop(DEADLINE), remainingMs)
  }

  async #break(thrown: unknown): Promise<EndedResponse> {
    const { journal, world, plan } = this.#options
    const reason: unknown = this.signal.aborted ? this.signal.reason : thrown
    // How it goes on is told elsewhere.
    if (reason === SUSPENDED || reason === DISOWNED) throw new StackError('server_shutting_down', {})
    if (reason === CANCELLED) return this.#finish({ status: 'cancelled' })
    if (reason === DEADLINE) return this.#finish({ status: 'incomplete', reason: 'deadline' })
    if (!this.#isOpen && !journal.isDurable) throw thrown
    if (!isStackError(thrown)) {
      const stack = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)
      world.log.error('A response failed because of a mistake in the server.', {
        requestId: plan.caller.requestId,
        response: this.id,
        stack,
      })
    }
    return this.#finish(toFailure(thrown))
  }

  async #finish(end: RunEnd): Promise<EndedResponse> {
    const { journal, world } = this.#options
    this.#output.abandonOpen()
    this.#record.messages.push(...toBrokenOff(this.#record.pendingCalls))
    const { made } = this.plan.settled.adjustments
    if (made.length > 0) this.#options.record.adjustments = [...made]
    const { json, row, addition } = this.#record.finish(end, world.clock.now())
    const last = this.#events.isHeard
      ? `{"type":"${END_EVENTS[end.status]}","sequence_number":${this.#events.next},"response":${json}}`
      : undefined
    this.#events.end()
    await journal.finish(row, last, addition)
    this.#open({})
    return { status: end.status, json }
  }
}

/** The time of the run is used up. */
const DEADLINE = Symbol('the time of the run is used up')

/** Whether a turn ends the response whatever it called. */
function endOfTurn(turn: TurnWriter): RunEnd | undefined {
  if (turn.isRefused) return { status: 'completed' }
  if (turn.finishReason === 'length') return { status: 'incomplete', reason: 'max_output_tokens' }
  if (turn.finishReason === 'content_filter') return { status: 'incomplete', reason: 'content_filter' }
  if (turn.faults.length > 0) return { status: 'incomplete', reason: 'invalid_format' }
  return undefined
}

/** Calls that were not made to their end would wait for their outputs for ever. Those of the client may still get theirs. */
function toBrokenOff(calls: readonly TurnCall[]): ChatMessage[] {
  return calls.flatMap(({ callId, tool }) => {
    const isOwn = tool === undefined || (tool.kind === 'server' && !tool.tool.needsApproval)
    return isOwn ? toToolMessages(callId, BROKEN_OFF) : []
  })
}

function textOf({ content }: ChatMessage): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return content.map((part) => ('text' in part && typeof part.text === 'string' ? part.text : '')).join('\n')
}

function roleOf({ role }: ChatMessage): 'user' | 'assistant' | 'tool' | 'system' {
  if (role === 'user' || role === 'assistant' || role === 'tool') return role
  return role === 'function' ? 'tool' : 'system'
}
