/** The items that chat messages are made of, and the parts within them. */
import type {
  AssistantContent,
  InputContent,
  InputItem,
  InputMessage,
  ItemResource,
  KeptMessage,
  OutputItem,
  OutputMessage,
  ToolOutput,
} from '@llama-stack/api'
import { placeAll } from './placed.ts'
import type { Placed } from './placed.ts'

/** An item of a request or one that was kept. */
export type ChatItem = InputItem | ItemResource | OutputItem

/** A message, sent by a client or kept. */
export type MessageItem = InputMessage | KeptMessage | OutputMessage

/** What a client gives back for a call. */
export type CallOutput = Extract<ChatItem, { type: 'function_call_output' | 'custom_tool_call_output' }>

/** A part of a message or of a tool's output. */
export type ItemPart = InputContent | AssistantContent

/** The items of a request's `input`, with their places. */
export function placedItems(input: string | readonly ChatItem[], param = 'input'): Placed<ChatItem>[] {
  if (typeof input === 'string') return [{ value: { role: 'user', content: input }, param }]
  return placeAll(input, param)
}

/** The parts of a message's content or of an output; none where it is a text. */
export function partsOf(content: string | readonly ItemPart[] | ToolOutput, param: string): Placed<ItemPart>[] {
  return typeof content === 'string' ? [] : placeAll<ItemPart>(content, param)
}

/** Whether an item is what a client gives back for a call. */
export function isCallOutput(item: ChatItem): item is CallOutput {
  return item.type === 'function_call_output' || item.type === 'custom_tool_call_output'
}

/** Whether an item is a message: its type says so, or is absent beside a role. */
export function isMessage(item: ChatItem): item is MessageItem {
  return item.type === 'message' || (item.type === undefined && typeof item.role === 'string')
}
