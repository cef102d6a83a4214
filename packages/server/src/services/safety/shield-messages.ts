/** What callers send as text for shields. A part that is no text is refused by name: nothing passes unseen. */
import { StackError } from '@llama-stack/api'
import type { ModerationRequest, ShieldedMessage, ShieldMessage } from '@llama-stack/api'

/** The messages of a run-shield request. Throws `invalid_value`. */
export function toShieldMessages(messages: readonly ShieldedMessage[]): readonly ShieldMessage[] {
  return messages.map(({ role, content }, index) => ({
    role: role === 'developer' ? 'system' : role,
    text: toText(content ?? '', `messages[${index}].content`),
  }))
}

/** The texts of a moderation, each judged by itself. Parts are one text together. Throws `invalid_value`. */
export function toModeratedTexts(input: ModerationRequest['input']): readonly string[] {
  if (typeof input === 'string') return [input]
  const texts = input.filter((each) => typeof each === 'string')
  return texts.length === input.length ? texts : [toText(input, 'input')]
}

type Part = string | { readonly type: string; readonly text?: string | undefined }

function toText(content: Part | readonly Part[], param: string): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return toPartText(content as Exclude<Part, string>, param)
  return content.map((part: Part, index) => toText(part, `${param}[${index}]`)).join('\n')
}

function toPartText({ type, text }: Exclude<Part, string>, param: string): string {
  if (typeof text === 'string') return text
  throw new StackError('invalid_value', {
    param,
    problem: 'shields judge text only, and what they cannot see may not pass',
    value: `a part of type '${type}'`,
    fix: 'Send its text.',
  })
}
