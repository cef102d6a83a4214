/** What keeps the requests of one conversation together, so that they meet the prompt cache of the request before. */
import { asRecord } from '../../kernel/json-record.ts'

/** The members of a request that name its session, the best first. */
const NAMES = ['prompt_cache_key', 'safety_identifier', 'user'] as const

/** The client's own name for the session; else the beginning of the conversation, which all its requests share. */
export function toSessionKey(request: Readonly<Record<string, unknown>>): string {
  for (const name of NAMES) {
    const named = request[name]
    if (typeof named === 'string' && named !== '') return named
  }
  const { messages, prompt, input, query } = request
  const first: unknown = Array.isArray(messages) ? firstSaid(messages) : (prompt ?? input ?? query)
  return typeof first === 'string' ? first : JSON.stringify(first ?? null)
}

/** Instructions are the same for many conversations: the first words of the user tell them apart. */
function firstSaid(messages: readonly unknown[]): unknown {
  return messages.find((message) => asRecord(message)['role'] === 'user') ?? messages[0]
}
