/** A response that is about to run, or to run on: everything that was looked up. */
import type { CallContext, ChatMessage } from '@llama-stack/api'
import type { ChatHistory } from '../chat/chat-history.ts'
import type { Item } from '../output/output.ts'
import type { SettledRequest } from '../request/settle-request.ts'
import type { KnownListings } from '../tools/tool-sources.ts'
import type { ResponseFrame } from './response-object.ts'
import type { RunState } from './run-state.ts'

/** Who asked, without the request that has gone by when the run ends. */
export type RunCaller = Pick<
  CallContext,
  'principal' | 'requestId' | 'providerData' | 'testId' | 'generation' | 'cacheControl'
>

/** A call that somebody was asked to approve, and the answer. */
export interface Approval {
  readonly requestId: string
  readonly isApproved: boolean
  readonly reason?: string | undefined
  /** The item that asked. */
  readonly request: Item
  /** The call's own id, as the model was told. */
  readonly callId: string
}

export interface RunPlan {
  readonly settled: SettledRequest
  readonly frame: ResponseFrame
  readonly caller: RunCaller
  /** System messages: they come first, and no later response is told of them. */
  readonly system: readonly ChatMessage[]
  /** What came before this response. */
  readonly history: ChatHistory
  /** Whether what is added stands for all that came before, which the history lacks then. */
  readonly beginsHistory: boolean
  /** Whether what came before is kept nowhere: a response that is stored has to keep it, too. Default: false. */
  readonly isHistoryUnkept?: boolean
  /** The chat messages of this response's own input. */
  readonly added: readonly ChatMessage[]
  /** A message with the media of a prompt: it comes last. */
  readonly promptMedia: readonly ChatMessage[]
  /** The items of this response's own input, with ids. */
  readonly inputItems: readonly Item[]
  /** Which of them stand for items that are kept already. */
  readonly isReference: readonly boolean[]
  readonly approvals: readonly Approval[]
  readonly listings: KnownListings
  /** What an earlier process had done. Absent: the run begins. */
  readonly restored?: RunState | undefined
}
