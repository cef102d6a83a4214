/** One call of the model, its answer written into the output while it comes in. */
import type { CallContext, ChatMessage, RequestRecord } from '@llama-stack/api'
import { readChatStream } from '../chat/read-chat-stream.ts'
import { toChatRequest } from '../chat/to-chat-request.ts'
import type { ItemIds } from '../item-ids-of-response.ts'
import type { Output } from '../output/output.ts'
import type { RunLimits } from '../run-limits.ts'
import { unknownMembers } from '../request/parameter-table.ts'
import type { ToolCaller } from '../tools/server-tool.ts'
import type { ToolKit } from '../tools/tool-kit.ts'
import type { Citable } from '../tools/citable.ts'
import type { RunPlan } from './run-plan.ts'
import type { Guards, RunWorld } from './run-world.ts'
import { joinFilters, toCitationFilter } from './text-filters.ts'
import { TurnWriter } from './turn-writer.ts'

export interface ModelTurn {
  readonly plan: RunPlan
  readonly world: RunWorld
  readonly kit: ToolKit
  /** What this response has added to the history so far. */
  readonly messages: readonly ChatMessage[]
  readonly output: Output
  readonly ids: ItemIds
  readonly limits: RunLimits
  readonly servedTier: string | null | undefined
  readonly guards: Guards | undefined
  /** What tools have found so far. */
  readonly citable: readonly Citable[]
  readonly caller: ToolCaller
  readonly record: RequestRecord
  /** The model has begun to answer. */
  readonly onOpen: (headers: Readonly<Record<string, string>>) => void
}

/** Resolves when the answer is complete and shown. Rejects where the model or a guard fails, or the run is stopped. */
export async function askModel(turn: ModelTurn): Promise<TurnWriter> {
  const { plan, world, kit, output, ids, guards, caller, onOpen } = turn
  // A guard that stops the answer stops the model too.
  const refused = guards === undefined ? undefined : new AbortController()
  const signal = refused === undefined ? caller.signal : AbortSignal.any([caller.signal, refused.signal])
  const newCallId = (): string => world.ids.random('call_')
  const writer = new TurnWriter({
    output,
    ids,
    findTool: (name) => kit.find(name),
    filter: joinFilters(toCitationFilter(turn.citable), guards?.openOutput({ ...plan.caller, signal })),
    seal: plan.settled.include.has('reasoning.encrypted_content') ? (text) => world.seal(text) : undefined,
    onRefused: () => refused?.abort(),
  })
  // Of one turn; the request's own is the sum of them.
  const record: RequestRecord = {}
  try {
    const context: CallContext = { ...plan.caller, signal, record }
    const reply = await world.inference.createChatCompletion({ ...toBody(turn), store: false }, context)
    onOpen(reply.headers ?? {})
    await readChatStream(reply, writer, {
      provider: record.providerId ?? 'inference',
      signal,
      newCallId,
      // Upstream shows thoughts where they stand, in the text.
      inlineThinking: !world.asRecorded,
    })
  } finally {
    addRecord(turn.record, record)
  }
  caller.signal.throwIfAborted()
  await writer.drain()
  writer.endText(
    writer.finishReason === 'length' || writer.finishReason === 'content_filter' ? 'incomplete' : 'completed',
  )
  return writer
}

function toBody({ plan, world, kit, messages, limits, servedTier }: ModelTurn) {
  const { request } = plan.settled
  return toChatRequest({
    model: plan.settled.model,
    settings: request,
    messages: [...plan.system, ...plan.history.messages, ...messages, ...plan.promptMedia],
    // The first turn has been counted when it is asked.
    tools: limits.used.turns <= 1 ? kit.plan.first : kit.plan.later,
    servedTier,
    remainingOutputTokens: limits.remainingOutputTokens,
    extra: unknownMembers(request),
    asRecorded: world.asRecorded,
  })
}

/** Adds what a turn was to what the request log says of the whole. */
function addRecord(sum: RequestRecord, turn: RequestRecord): void {
  const { attempts, inputTokens, outputTokens, totalTokens, firstByteMs, ...rest } = turn
  Object.assign(sum, rest)
  if (attempts !== undefined) (sum.attempts ??= []).push(...attempts)
  if (inputTokens !== undefined) sum.inputTokens = (sum.inputTokens ?? 0) + inputTokens
  if (outputTokens !== undefined) sum.outputTokens = (sum.outputTokens ?? 0) + outputTokens
  if (totalTokens !== undefined) sum.totalTokens = (sum.totalTokens ?? 0) + totalTokens
  if (firstByteMs !== undefined) sum.firstByteMs ??= firstByteMs
}
