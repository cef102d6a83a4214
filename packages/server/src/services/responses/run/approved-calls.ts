/** Calls that somebody was asked to approve, once the answers are there: each is made once, or told to be refused. */
import type { ChatMessage } from '@llama-stack/api'
import { StackError } from '@llama-stack/api'
import { asText } from '../../../kernel/json-record.ts'
import type { ResponseRepository } from '../../../storage/agent-state.ts'
import { toToolMessages } from '../chat/tool-messages.ts'
import type { ItemIds } from '../item-ids-of-response.ts'
import type { Item, Output } from '../output/output.ts'
import type { ToolCaller } from '../tools/server-tool.ts'
import type { ToolKit } from '../tools/tool-kit.ts'
import type { TurnGuard } from './turn-guard.ts'
import type { CallLedger } from './call-ledger.ts'
import type { RestoredItem } from './restored-output.ts'
import type { Approval } from './run-plan.ts'
import { runToolRound } from './tool-round.ts'
import type { TurnCall } from './turn-writer.ts'

export interface ApprovedCallsOptions {
  readonly responseId: string
  readonly repository: Pick<ResponseRepository, 'consumeApproval'>
  readonly output: Output
  readonly ids: ItemIds
  readonly kit: ToolKit
  readonly caller: ToolCaller
  readonly ledger: CallLedger
  readonly runsInParallel: boolean
  readonly guard: Pick<TurnGuard, 'judgeOutcome'> | undefined
  /** Called when answers have been taken: from here on the response must not be forgotten. */
  readonly onTaken: () => void
  /** What an earlier process has told of the calls, by the ids of their items. */
  readonly restored: ReadonlyMap<string, RestoredItem>
}

/** Whether the item is of a call that somebody had to approve. */
export function isApprovedCall(item: Item): boolean {
  return item.type === 'mcp_call' && typeof item['approval_request_id'] === 'string'
}

/** Resolves with what the model is told. Throws `approval_used` where every answer was given before. */
export async function runApprovals(
  approvals: readonly Approval[],
  options: ApprovedCallsOptions,
): Promise<readonly ChatMessage[]> {
  const taken: Approval[] = []
  for (const approval of approvals) {
    if (await options.repository.consumeApproval(approval.requestId, options.responseId)) taken.push(approval)
  }
  const late = approvals.filter((approval) => !taken.includes(approval))
  const [first] = late
  if (first !== undefined && taken.length === 0) throw new StackError('approval_used', { id: first.requestId })
  options.onTaken()
  const denied = taken.filter(({ isApproved }) => !isApproved)
  const calls = taken.filter(({ isApproved }) => isApproved).map((approval, index) => toCall(approval, index, options))
  const round = await runToolRound(calls, { ...options, judge: (asked) => asked.map(() => ({ run: true })) })
  return [
    ...late.flatMap(({ callId }) => toToolMessages(callId, ANSWERED_BEFORE)),
    ...denied.flatMap(({ callId, reason }) => toToolMessages(callId, toDenial(reason))),
    ...round.messages,
  ]
}

/** An answer that comes with others which are new. */
const ANSWERED_BEFORE = 'This call was approved or denied in another response, and was not made again.'

function toDenial(reason: string | undefined): string {
  const why = reason === undefined || reason === '' ? '' : ` Their reason: ${reason}`
  return `The user did not approve this call, and it was not made.${why}`
}

/** The call as the model made it, its tool no longer in need of approval. */
function toCall({ request, callId, requestId }: Approval, index: number, options: ApprovedCallsOptions): TurnCall {
  const { kit, ids, restored } = options
  const told = restored.values().find(({ item }) => item['approval_request_id'] === requestId)
  const name = asText(request['name'])
  const known = kit.find(name)
  return {
    index,
    callId,
    name,
    arguments: asText(request['arguments']),
    tool: known?.kind === 'server' ? { kind: 'server', tool: { ...known.tool, needsApproval: false } } : undefined,
    itemId: told?.item.id ?? ids.next('mcp_call'),
    restored: told,
    approvalId: requestId,
    writer: undefined,
  }
}
