/** Chat messages as responses have kept them. */
import type { ChatMessage } from '@llama-stack/api'

/** What the engine has written is what it reads. One long text is parsed faster than many short ones. */
export function parseMessages(texts: readonly string[]): readonly ChatMessage[] {
  return JSON.parse(`[${texts.join(',')}]`) as readonly ChatMessage[]
}
