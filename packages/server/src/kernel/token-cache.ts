/**
 * Short-lived tokens that are bought with long-lived credentials: kept per credential, one purchase at a time for each,
 * and replaced ahead of their end so that no request waits for one.
 */
import { StackError } from '@llama-stack/api'
import type { Clock, UpstreamResponse } from '@llama-stack/api'

/** A token and the end of its life. */
export interface Token<Value> {
  readonly value: Value
  /** Milliseconds since the epoch, on the server's own clock. */
  readonly expiresAtMs: number
}

/** What a cache needs. */
export interface TokenCacheOptions<Value> {
  /** Named in errors. */
  readonly provider: string
  readonly clock: Clock
  /**
   * Buys the token of a key. Several requests wait for one purchase, so it must not end with one of them: it obeys the
   * stack's signal and a timeout of its own.
   */
  readonly load: (key: string) => Promise<Token<Value>>
  /** The least recently used token beyond this is forgotten. Default: 1,000. */
  readonly maxEntries?: number
  /** How long before its end a token is replaced; never more than a fifth of its life. Default: 300,000 ms. */
  readonly refreshAheadMs?: number
}

const MAX_ENTRIES = 1000
const REFRESH_AHEAD_MS = 300_000
/** A token this close to its end may be over when it arrives. */
const EXPIRY_MARGIN_MS = 10_000
/** How long a failed replacement rests, and how long a vendor that refuses every token is not bothered for new ones. */
const REST_MS = 10_000

interface Entry<Value> {
  held: Held<Value> | undefined
  loading: Promise<Value> | undefined
  refusedAtMs: number
}

interface Held<Value> {
  readonly value: Value
  refreshAtMs: number
  readonly usableUntilMs: number
}

/** Tokens by the credential that buys them. A failed purchase is told to all who wait for it and is not remembered. */
export class TokenCache<Value = string> {
  readonly #options: TokenCacheOptions<Value>
  /** The least recently used entry comes first. */
  readonly #entries = new Map<string, Entry<Value>>()

  constructor(options: TokenCacheOptions<Value>) {
    this.#options = options
  }

  /** A token that is good for a call now. The signal ends this waiting, not the purchase. */
  get(key: string, signal?: AbortSignal): Promise<Value> {
    const entry = this.#find(key)
    const { held } = entry
    const nowMs = this.#options.clock.now()
    if (held === undefined || nowMs >= held.usableUntilMs) {
      return unlessAborted(entry.loading ?? this.#load(key, entry), { signal, provider: this.#options.provider })
    }
    if (nowMs >= held.refreshAtMs && entry.loading === undefined) {
      // The old token serves until the new one is there; without one it serves to its end.
      this.#load(key, entry).catch(() => {
        held.refreshAtMs = this.#options.clock.now() + REST_MS
      })
    }
    return Promise.resolve(held.value)
  }

  /**
   * Forgets a token that the vendor refuses. Says whether another try is worth while: it is not where the token before
   * was refused a moment ago too, because then the token is not what is wrong.
   */
  drop(key: string, value: Value): boolean {
    const entry = this.#entries.get(key)
    if (entry?.held?.value !== value) return true
    const nowMs = this.#options.clock.now()
    if (nowMs - entry.refusedAtMs < REST_MS) return false
    entry.refusedAtMs = nowMs
    entry.held = undefined
    return true
  }

  #find(key: string): Entry<Value> {
    const known = this.#entries.get(key)
    if (known !== undefined) {
      this.#entries.delete(key)
      this.#entries.set(key, known)
      return known
    }
    const entry: Entry<Value> = { held: undefined, loading: undefined, refusedAtMs: Number.NEGATIVE_INFINITY }
    this.#entries.set(key, entry)
    if (this.#entries.size > (this.#options.maxEntries ?? MAX_ENTRIES)) {
      const [oldest] = this.#entries.keys()
      if (oldest !== undefined) this.#entries.delete(oldest)
    }
    return entry
  }

  #load(key: string, entry: Entry<Value>): Promise<Value> {
    const { clock, load, refreshAheadMs = REFRESH_AHEAD_MS } = this.#options
    const buy = async (): Promise<Value> => {
      try {
        const { value, expiresAtMs } = await load(key)
        const lifeMs = expiresAtMs - clock.now()
        entry.held = {
          value,
          refreshAtMs: expiresAtMs - Math.min(refreshAheadMs, lifeMs / 5),
          usableUntilMs: expiresAtMs - Math.min(EXPIRY_MARGIN_MS, lifeMs / 10),
        }
        return value
      } catch (error) {
        // Wrong keys of callers must not push out the tokens of right ones.
        if (entry.held === undefined && this.#entries.get(key) === entry) this.#entries.delete(key)
        throw error
      } finally {
        entry.loading = undefined
      }
    }
    entry.loading = buy()
    return entry.loading
  }
}

interface Waiting {
  readonly signal: AbortSignal | undefined
  readonly provider: string
}

function unlessAborted<Value>(of: Promise<Value>, { signal, provider }: Waiting): Promise<Value> {
  if (signal === undefined) return of
  return new Promise((resolve, reject) => {
    const leave = (): void => reject(new StackError('provider_stream_broken', { provider, reason: 'the caller left' }))
    if (signal.aborted) leave()
    signal.addEventListener('abort', leave)
    of.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave))
  })
}

/** One call that needs a token. */
export interface TokenCall<Value> {
  readonly key: string
  readonly signal?: AbortSignal
  readonly send: (value: Value) => Promise<UpstreamResponse>
}

/** Sends with a token; where the vendor answers 401, the token was revoked or went stale: once more with a new one. */
export async function sendWithToken<Value>(
  tokens: TokenCache<Value>,
  { key, signal, send }: TokenCall<Value>,
): Promise<UpstreamResponse> {
  const value = await tokens.get(key, signal)
  const response = await send(value)
  if (response.status !== 401 || !tokens.drop(key, value)) return response
  response.body.cancel()
  return send(await tokens.get(key, signal))
}
