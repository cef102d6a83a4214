/** Models in memory: loaded at their first use, unloaded when they idle, when another needs the room, and at the end. */
import { isStackError, StackError } from '@llama-stack/api'
import { abortable } from '../../kernel/abortable.ts'
import type { GgufModel } from './_gguf-catalog.ts'

/** Something that is in memory for the sake of one model. */
export type Loaded = AsyncDisposable

export interface LoaderOptions<L extends Loaded> {
  /** Loads a model; the signal is aborted when everything ends. */
  readonly load: (model: GgufModel, signal: AbortSignal) => Promise<L>
  readonly maxLoaded: number
  readonly idleUnloadMs: number
  readonly provider: string
}

/** Disposing waits for what is running; whoever runs has been told to stop by then. */
export interface Loader<L extends Loaded> extends AsyncDisposable {
  /** Runs with a model in memory, which stays there at least as long. */
  use<Result>(model: GgufModel, signal: AbortSignal, run: (loaded: L) => Promise<Result>): Promise<Result>
  /** The ids of the models in memory. */
  readonly loadedIds: readonly string[]
}

interface Entry<L> {
  readonly ready: Promise<L>
  users: number
  /** Set while nobody uses it. */
  idleTimer: NodeJS.Timeout | undefined
}

/** Creates a loader with nothing in memory. */
export function createLoader<L extends Loaded>(options: LoaderOptions<L>): Loader<L> {
  const { load, maxLoaded, idleUnloadMs, provider } = options
  // In the order of their last use.
  const entries = new Map<string, Entry<L>>()
  const closing = new AbortController()
  let unloading: Promise<void> = Promise.resolve()
  let change = Promise.withResolvers<void>()
  const tell = (): void => {
    change.resolve()
    change = Promise.withResolvers()
  }

  const unload = (id: string, entry: Entry<L>): Promise<void> => {
    clearTimeout(entry.idleTimer)
    entries.delete(id)
    const before = unloading
    const unloaded = async (): Promise<void> => {
      await before
      const loaded = await entry.ready.catch(() => undefined)
      await loaded?.[Symbol.asyncDispose]()
      tell()
    }
    unloading = unloaded()
    return unloading
  }

  const release = (id: string, entry: Entry<L>): void => {
    entry.users -= 1
    if (entry.users > 0 || entries.get(id) !== entry) return
    entry.idleTimer = setTimeout(() => void unload(id, entry), idleUnloadMs).unref()
    tell()
  }

  /** Unloads a model that nobody uses, or waits for one to become so. */
  const makeRoom = async (signal: AbortSignal): Promise<void> => {
    const idle = [...entries].find(([, { users }]) => users === 0)
    if (idle === undefined) await abortable(change.promise, signal)
    else void unload(...idle)
  }

  const start = (model: GgufModel): Entry<L> => {
    const ready = unloading
      .then(() => load(model, closing.signal))
      .catch((cause: unknown) => {
        // The next call tries again.
        if (entries.get(model.id)?.ready === ready) entries.delete(model.id)
        tell()
        if (isStackError(cause)) throw cause
        const reason = `model '${model.id}' cannot be loaded: ${cause instanceof Error ? cause.message : String(cause)}`
        throw new StackError('provider_internal', { provider, reason }, { cause })
      })
    return { ready, users: 0, idleTimer: undefined }
  }

  return {
    async use(model, signal, run) {
      signal.throwIfAborted()
      // Others may have come while it was waited for.
      while (!entries.has(model.id) && entries.size >= maxLoaded) await makeRoom(signal)
      if (closing.signal.aborted) throw new StackError('server_shutting_down', {})
      const entry = entries.get(model.id) ?? start(model)
      entries.delete(model.id)
      entries.set(model.id, entry)
      clearTimeout(entry.idleTimer)
      entry.users += 1
      try {
        return await run(await abortable(entry.ready, signal))
      } finally {
        release(model.id, entry)
      }
    },
    get loadedIds() {
      return [...entries.keys()]
    },
    async [Symbol.asyncDispose]() {
      closing.abort(new StackError('server_shutting_down', {}))
      while (entries.size > 0) {
        for (const [id, entry] of entries) {
          if (entry.users === 0) void unload(id, entry)
        }
        if (entries.size > 0) await change.promise
      }
      await unloading
    },
  }
}
