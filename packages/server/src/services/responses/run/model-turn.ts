/** One call of the model, its answer written into the output while it comes in. */
import type { CallContext, ChatCompletionRequest, ChatMessage, RequestRecord } from '@llama-stack/api'
import { readChatStream } from '../chat/read-chat-stream.ts'
import { toChatRequest } from '../chat/to-chat-request.ts'
import type { ItemIds } from '../item-ids-of-response.ts'
import type { Output } from '../output/output.ts'
import type { RunLimits } from '../run-limits.ts'
import { unknownMembers } from '../request/parameter-table.ts'
import type { ToolCaller } from '../tools/server-tool.ts'
import type { ToolKit } from '../tools/tool-kit.ts'
import type { Citable } from '../tools/citable.ts'
import { addRecord } from './request-record.ts'
import type { TurnGuard } from './turn-guard.ts'
import type { RunPlan } from './run-plan.ts'
import type { Guards, RunWorld } from './run-world.ts'
import { createAskAside } from './side-call.ts'
import type { AskAside } from './side-call.ts'
import { joinFilters, toCitationFilter } from './text-filters.ts'
import type { TurnAids } from './turn-aids.ts'
import { TurnWriter } from './turn-writer.ts'

export interface ModelTurn {
  readonly plan: RunPlan
  readonly world: RunWorld
  readonly kit: ToolKit
  /** What came before this response. */
  readonly history: readonly ChatMessage[]
  /** What this response has added to the history so far. */
  readonly messages: readonly ChatMessage[]
  readonly output: Output
  readonly ids: ItemIds
  readonly limits: RunLimits
  readonly servedTier: string | null | undefined
  readonly guards: Guards | undefined
  /** Absent: what passes between the model and its tools is not judged, and neither are its thoughts. */
  readonly turnGuard: TurnGuard | undefined
  /** Undefined: a plain answer is asked for. */
  readonly aids: TurnAids | undefined
  /** What tools have found so far. */
  readonly citable: readonly Citable[]
  readonly caller: ToolCaller
  readonly record: RequestRecord
  /** The model has begun to answer. */
  readonly onOpen: (headers: Readonly<Record<string, string>>) => void
}

/** Resolves when the answer is complete and shown. Rejects where the model or a guard fails, or the run is stopped. */
export async function askModel(turn: ModelTurn): Promise<TurnWriter> {
  const { plan, world, guards, turnGuard, aids, caller, onOpen } = turn
  // A guard that stops the answer stops the model too.
  const refused = guards === undefined ? undefined : new AbortController()
  const signal = refused === undefined ? caller.signal : AbortSignal.any([caller.signal, refused.signal])
  const newCallId = (): string => world.ids.random('call_')
  // Of one turn; the request's own is the sum of them.
  const record: RequestRecord = {}
  const context: CallContext = { ...plan.caller, signal, record }
  const send = (request: ChatCompletionRequest) => world.inference.createChatCompletion(request, context)
  const request: ChatCompletionRequest = toRequest(turn)
  let writer: TurnWriter
  try {
    const reply = await (aids === undefined ? send(request) : aids.send(request, send))
    onOpen(reply.headers ?? {})
    writer = createWriter(turn, { signal, onRefused: () => refused?.abort() })
    const options = {
      provider: record.providerId ?? 'inference',
      signal,
      newCallId,
      // Upstream shows thoughts where they stand, in the text.
      inlineThinking: !world.asRecorded,
    }
    await readChatStream(reply, writer, options).catch((error: unknown) => {
      // An answer that was refused has said enough.
      if (refused?.signal.aborted !== true) throw error
    })
  } finally {
    addRecord(turn.record, record)
  }
  caller.signal.throwIfAborted()
  if (aids !== undefined) {
    await aids.settle(writer, { ask: toAskAside(turn), signal: caller.signal })
  }
  await writer.drain()
  if (turnGuard !== undefined && !writer.isRefused) await writer.judgeCalls((calls) => turnGuard.judgeCalls(calls))
  const status = isIncomplete(writer) ? 'incomplete' : 'completed'
  if (aids?.summary !== undefined) await writer.addSummaries(status)
  writer.endText(status)
  return writer
}

/** What is asked beside a turn goes on when a guard stops its answer. */
function toAskAside({ plan, world, caller, record }: ModelTurn): AskAside {
  return createAskAside({ inference: world.inference, context: { ...plan.caller, signal: caller.signal }, record })
}

function createWriter(
  turn: ModelTurn,
  { signal, onRefused }: { readonly signal: AbortSignal; readonly onRefused: () => void },
): TurnWriter {
  const { plan, world, kit, history, messages, output, ids, guards, turnGuard, aids, citable, caller } = turn
  const { format, summary } = aids ?? NO_AIDS
  return new TurnWriter({
    output,
    ids,
    findTool: (name) => (format?.isAnswer(name) === true ? undefined : kit.find(name)),
    filter: joinFilters(toCitationFilter(citable, [history, messages]), guards?.openOutput({ ...plan.caller, signal })),
    ...(turnGuard !== undefined && {
      openThoughtFilter: () => turnGuard.openThoughts({ ...plan.caller, signal }),
      holdsCalls: true,
    }),
    holdsText: format?.holdsText === true,
    seal: plan.settled.include.has('reasoning.encrypted_content') ? (text) => world.seal(text) : undefined,
    summarise:
      summary === undefined
        ? undefined
        : (thoughts) => summary.write(thoughts, { ask: toAskAside(turn), guards, caller }),
    onRefused,
  })
}

const NO_AIDS: Partial<Pick<TurnAids, 'format' | 'summary'>> = Object.freeze({})

function isIncomplete({ finishReason, faults }: TurnWriter): boolean {
  return finishReason === 'length' || finishReason === 'content_filter' || faults.length > 0
}

/**
 * An answer that nobody reads along with is asked for whole: that costs the server half. Upstream streams always, and its
 * recordings have it so.
 */
function toRequest(turn: ModelTurn): ChatCompletionRequest {
  const body: ChatCompletionRequest = { ...toBody(turn), store: false }
  if (turn.output.events.isHeard || turn.world.asRecorded) return body
  const { stream_options: _options, ...whole } = body
  return { ...whole, stream: false }
}

function toBody({ plan, world, kit, history, messages, limits, servedTier }: ModelTurn): ChatCompletionRequest {
  const { request } = plan.settled
  return toChatRequest({
    model: plan.settled.model,
    settings: request,
    messages: [...plan.system, ...history, ...messages, ...plan.promptMedia],
    // The first turn has been counted when it is asked.
    tools: limits.used.turns <= 1 ? kit.plan.first : kit.plan.later,
    servedTier,
    remainingOutputTokens: limits.remainingOutputTokens,
    extra: unknownMembers(request),
    asRecorded: world.asRecorded,
  })
}
