/**
 * Items of the Responses API as chat messages.
 *
 * What upstream's recordings have is kept to the letter: a call sent by a client is a message of its own without `content`,
 * its output follows it wherever it stood in the list, and reasoning goes with the assistant's next message.
 */
import { StackError } from '@llama-stack/api'
import type { ChatMessage } from '@llama-stack/api'
import type { Adjustment } from './adjustment.ts'
import { toToolCall } from './assistant-turn.ts'
import { ChatHistory } from './chat-history.ts'
import { isCallOutput, partsOf } from './chat-item.ts'
import type { CallOutput, ChatItem, MessageItem } from './chat-item.ts'
import { toChatParts } from './content-parts.ts'
import type { Placed } from './placed.ts'
import type { ReferencedFiles } from './referenced-files.ts'
import { toRoleMessage } from './role-messages.ts'
import { FREEFORM_PARAMETER } from './to-chat-tools.ts'
import { toToolMessages } from './tool-messages.ts'

export interface ToChatMessagesOptions {
  /** The files that the items refer to; see `readReferencedFiles`. Default: none. */
  readonly files?: ReferencedFiles
  /** What a compaction item says. Default: its `encrypted_content` as it is. */
  readonly readCompaction?: (encryptedContent: string) => string
  /**
   * The history that a compaction item stands for, where it stands for everything before it. Default: none does, and what
   * it says stands beside the rest.
   */
  readonly readCompactedHistory?: (encryptedContent: string) => readonly ChatMessage[] | undefined
  /** What a reasoning item says that carries nothing readable. Default: nothing. */
  readonly readReasoning?: (encryptedContent: string) => string | undefined
  /**
   * Whether the items were kept: then every text has become a list of one part, and such a list is a text again. Default:
   * false.
   */
  readonly isKept?: boolean
  /**
   * Whether a message of the user is left out that repeats the last one of the history. Upstream does so with items of a
   * list, and its recordings are of that; here it is a question asked twice, unless calls wait for their outputs. Default:
   * false.
   */
  readonly skipsRepeated?: boolean | undefined
}

/** A history with items at its end. */
export interface ConvertedItems {
  readonly history: ChatHistory
  /** The items that a chat has no place for. */
  readonly adjustments: readonly Adjustment[]
  /** Whether the history is no longer the one that the items were put behind: one of them stands for it. */
  readonly beginsAnew: boolean
}

/** Converts items and puts them at the end of a history. What came before is not converted again. */
export function appendItems(
  history: ChatHistory,
  items: readonly Placed<ChatItem>[],
  options: ToChatMessagesOptions = {},
): ConvertedItems {
  const compacted = findCompacted(items, options)
  const before = compacted === undefined ? history : ChatHistory.empty.append(compacted.history)
  const conversion = new Conversion(before, options)
  const messages = conversion.convert(compacted === undefined ? items : compacted.items)
  return { history: before.append(messages), adjustments: conversion.adjustments, beginsAnew: compacted !== undefined }
}

/** The last item that stands for all before it, and the items behind it. */
function findCompacted(
  items: readonly Placed<ChatItem>[],
  { readCompactedHistory: read }: ToChatMessagesOptions,
): { readonly history: readonly ChatMessage[]; readonly items: readonly Placed<ChatItem>[] } | undefined {
  if (read === undefined) return undefined
  for (let index = items.length - 1; index >= 0; index -= 1) {
    const item = items[index]?.value
    const history = item?.type === 'compaction' ? read(item.encrypted_content) : undefined
    if (history !== undefined) return { history, items: items.slice(index + 1) }
  }
  return undefined
}

type ItemOf<Type extends string> = Extract<ChatItem, { type: Type }>
type CallItem = ItemOf<'function_call'> | ItemOf<'custom_tool_call'>

/** One list of items on its way to messages. */
class Conversion {
  readonly #history: ChatHistory
  readonly #options: ToChatMessagesOptions
  readonly #files: ReferencedFiles
  readonly #messages: ChatMessage[] = []
  /** Outputs whose call has not come by yet, by the call's id: some models give every turn's first call the same one. */
  readonly #outputs = new Map<string, Placed<CallOutput>[]>()
  readonly #answered = new Set<string>()
  /** The reasoning that belongs to the assistant's next message. */
  #reasoning: string[] = []
  readonly adjustments: Adjustment[] = []

  constructor(history: ChatHistory, options: ToChatMessagesOptions) {
    this.#history = history
    this.#options = options
    this.#files = options.files ?? new Map()
  }

