/**
 * Asks providers that nobody uses how they are: few at a time, not all at the same moment, and only where no call told it
 * already.
 */
import type { Clock, Log } from '@llama-stack/api'
import { pause } from '../../kernel/pause.ts'
import { toHealthFailure } from './provider-health.ts'
import type { ProviderHealthBook } from './provider-health.ts'
import type { ProviderHandle } from './provider-handle.ts'

export interface ProviderWatchOptions {
  readonly providers: readonly ProviderHandle[]
  readonly health: ProviderHealthBook
  readonly clock: Clock
  readonly log: Log
  /** From 0 up to 1. */
  readonly random: () => number
  /** A provider that was heard of within this time is not asked. */
  readonly intervalMs: number
}

const PROBES_AT_ONCE = 2
const PROBE_TIMEOUT_MS = 5000

/** The share of the interval that probes are spread over. */
const JITTER = 0.2

export class ProviderWatch implements Disposable {
  readonly #options: ProviderWatchOptions
  readonly #closing = new AbortController()
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> | undefined

  constructor(options: ProviderWatchOptions) {
    this.#options = options
  }

  /** Looks at each interval. Returns at once. */
  start(): void {
    clearInterval(this.#timer)
    this.#timer = setInterval(() => void this.look(), this.#options.intervalMs)
    this.#timer.unref()
  }

  /** Asks those that were silent; one look at a time. Never rejects. */
  look(): Promise<void> {
    const { providers, health, intervalMs } = this.#options
    const silent = providers.filter(
      ({ id, off }) => off === undefined && health.get(id).silentForMs() >= intervalMs * (1 - JITTER),
    )
    this.#looking ??= this.#askAll(silent).finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  async #askAll(silent: ProviderHandle[]): Promise<void> {
    const { intervalMs, random } = this.#options
    const spreadMs = (intervalMs * JITTER * PROBES_AT_ONCE) / Math.max(1, silent.length)
    const askNext = async (): Promise<void> => {
      for (let next = silent.shift(); next !== undefined; next = silent.shift()) {
        await pause(spreadMs * random(), this.#closing.signal)
        if (this.#closing.signal.aborted) return
        await this.#ask(next)
      }
    }
    await Promise.all(Array.from({ length: PROBES_AT_ONCE }, askNext))
  }

  /** A provider that has no question for its health is known by its list and its traffic alone. */
  async #ask(handle: ProviderHandle): Promise<void> {
    const { health, log } = this.#options
    const record = health.get(handle.id)
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(PROBE_TIMEOUT_MS)])
    try {
      const provider = await handle.get()
      const told = await provider.health?.({ requestId: `probe-${handle.id}`, providerData: {}, signal })
      if (told === undefined || told.status === 'Not Implemented') return
      if (told.status === 'OK') record.succeed('probe')
      else {
        const { message = 'it says that it is not well', fix } = told
        record.fail('probe', { message, ...(fix !== undefined && { fix }) })
      }
    } catch (error) {
      if (this.#closing.signal.aborted) return
      record.fail('probe', toHealthFailure(error))
      log.debug('cannot ask a provider for its health', { provider: handle.id })
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    this.#closing.abort()
  }
}
