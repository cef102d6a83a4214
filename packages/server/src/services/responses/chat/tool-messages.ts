/** The outputs of tools as chat messages. */
import type { ChatMessage } from '@llama-stack/api'
import type { ChatPart } from './content-parts.ts'

type ImagePart = Extract<ChatPart, { type: 'image_url' }>
type ReadablePart = Exclude<ChatPart, ImagePart>

/**
 * The messages that answer a call. Those of tools hold texts only: images follow in a message of the user, where models that
 * see can see them.
 */
export function toToolMessages(callId: string, output: string | readonly ChatPart[]): ChatMessage[] {
  if (typeof output === 'string') return [{ role: 'tool', tool_call_id: callId, content: output }]
  const texts: { type: 'text'; text: string }[] = []
  const images: ImagePart[] = []
  for (const part of output) {
    if (part.type === 'image_url') images.push(part)
    else texts.push({ type: 'text', text: textOf(part) })
  }
  if (texts.length === 0 && images.length > 0) texts.push({ type: 'text', text: '[image]' })
  const answer: ChatMessage = { role: 'tool', tool_call_id: callId, content: texts.length === 0 ? '' : texts }
  return images.length === 0 ? [answer] : [answer, { role: 'user', content: images }]
}

function textOf(part: ReadablePart): string {
  if (part.type === 'text') return part.text
  if (part.type === 'refusal') return part.refusal
  const data = part.file.file_data ?? ''
  return decodeText(data) ?? data
}

const TEXT_DATA_URL = /^data:text\/[^,]*;base64,/

/** A text file is of more use as its text than as base64. */
function decodeText(dataUrl: string): string | undefined {
  const [head] = TEXT_DATA_URL.exec(dataUrl) ?? []
  if (head === undefined) return undefined
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(dataUrl.slice(head.length), 'base64'))
  } catch {
    // It says that it is text and is not: the model gets what came.
    return undefined
  }
}
