/** What a running response has become so far, and what is kept and told of it. */
import type { ChatMessage, ResponseUsage } from '@llama-stack/api'
import type { ConversationAddition, ResponseProgress } from '../../../storage/agent-state.ts'
import { lazy } from '../../../kernel/lazy.ts'
import type { ItemIds } from '../item-ids-of-response.ts'
import type { Output } from '../output/output.ts'
import { withoutSecrets } from '../request/echo-tools.ts'
import type { RunLimits, RunUsage } from '../run-limits.ts'
import type { RowNow } from './journal.ts'
import { toRefusedInput } from './refused-input.ts'
import type { RunEnd } from './run-end.ts'
import type { RunPlan } from './run-plan.ts'
import type { RunState } from './run-state.ts'
import type { TurnCall } from './turn-writer.ts'

/** Where a response stands, or how it ended. */
export type Standing = { readonly status: RowNow['status'] } | RunEnd

export interface ResponseRecordOptions {
  readonly plan: RunPlan
  readonly output: Output
  readonly ids: ItemIds
  readonly limits: RunLimits
  /** Credentials that the run cannot go on without in another process. Asked for when the run is kept. */
  readonly sealSecrets: () => string | null
}

/** The end of a response, as JSON texts. */
export interface EndTexts {
  /** The whole response. */
  readonly json: string
  readonly row: () => RowNow
  readonly addition: ConversationAddition | undefined
}

export class ResponseRecord {
  readonly #options: ResponseRecordOptions
  /** What came before this response, as far as models are still told it. */
  history: readonly ChatMessage[]
  /** The chat messages that this response adds to its history. */
  readonly messages: ChatMessage[]
  #beginsHistory: boolean
  usage: ResponseUsage | null
  /** Undefined before the first turn, null where the provider did not tell. */
  servedTier: string | null | undefined
  /** Calls that are about to be made, or being made, and what had been used before they were judged. */
  #calls: { readonly pending: readonly TurnCall[]; readonly used: RunUsage } | undefined
  #sealedSecrets: { readonly text: string | null } | undefined

  constructor(options: ResponseRecordOptions) {
    const { added, restored, history, beginsHistory } = options.plan
    this.#options = options
    this.history = history.messages
    this.#beginsHistory = beginsHistory
    this.messages = [...added]
    this.usage = restored?.usage ?? null
    this.servedTier = restored?.servedTier
  }

  /** Takes out of what later responses are told whatever the refused input said. */
  refuseInput(answer: string): void {
    this.messages.splice(0, this.messages.length, ...toRefusedInput(this.messages, answer))
  }

  /** Adds what approved calls gave. Vendors want it right behind the calls: those of the history come before all else. */
  addApproved(answers: readonly ChatMessage[]): void {
    const own = new Set(
      this.messages.flatMap((message) =>
        message.role === 'assistant' ? (message.tool_calls ?? []).map(({ id }) => id) : [],
      ),
    )
    const [before, behind]: [ChatMessage[], ChatMessage[]] = [[], []]
    let to = behind
    for (const answer of answers) {
      // Images follow the answer that they are of.
      if (answer.role === 'tool') to = own.has(answer.tool_call_id) ? behind : before
      to.push(answer)
    }
    this.messages.unshift(...before)
    this.messages.push(...behind)
  }

  /** Calls that are about to be made, or being made. */
  get pendingCalls(): readonly TurnCall[] {
    return this.#calls?.pending ?? []
  }

  beginCalls(pending: readonly TurnCall[]): void {
    this.#calls = { pending, used: this.#options.limits.used }
  }

  endCalls(): void {
    this.#calls = undefined
  }

  /** Goes on with a shorter history, and so does whatever continues this response. */
  beginHistory(compacted: readonly ChatMessage[]): void {
    this.history = []
    this.#beginsHistory = true
    this.messages.splice(0, this.messages.length, ...compacted)
  }

  /** The response object; `completedAtMs` where it is complete. */
  snapshot(standing: Standing, completedAtMs?: number): object {
    const { plan, output } = this.#options
    return {
      ...plan.frame,
      service_tier: this.servedTier ?? plan.frame.service_tier,
      status: standing.status,
      completed_at: completedAtMs === undefined ? null : Math.floor(completedAtMs / 1000),
      error: 'error' in standing ? standing.error : null,
      incomplete_details: 'reason' in standing ? { reason: standing.reason } : null,
      usage: this.usage,
      output: output.items,
    }
  }

