/** Items of a request in the form in which they are kept and listed: with an id, a status, and content in parts. */
import { isInputMessage, isItemReference, StackError } from '@llama-stack/api'
import type { InputItem, InputMessage, ItemResource } from '@llama-stack/api'
import type { Ids } from '../../kernel/ids.ts'
import { newItemId, type ItemType } from './item-ids.ts'

/**
 * What an id may consist of that a client gives. Clients send back the items of other servers too, some of which seal what they
 * know in base64 of several hundred letters: so no prefix is asked for, and no short length.
 */
const WELL_FORMED = /^[!-~]{1,1024}$/

/** The item as it is kept; its id is the one that it has, or a fresh one. `param` names it in errors: `items[2]`. */
export function toKeptItem(item: InputItem, param: string, ids: Ids): ItemResource {
  if (isItemReference(item)) throw referenceRefused(item.id, param)
  const id = settleId(item, param, ids)
  // Each branch adds what the kept form requires and the given form may lack.
  if (isInputMessage(item)) return toKeptMessage(item, id) as ItemResource
  return { ...withDefaults(item), id } as ItemResource
}

function settleId(item: Exclude<InputItem, { type: 'item_reference' }>, param: string, ids: Ids): string {
  const { id } = item
  // A message may come without its type.
  if (id === undefined || id === null) return newItemId(ids, (item.type ?? 'message') as ItemType)
  if (WELL_FORMED.test(id)) return id
  throw new StackError('invalid_value', {
    param: `${param}.id`,
    problem: 'an id has 1 to 1024 signs of ASCII, and no spaces',
    value: JSON.stringify(id),
    fix: 'Leave the id out to be given a new one.',
  })
}

function referenceRefused(id: string, param: string): StackError {
  return new StackError('invalid_value', {
    param,
    problem: 'a reference is no item that could be kept',
    value: JSON.stringify(id),
    fix: 'Send the item itself.',
  })
}

function toKeptMessage(item: InputMessage, id: string): object {
  const parts = item.role === 'assistant' ? toAnswerParts(item.content) : toQuestionParts(item.content)
  return { ...item, type: 'message', id, status: item.status ?? 'completed', content: parts }
}

function toQuestionParts(content: Exclude<InputMessage, { role: 'assistant' }>['content']): object[] {
  if (typeof content === 'string') return [{ type: 'input_text', text: content }]
  return content.map((part) => (part.type === 'input_image' ? { ...part, detail: part.detail ?? 'auto' } : part))
}

function toAnswerParts(content: Extract<InputMessage, { role: 'assistant' }>['content']): object[] {
  const parts = typeof content === 'string' ? [{ type: 'input_text' as const, text: content }] : content
  return parts.map((part) => {
    if (part.type === 'refusal') return part
    const { annotations, logprobs } = part.type === 'output_text' ? part : {}
    return { ...part, type: 'output_text', annotations: annotations ?? [], logprobs: logprobs ?? [] }
  })
}

type Given = Exclude<InputItem, InputMessage | { type: 'item_reference' }>

function withDefaults(item: Given): object {
  if (isCallOrOutput(item)) return { ...item, status: item.status ?? 'completed' }
  if (item.type === 'web_search_call') return { ...item, action: item.action ?? { type: 'search', query: '' } }
  if (item.type !== 'reasoning') return item
  const { content, status, ...rest } = item
  return { ...rest, ...(content ? { content } : {}), ...(status ? { status } : {}) }
}

const CALLS = ['function_call', 'function_call_output', 'custom_tool_call', 'custom_tool_call_output'] as const

function isCallOrOutput(item: Given): item is Extract<Given, { type: (typeof CALLS)[number] }> {
  return CALLS.some((type) => type === item.type)
}
