/**
 * What the agent engine keeps: responses with their events and tool calls, conversations, prompts, and the jobs that finish
 * what was begun.
 *
 * Items are JSON texts: they are stored as they were rendered and parsed by whoever needs their members. A response keeps the
 * items that it added, never those of the responses before it, so that storage grows with what was said.
 */
import type { JsonObject } from '@llama-stack/api'
import type { ToldEvents } from './delta-run.ts'
import type { ResponseStatus } from './response-status.ts'
import type { ListOrder, Page } from './storage.ts'

/** A response as it is kept. */
export interface ResponseRow {
  readonly id: string
  readonly createdAtMs: number
  readonly model: string
  readonly status: ResponseStatus
  readonly background: boolean
  readonly previousId: string | null
  readonly conversationId: string | null
  /** JSON texts of the items that this response's request added, in their order, each with its id. */
  readonly input: readonly string[]
  /** JSON texts of the items of its output so far. */
  readonly output: readonly string[]
  /**
   * JSON texts of the chat messages that this response added to its history, as models were told them: a follow-up begins with
   * the very bytes that its predecessor ended with, so that vendors' prompt caches hit.
   */
  readonly messages: readonly string[]
  /** Whether they stand for all that came before this response, too: it was compacted. Default: false. */
  readonly beginsHistory?: boolean
  /** JSON text of the response object, with an empty `output`. */
  readonly body: string
  /** JSON text of what the engine has to know to go on with an open response; null once it has ended. */
  readonly state: string | null
}

/** A response as part of what a later one continues: its items and its messages, without all that is told of it. */
export type ChainRow = Pick<
  ResponseRow,
  'id' | 'status' | 'previousId' | 'input' | 'output' | 'messages' | 'beginsHistory'
>

/** A further state of an open response. What is absent stays as it is. */
export interface ResponseProgress {
  readonly status?: ResponseStatus
  readonly output?: readonly string[]
  readonly messages?: readonly string[]
  /** Once true, it stays so. */
  readonly beginsHistory?: boolean
  readonly body?: string
  readonly state?: string | null
}

/**
 * Items for the end of a conversation. One that it has already is not added again, and nothing is added where the
 * conversation was deleted in the meantime.
 */
export interface ConversationAddition {
  readonly conversationId: string
  readonly items: readonly NewConversationItem[]
}

export interface NewConversationItem {
  readonly id: string
  /** JSON text, with the id. */
  readonly item: string
  /** The response that it came with. Default: none, it was added by itself. */
  readonly responseId?: string | undefined
}

/** An item as a conversation has it. */
export interface ConversationItemRow {
  readonly id: string
  readonly item: string
  readonly responseId: string | null
}

/** A run of consecutive events of one response. */
export interface EventSegment {
  readonly firstSequence: number
  readonly lastSequence: number
  /** In their order. How they are packed is the store's business. */
  readonly events: readonly ToldEvents[]
}

/** What is known of a tool call that must not be made twice. */
export type ToolCallClaim =
  /** Nobody has made it: the claimer makes it now. */
  | { readonly kind: 'claimed' }
  /** It was begun and its outcome is not known: whoever made it is gone. */
  | { readonly kind: 'begun' }
  /** It was made; its outcome as JSON text. */
  | { readonly kind: 'done'; readonly outcome: string }

export interface ResponseQuery {
  readonly after?: string | undefined
  readonly limit: number
  readonly order: ListOrder
  readonly model?: string | undefined
}

/** The responses of one owner. */
export interface ResponseRepository {
  /**
   * Stores a response, whatever its status; resolves after the commit. In the same transaction: its items go to the end of
   * its conversation, its events are kept, and an open one becomes a job, held by `worker`.
   */
  insert(
    row: ResponseRow,
    also?: {
      readonly addition?: ConversationAddition | undefined
      readonly events?: EventSegment | undefined
      readonly job?: NewJob | undefined
    },
  ): Promise<void>
  /**
   * Writes progress of an open response, and events that came with it, in one transaction. False, and nothing is written,
   * when the response has ended in the meantime (it was cancelled) or is gone, when events of the same numbers are kept
   * already, or when its job is not held by `worker`: another one has it by now. With a status that is no open one, its job is
   * done and its items go to the end of its conversation.
   */
  advance(
    id: string,
    progress: ResponseProgress,
    also?: {
      readonly addition?: ConversationAddition | undefined
      readonly events?: EventSegment | undefined
      /** Who writes. Absent: somebody who need not hold its job. */
      readonly worker?: string | undefined
    },
  ): Promise<boolean>
  find(id: string): Promise<ResponseRow | undefined>
  /** Those of these responses that are there, in no order. */
  findMany(ids: readonly string[]): Promise<readonly ChainRow[]>
  /** Whether all of these different responses are there. */
  hasAll(ids: readonly string[]): Promise<boolean>
  /** The response and those before it, oldest first. Undefined where one of them is gone. */
  chain(id: string): Promise<readonly ChainRow[] | undefined>
  /** Newest or oldest first; an unknown `after` is refused with `invalid_value`. */
  list(query: ResponseQuery): Promise<Page<ResponseRow>>
  /** Deletes it with its events and tool calls; it is gone from every chain. False when there is no such row. */
  delete(id: string): Promise<boolean>
  /** The kept events after this sequence number, in order; -1 for all. */
  events(id: string, afterSequence: number): Promise<readonly string[]>
  /**
   * Notes the intent to make a call, durably, before it is made; of equal claims one only is told `claimed`. Refused with
   * `response_not_found` where the response was not stored, or is deleted by now.
   */
  claimCall(id: string, callId: string): Promise<ToolCallClaim>
  /** Keeps the outcome (JSON text). Refused as {@link claimCall} is. */
  settleCall(id: string, callId: string, outcome: string): Promise<void>
  /**
   * Uses up an approval request for a response: true the first time, and again for the same response, which may have been
   * interrupted; false for any other.
   */
  consumeApproval(approvalRequestId: string, responseId: string): Promise<boolean>
}

