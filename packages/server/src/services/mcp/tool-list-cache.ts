/** The lists of tools that servers gave, each for one server and identity. */
import type { Clock } from '@llama-stack/api'
import type { McpTool } from './mcp-contract.ts'
import type { ToolList } from './mcp-tool-list.ts'

interface Entry {
  /** The last list, which may have ended. */
  tools: readonly McpTool[] | undefined
  untilMs: number
  bytes: number
  fetching: Promise<readonly McpTool[]> | undefined
}

const MAX_ENTRIES = 500
/** Of all lists. Callers choose the servers, and those choose how long their lists are. */
const MAX_BYTES = 64 * 1024 * 1024
/** A server cannot have its list kept for longer. */
const MAX_TTL_MS = 86_400_000

export class ToolListCache {
  readonly #clock: Clock
  /** The least recently used entry comes first. */
  readonly #entries = new Map<string, Entry>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A list that is good now. Those who ask while it is fetched wait for the same one. */
  get(key: string, fetch: () => Promise<ToolList>): Promise<readonly McpTool[]> {
    const entry = this.#touch(key)
    if (entry.tools !== undefined && this.#clock.now() < entry.untilMs) return Promise.resolve(entry.tools)
    entry.fetching ??= this.#fetch(entry, fetch)
    return entry.fetching
  }

  /** The last list, whether it is good or not. */
  findAny(key: string): readonly McpTool[] | undefined {
    return this.#entries.get(key)?.tools
  }

  /** The server says that its tools changed: the next one who asks gets a new list. */
  expire(key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    // What is being fetched may be the old list: whoever waits for it gets it, and nobody after them.
    entry.fetching = undefined
    entry.untilMs = 0
  }

  #fetch(entry: Entry, fetch: () => Promise<ToolList>): Promise<readonly McpTool[]> {
    const fetching = fetch().then(({ tools, ttlMs, bytes }) => {
      if (entry.fetching === fetching) {
        entry.tools = tools
        entry.bytes = bytes
        entry.untilMs = this.#clock.now() + Math.min(ttlMs, MAX_TTL_MS)
        this.#makeRoom()
      }
      return tools
    })
    const settle = (): void => {
      if (entry.fetching === fetching) entry.fetching = undefined
    }
    fetching.then(settle, settle)
    return fetching
  }

  #touch(key: string): Entry {
    const entry = this.#entries.get(key) ?? { tools: undefined, untilMs: 0, bytes: 0, fetching: undefined }
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    this.#makeRoom()
    return entry
  }

  #makeRoom(): void {
    let total = 0
    for (const { bytes } of this.#entries.values()) total += bytes
    for (const [key, { bytes }] of this.#entries) {
      if (this.#entries.size <= MAX_ENTRIES && total <= MAX_BYTES) return
      this.#entries.delete(key)
      total -= bytes
    }
  }
}
