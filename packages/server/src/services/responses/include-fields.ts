/** What an item shows only to who asks for it, by the names of OpenAI's `include`. */
import type { ItemResource, ResponseInclude } from '@llama-stack/api'

type Fields = Readonly<Record<string, unknown>>

/** Where an item has what a name of `include` stands for. */
interface HiddenField {
  readonly include: ResponseInclude
  readonly type: ItemResource['type']
  /** Takes it out; gives back the very item where it has none. */
  readonly hide: (item: Fields) => Fields
}

const HIDDEN_FIELDS: readonly HiddenField[] = Object.freeze([
  { include: 'file_search_call.results', type: 'file_search_call', hide: (item) => without(item, 'results') },
  { include: 'web_search_call.results', type: 'web_search_call', hide: (item) => without(item, 'results') },
  {
    include: 'web_search_call.action.sources',
    type: 'web_search_call',
    hide: (item) => withMember(item, 'action', (action) => without(action, 'sources')),
  },
  { include: 'reasoning.encrypted_content', type: 'reasoning', hide: (item) => without(item, 'encrypted_content') },
  { include: 'code_interpreter_call.outputs', type: 'code_interpreter_call', hide: (item) => without(item, 'outputs') },
  {
    include: 'computer_call_output.output.image_url',
    type: 'computer_call_output',
    hide: (item) => withMember(item, 'output', (output) => without(output, 'image_url')),
  },
  {
    include: 'message.input_image.image_url',
    type: 'message',
    hide: (item) => withParts(item, 'input_image', (part) => without(part, 'image_url')),
  },
  {
    include: 'message.output_text.logprobs',
    type: 'message',
    // Open Responses requires the member.
    hide: (item) =>
      withParts(item, 'output_text', (part) => (isEmpty(part['logprobs']) ? part : { ...part, logprobs: [] })),
  },
] satisfies HiddenField[])

/** The item without what was not asked for. */
export function withIncluded<Item extends ItemResource>(item: Item, include: readonly ResponseInclude[]): Item {
  let shown: Fields = item
  for (const field of HIDDEN_FIELDS) {
    if (field.type === item.type && !include.includes(field.include)) shown = field.hide(shown)
  }
  // Only members that the schema lets be absent are gone.
  return shown as Item
}

function without(fields: Fields, key: string): Fields {
  if (!(key in fields)) return fields
  const { [key]: _, ...rest } = fields
  return rest
}

function withMember(item: Fields, key: string, hide: (member: Fields) => Fields): Fields {
  const member = item[key]
  if (!isFields(member)) return item
  const shown = hide(member)
  return shown === member ? item : { ...item, [key]: shown }
}

function withParts(item: Fields, type: string, hide: (part: Fields) => Fields): Fields {
  const { content } = item
  if (!Array.isArray(content)) return item
  const shown = content.map((part: unknown) => (isFields(part) && part['type'] === type ? hide(part) : part))
  return shown.every((part, index) => part === content[index]) ? item : { ...item, content: shown }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null
}

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0
}