/** A conversation. */
export interface ConversationRow {
  readonly id: string
  readonly createdAtMs: number
  readonly metadata: Readonly<Record<string, string>>
}

export interface ConversationItemQuery {
  /** An unknown one is refused with `invalid_value`. */
  readonly after?: string | undefined
  /** Absent: all. */
  readonly limit?: number | undefined
  readonly order: ListOrder
}

/** The conversations of one owner. Items have a place of their own, so that equal times do not shuffle them. */
export interface ConversationRepository {
  insert(row: ConversationRow, items: readonly NewConversationItem[]): Promise<void>
  find(id: string): Promise<ConversationRow | undefined>
  /** False when there is no such row. */
  updateMetadata(id: string, metadata: Readonly<Record<string, string>>): Promise<boolean>
  /** Deletes it with its items. */
  delete(id: string): Promise<boolean>
  /** False when there is no such conversation; an item id that it already has is refused with `invalid_value`. */
  addItems(id: string, items: readonly NewConversationItem[]): Promise<boolean>
  listItems(id: string, query: ConversationItemQuery): Promise<Page<ConversationItemRow>>
  findItem(id: string, itemId: string): Promise<string | undefined>
  deleteItem(id: string, itemId: string): Promise<boolean>
}

/** One version of a prompt. */
export interface PromptRow {
  readonly id: string
  readonly version: number
  readonly prompt: string
  readonly variables: readonly string[]
  readonly isDefault: boolean
  readonly createdAtMs: number
}

/** The prompts of one owner. */
export interface PromptRepository {
  insert(row: PromptRow): Promise<void>
  /** Absent version: the default one. */
  find(id: string, version?: number): Promise<PromptRow | undefined>
  /** The default version of each prompt, newest prompt first. */
  listDefaults(): Promise<readonly PromptRow[]>
  /** Oldest first. */
  listVersions(id: string): Promise<readonly PromptRow[]>
  /**
   * Adds the version after the latest one, if `expectedLatest` is that. Resolves with the latest version otherwise, and
   * undefined where the prompt is not there.
   */
  addVersion(
    row: Omit<PromptRow, 'version'>,
    expectedLatest: number,
  ): Promise<{ readonly added: boolean; readonly version: number } | undefined>
  setDefault(id: string, version: number): Promise<boolean>
  delete(id: string): Promise<boolean>
}

/** Work that has to be finished even if who began it dies. */
export interface NewJob {
  readonly id: string
  /** What kind of work: `response`. */
  readonly kind: string
  readonly payload: JsonObject
  /** Who has it from the start. Absent: whoever claims it first. */
  readonly worker?: string | undefined
  readonly leaseMs: number
}

export interface Job {
  readonly id: string
  readonly kind: string
  readonly owner: string
  readonly payload: JsonObject
  /** How often it was claimed, this time included. */
  readonly attempts: number
}

/** The queue of the whole server: workers serve every owner, and act as the owner of what they serve. */
export interface JobQueue {
  /** Whether there is any job of a kind, waiting or held: whoever works on such jobs need not be loaded before. */
  hasAny(kind: string): boolean
  /** Takes the oldest job of a kind whose lease has run out or that nobody has. */
  claim(kind: string, lease: { readonly worker: string; readonly leaseMs: number }): Promise<Job | undefined>
  /** False when another worker has it by now, or it is done. */
  renew(id: string, lease: { readonly worker: string; readonly leaseMs: number }): Promise<boolean>
  /** Ends the lease, so that another worker can take it at once. The claim does not count: nobody has died of the job. */
  release(id: string, worker: string): Promise<void>
  finish(id: string): Promise<void>
}
