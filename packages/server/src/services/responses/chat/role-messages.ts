/** Message items as chat messages: each role takes its own kinds of parts. */
import { StackError } from '@llama-stack/api'
import type { ChatMessage } from '@llama-stack/api'
import { partsOf } from './chat-item.ts'
import type { MessageItem } from './chat-item.ts'
import { toChatParts } from './content-parts.ts'
import type { AssistantPart, ChatPart, UserPart } from './content-parts.ts'
import type { Placed } from './placed.ts'
import type { ReferencedFiles } from './referenced-files.ts'

type TextPart = Extract<UserPart, { type: 'text' }>

/** A message item as a chat message: texts stay texts, lists become lists of parts. */
export function toRoleMessage(message: Placed<MessageItem>, files: ReferencedFiles): ChatMessage {
  const { role, content } = message.value
  const parts = typeof content === 'string' ? content : toChatParts(partsOf(content, `${message.param}.content`), files)
  switch (role) {
    case 'user':
      return { role, content: typeof parts === 'string' ? parts : parts.map(toUserPart) }
    case 'assistant':
      return { role, content: ofKinds(parts, message, isAssistantPart) }
    case 'system':
    case 'developer':
      return { role, content: ofKinds(parts, message, isTextPart) }
  }
}

/** Parts in a message of the user; a refusal among them is a text. */
export function toUserPart(part: ChatPart): UserPart {
  return part.type === 'refusal' ? { type: 'text', text: part.refusal } : part
}

function ofKinds<Part extends ChatPart>(
  parts: string | readonly ChatPart[],
  message: Placed<MessageItem>,
  isAllowed: (part: ChatPart) => part is Part,
): string | Part[] {
  if (typeof parts === 'string') return parts
  return parts.map((part, index) => {
    if (isAllowed(part)) return part
    throw new StackError('invalid_value', {
      param: `${message.param}.content[${index}].type`,
      problem: `a message of the ${message.value.role} holds texts only`,
      fix: 'Send images and files in a message of the user.',
    })
  })
}

function isTextPart(part: ChatPart): part is TextPart {
  return part.type === 'text'
}

function isAssistantPart(part: ChatPart): part is AssistantPart {
  return part.type === 'text' || part.type === 'refusal'
}
