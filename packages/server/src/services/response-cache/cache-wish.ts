/** What a client asks of the response cache: the header `x-llama-stack-cache`. */
import { StackError } from '@llama-stack/api'
import { stackHeaders } from '../../kernel/stack-headers.ts'

export type CacheWish =
  /** An answer that is no older will do, and the one that comes is kept for so long. */
  | { readonly kind: 'use'; readonly seconds: number }
  /** No stored answer will do; the one that comes is kept, for the configured time unless one is given. */
  | { readonly kind: 'refresh'; readonly seconds: number | undefined }
  /** A stored answer will do, and nothing is kept. */
  | { readonly kind: 'no-store' }
  | { readonly kind: 'off' }

/** A year. What is asked for longer is a mistake: of milliseconds, most likely. */
const MAX_SECONDS = 31_536_000

/** Reads the header: `60`, `refresh`, `refresh, 60`, `no-store`, `off`. */
export function parseCacheWish(text: string): CacheWish {
  const words = text
    .toLowerCase()
    .split(',')
    .map((word) => word.trim())
  const [first, second] = words.toSorted((a, b) => Number(isSeconds(a)) - Number(isSeconds(b)))
  if (first === undefined || words.length > 2) throw unreadable(text)
  if (words.length === 1 && (first === 'off' || first === 'no-store')) return { kind: first }
  if (first === 'refresh' && (second === undefined || isSeconds(second)))
    return { kind: 'refresh', seconds: second === undefined ? undefined : parseSeconds(second, text) }
  if (words.length > 1 || !isSeconds(first)) throw unreadable(text)
  const seconds = parseSeconds(first, text)
  return seconds === 0 ? { kind: 'off' } : { kind: 'use', seconds }
}

/** The error for a request that leaves open for how long, where the configuration does so too. */
export function toUndecided(text: string): StackError {
  return new StackError('invalid_value', {
    param: stackHeaders.cache,
    problem: 'no time is configured for this call',
    value: `'${text}'`,
    fix: "Send the seconds too: 'refresh, 3600'.",
  })
}

const isSeconds = (word: string): boolean => /^\d+$/.test(word)

function parseSeconds(word: string, text: string): number {
  const seconds = Number(word)
  if (seconds > MAX_SECONDS) throw unreadable(text)
  return seconds
}

function unreadable(text: string): StackError {
  return new StackError('invalid_value', {
    param: stackHeaders.cache,
    problem: 'it asks for nothing that the cache can do',
    value: `'${text.slice(0, 80)}'`,
    fix: `Send whole seconds up to ${MAX_SECONDS}, 'refresh', 'refresh, <seconds>', 'no-store' or 'off'.`,
  })
}
