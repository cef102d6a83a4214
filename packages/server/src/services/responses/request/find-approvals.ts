/** Calls that somebody was asked to approve: those that a request answers, and those that it passes over. */
import type { ChatMessage } from '@llama-stack/api'
import { StackError } from '@llama-stack/api'
import { asText } from '../../../kernel/json-record.ts'
import { fromToolCalls, toToolCall } from '../chat/assistant-turn.ts'
import type { ChatHistory } from '../chat/chat-history.ts'
import type { ChatItem } from '../chat/chat-item.ts'
import { toToolMessages } from '../chat/tool-messages.ts'
import type { LoadedHistory } from '../history/loaded-history.ts'
import type { Item } from '../output/output.ts'
import type { Approval } from '../run/run-plan.ts'

export interface FoundApproval {
  readonly approval: Approval
  /** The call, where the history does not have it: a client that keeps the conversation itself sends items only. */
  readonly message: readonly ChatMessage[]
}

/** The answers among these items, each with what it is about. Throws `approval_not_found`. */
export function findApprovals(
  items: readonly { readonly item: ChatItem }[],
  loaded: LoadedHistory,
  { openCalls, messages }: ChatHistory,
): FoundApproval[] {
  const taken = new Set<string>()
  return items.flatMap(({ item }): FoundApproval[] => {
    if (item.type !== 'mcp_approval_response') return []
    const requestId = item.approval_request_id
    const own = items.find((each) => each.item.type === 'mcp_approval_request' && each.item.id === requestId)
    const request = (own?.item as Item | undefined) ?? loaded.find(requestId)
    if (request?.type !== 'mcp_approval_request') throw new StackError('approval_not_found', { id: requestId })
    const call = toAskedCall(request)
    const open = toCalls(messages).find(
      (each) => isSame(each, call) && openCalls.includes(each.id) && !taken.has(each.id),
    )
    const callId = open?.id ?? requestId
    taken.add(callId)
    const approval = { requestId, isApproved: item.approve, reason: item.reason ?? undefined, request, callId }
    const told = {
      role: 'assistant' as const,
      content: '',
      tool_calls: [toToolCall({ index: 0, id: callId, ...call })],
    }
    return [{ approval, message: open === undefined ? [told] : [] }]
  })
}

/**
 * What a model is told of calls that wait for an approval while the conversation goes on without it: no vendor takes a call
 * that nobody answered. They can still be approved later.
 */
export function answerPassedOver(
  loaded: LoadedHistory,
  { openCalls }: ChatHistory,
  answered: ReadonlySet<string>,
): readonly ChatMessage[] {
  const waiting = openCalls.filter((id) => !answered.has(id))
  if (waiting.length === 0) return []
  const asked = loaded.approvalRequests().map(toAskedCall)
  return toCalls(loaded.chat.messages)
    .filter((call) => waiting.includes(call.id) && asked.some((each) => isSame(each, call)))
    .flatMap(({ id }) => toToolMessages(id, NOT_APPROVED))
}

const NOT_APPROVED = 'The user has not approved this call, and it was not made.'

interface Call {
  readonly name: string
  readonly arguments: string
}

function toAskedCall(request: Item): Call {
  return { name: asText(request['name']), arguments: asText(request['arguments']) }
}

/** The calls that messages tell of. */
function toCalls(messages: readonly ChatMessage[]): readonly (Call & { readonly id: string })[] {
  return messages.flatMap((message) => (message.role === 'assistant' ? fromToolCalls(message.tool_calls) : []))
}

/** A call and what was asked for it, which may lack the arguments that messages have for none. */
function isSame(call: Call, asked: Call): boolean {
  return call.name === asked.name && call.arguments === toToolCall({ index: 0, id: '', ...asked }).function.arguments
}