  /** The row of a response that goes on. */
  row(status: RowNow['status']): RowNow {
    return {
      ...this.#origin(toTexts(this.#options.plan.inputItems)),
      ...this.progress(),
      status,
      body: this.#body({ status }),
    }
  }

  /** What has changed since the row was written. */
  progress(): Required<Pick<ResponseProgress, 'output' | 'messages' | 'beginsHistory' | 'state'>> {
    return {
      output: this.#outputTexts(),
      ...this.#told(),
      state: JSON.stringify(this.#state()),
    }
  }

  /** The row of a response that has ended, and the response itself. Nothing is rendered twice. */
  finish(end: RunEnd, nowMs: number): EndTexts {
    const body = this.#body(end, end.status === 'completed' ? nowMs : undefined)
    const output = this.#outputTexts()
    const input = lazy(() => toTexts(this.#options.plan.inputItems))
    const row = (): RowNow => ({
      ...this.#origin(input()),
      status: end.status,
      body,
      output,
      ...this.#told(),
      state: null,
    })
    // `output` is the last member.
    const json = `${body.slice(0, -EMPTY_OUTPUT.length)}[${output.join(',')}]}`
    return { json, row, addition: this.#addition(input, output) }
  }

  /** The response as JSON text, its output left out. */
  #body(standing: Standing, completedAtMs?: number): string {
    return JSON.stringify({ ...this.snapshot(standing, completedAtMs), output: [] })
  }

  /** What later responses tell their models of this one. */
  #told(): Pick<RowNow, 'messages'> & { readonly beginsHistory: boolean } {
    if (!this.#standsAlone) return { messages: toTexts(this.messages), beginsHistory: this.#beginsHistory }
    return { messages: toTexts([...this.history, ...this.messages]), beginsHistory: true }
  }

  /** Whether the row has nothing before it that later responses find. */
  get #standsAlone(): boolean {
    const { isHistoryUnkept = false, settled } = this.#options.plan
    return isHistoryUnkept && settled.isStored
  }

  #outputTexts(): string[] {
    return toTexts(this.#options.output.items)
  }

  /** What a row says from its beginning. */
  #origin(input: readonly string[]): Omit<RowNow, 'body' | 'messages' | 'output' | 'state' | 'status'> {
    const { frame, settled } = this.#options.plan
    return {
      createdAtMs: frame.created_at * 1000,
      model: settled.model,
      background: settled.isBackground,
      previousId: this.#standsAlone ? null : (settled.previousId ?? null),
      conversationId: settled.conversationId ?? null,
      input,
    }
  }

  #state(): RunState {
    const { plan, limits, ids, sealSecrets } = this.#options
    const { requestId, testId, generation } = plan.caller
    this.#sealedSecrets ??= { text: sealSecrets() }
    return {
      request: withoutSecrets(plan.settled.request),
      secrets: this.#sealedSecrets.text,
      // Whoever goes on with the calls judges them again.
      limits: this.#calls?.used ?? limits.used,
      usage: this.usage,
      ...(this.servedTier !== undefined && { servedTier: this.servedTier }),
      itemsGiven: ids.given,
      pendingCalls: this.pendingCalls.map(({ index, callId, name, arguments: text, itemId, objection }) => ({
        index,
        callId,
        name,
        arguments: text,
        itemId,
        ...(objection !== undefined && { objection }),
      })),
      caller: {
        requestId,
        ...(testId !== undefined && { testId }),
        ...(generation !== undefined && { generation }),
      },
    }
  }

  /** What the conversation gets: the items of the request that it does not have yet, and the output. */
  #addition(input: () => readonly string[], output: readonly string[]): ConversationAddition | undefined {
    const { frame, settled, inputItems, isReference } = this.#options.plan
    const { conversationId } = settled
    if (conversationId === undefined) return undefined
    const texts = [...input(), ...output]
    const items = [...inputItems, ...this.#options.output.items].map(({ id }, index) => ({
      id,
      item: texts[index] ?? '',
      responseId: frame.id,
    }))
    return { conversationId, items: items.filter((_, index) => isReference[index] !== true) }
  }
}

const EMPTY_OUTPUT = '[]}'

function toTexts(objects: readonly object[]): string[] {
  return objects.map((object) => JSON.stringify(object))
}