  convert(items: readonly Placed<ChatItem>[]): readonly ChatMessage[] {
    for (const { value, param } of items) {
      if (!isCallOutput(value)) continue
      const { call_id: callId } = value
      this.#outputs.set(callId, [...(this.#outputs.get(callId) ?? []), { value, param }])
    }
    // Vendors want an output right behind its call, which may be the last that the history has.
    for (const callId of this.#outputs.keys()) if (this.#history.openCalls.includes(callId)) this.#answer(callId)
    for (const item of items) this.#add(item)
    for (const [callId, [first]] of this.#outputs) {
      // An output that was sent twice is one.
      if (first !== undefined && !this.#answered.has(callId)) throw orphan(callId, first.param)
    }
    return this.#messages
  }

  #add({ value: item, param }: Placed<ChatItem>): void {
    switch (item.type) {
      case 'message':
        return this.#message({ value: item, param })
      case undefined:
      case null:
        if (typeof item.role !== 'string') throw unknownReference(item.id, param)
        return this.#message({ value: item, param })
      case 'item_reference':
        throw unknownReference(item.id, param)
      case 'function_call':
        return this.#clientCall(item, item.arguments)
      case 'custom_tool_call':
        return this.#clientCall(item, JSON.stringify({ [FREEFORM_PARAMETER]: item.input }))
      case 'mcp_call':
        return this.#serverCall(item)
      case 'reasoning':
        return this.#reason(item)
      case 'compaction':
        return this.#compaction(item.encrypted_content)
      case 'function_call_output':
      case 'custom_tool_call_output':
      // What the server did: the model was told by other means, or need not know.
      case 'mcp_list_tools':
      case 'web_search_call':
      case 'file_search_call':
      case 'mcp_approval_request':
      case 'mcp_approval_response':
        return undefined
      case 'computer_call':
      case 'computer_call_output':
      case 'image_generation_call':
      case 'code_interpreter_call':
      case 'local_shell_call':
      case 'local_shell_call_output':
      case 'shell_call':
      case 'shell_call_output':
      case 'apply_patch_call':
      case 'apply_patch_call_output':
      case 'tool_search_call':
      case 'tool_search_output':
        return this.#leaveOut(item.type, param)
    }
  }

  #message(item: Placed<MessageItem>): void {
    const message = toRoleMessage(this.#options.isKept === true ? asGiven(item) : item, this.#files)
    if (message.role === 'assistant') {
      this.#messages.push({ ...message, ...this.#takeReasoning() })
      return
    }
    this.#reasoning = []
    if (message.role !== 'user' || !this.#isRepeated(message)) this.#messages.push(message)
  }

  /** Clients that answer a call sometimes send what led to it once more. */
  #isRepeated(message: ChatMessage): boolean {
    const { openCalls, messages } = this.#history
    const maySkip = openCalls.length > 0 || (this.#options.skipsRepeated === true && messages.length > 0)
    return maySkip && JSON.stringify(this.#history.lastUserContent()) === JSON.stringify(message.content)
  }

  #clientCall({ call_id: callId, name }: CallItem, argumentsText: string): void {
    // The history's own turn has it already.
    if (this.#history.openCalls.includes(callId)) return
    this.#call(callId, name, argumentsText)
    this.#answer(callId)
  }

  #serverCall(item: ItemOf<'mcp_call'>): void {
    const { id, name, arguments: argumentsText, output, error } = item
    const callId = id ?? `call_${this.#messages.length}`
    this.#call(callId, name, argumentsText)
    this.#messages.push(...toToolMessages(callId, output ?? error ?? ''))
  }

  #call(id: string, name: string, argumentsText: string): void {
    const call = toToolCall({ index: 0, id, name, arguments: argumentsText })
    this.#messages.push({ role: 'assistant', tool_calls: [call], ...this.#takeReasoning() })
  }

  #answer(callId: string): void {
    const placed = this.#outputs.get(callId)?.shift()
    if (placed === undefined) return
    this.#answered.add(callId)
    const { output } = placed.value
    const told =
      typeof output === 'string' ? output : toChatParts(partsOf(output, `${placed.param}.output`), this.#files)
    this.#messages.push(...toToolMessages(callId, told))
  }

  #reason({ content, summary, encrypted_content: sealed }: ItemOf<'reasoning'>): void {
    const parts = content === undefined || content === null || content.length === 0 ? summary : content
    const said = parts.map(({ text }) => text).join(' ')
    const text = said === '' ? this.#options.readReasoning?.(sealed ?? '') : said
    if (text !== undefined && text !== '') this.#reasoning.push(text)
  }

  #takeReasoning(): { readonly reasoning_content?: string } {
    if (this.#reasoning.length === 0) return {}
    const text = this.#reasoning.join(' ')
    this.#reasoning = []
    return { reasoning_content: text }
  }

  #compaction(sealed: string): void {
    this.#messages.push({ role: 'assistant', content: this.#options.readCompaction?.(sealed) ?? sealed })
  }

  #leaveOut(type: string, param: string): void {
    const reason = `a chat has no place for an item of type ${type}; the model is not told of it`
    this.adjustments.push({ param, kind: 'dropped', reason })
  }
}

/** A kept message as its sender had it: nearly all are one text. */
function asGiven({ value, param }: Placed<MessageItem>): Placed<MessageItem> {
  const [part, ...others] = typeof value.content === 'string' ? [] : value.content
  if (part === undefined || others.length > 0 || (part.type !== 'input_text' && part.type !== 'output_text')) {
    return { value, param }
  }
  // Every role takes a text.
  return { value: { role: value.role, content: part.text } as MessageItem, param }
}

function orphan(callId: string, param: string): StackError {
  return new StackError('invalid_value', {
    param: `${param}.call_id`,
    problem: `No tool call found for function call output with call_id ${callId}`,
    fix: 'Send the call before its output, or continue the response that made it with previous_response_id.',
  })
}

function unknownReference(id: string, param: string): StackError {
  return new StackError('invalid_value', {
    param: `${param}.id`,
    problem: 'no stored item has this id',
    value: `'${id}'`,
    fix: 'Send the item itself.',
  })
}
