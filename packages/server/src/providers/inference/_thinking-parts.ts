/** Content that a vendor sends as a list of parts, turned into OpenAI's plain fields. */
import { isRecord } from '../../kernel/json-record.ts'

/**
 * Replaces `content: [{type: thinking, thinking: […]}, {type: text, text}]` by the text in `content` and the thoughts in
 * `reasoning_content`, in completions and in chunks. Mistral's reasoning models send it so.
 */
export function fromThinkingParts(reply: Record<string, unknown>): Record<string, unknown> {
  const choices = reply['choices']
  if (!Array.isArray(choices) || !choices.some(hasParts)) return reply
  return { ...reply, choices: choices.map((choice: unknown) => (hasParts(choice) ? flatten(choice) : choice)) }
}

function spoken(choice: Record<string, unknown>): Record<string, unknown> | undefined {
  const said = choice['delta'] ?? choice['message']
  return isRecord(said) ? said : undefined
}

function hasParts(choice: unknown): choice is Record<string, unknown> {
  return isRecord(choice) && Array.isArray(spoken(choice)?.['content'])
}

function flatten(choice: Record<string, unknown>): Record<string, unknown> {
  const said = spoken(choice)
  const parts = said?.['content']
  if (!Array.isArray(parts)) return choice
  let content = ''
  let reasoning = ''
  for (const part of parts) {
    if (!isRecord(part)) continue
    if (part['type'] === 'thinking') reasoning += textOf(part['thinking'])
    else content += textOf(part['text'])
  }
  const flat = { ...said, content, ...(reasoning === '' ? {} : { reasoning_content: reasoning }) }
  return { ...choice, ['delta' in choice ? 'delta' : 'message']: flat }
}

function textOf(of: unknown): string {
  if (typeof of === 'string') return of
  if (!Array.isArray(of)) return ''
  return of.map((part: unknown) => (isRecord(part) ? textOf(part['text']) : '')).join('')
}
