/** The responses of one connection that are kept nowhere else: whoever made them may continue them there. */
import type { ChainRow, ResponseRepository } from '../../storage/agent-state.ts'
import type { Storage } from '../../storage/storage.ts'
import { toChainRow } from './history/chain-row.ts'

/** Where what a request continues is looked up. */
type HistoryStorage = Pick<Storage, 'responses' | 'conversations' | 'prompts'>

/** A response, and those before it that are not in the store either. */
interface Remembered {
  readonly row: ChainRow
  readonly before: Remembered | undefined
  /** Of its texts. */
  readonly length: number
}

/** As many as a WebSocket has lanes: each goes on from its latest. */
const MAX_REMEMBERED = 16
/** Of the texts of all of them together. */
const MAX_LENGTH = 64 * 1024 * 1024

/** Gone with its connection. It keeps the latest responses, with what each of them stands on. */
export class ConnectionMemory {
  /** By their ids, oldest first. */
  readonly #latest = new Map<string, Remembered>()

  has(id: string): boolean {
    return this.#latest.has(id)
  }

  /** Keeps a response that has ended and is not stored. */
  keep(row: ChainRow): void {
    const { id, previousId, input, output, messages } = row
    const texts = [...input, ...output, ...messages]
    const length = texts.reduce((sum, text) => sum + text.length, OVERHEAD)
    const before = previousId === null ? undefined : this.#latest.get(previousId)
    this.#latest.set(id, { row: toChainRow(row), before, length })
    this.#trim()
  }

  /** The store, with chains that lead through this memory. */
  over(storage: HistoryStorage): HistoryStorage {
    return {
      conversations: (principal) => storage.conversations(principal),
      prompts: (principal) => storage.prompts(principal),
      responses: (principal) => {
        const repository = storage.responses(principal)
        return { ...repository, chain: (id) => this.#chain(id, repository) }
      },
    }
  }

  async #chain(id: string, repository: ResponseRepository): Promise<readonly ChainRow[] | undefined> {
    const rows: ChainRow[] = []
    for (let at = this.#latest.get(id); at !== undefined; at = at.before) rows.unshift(at.row)
    const earlier = rows[0] === undefined ? id : rows[0].previousId
    if (earlier === null) return rows
    const stored = await repository.chain(earlier)
    return stored === undefined ? undefined : [...stored, ...rows]
  }

  #trim(): void {
    const counted = new Set<Remembered>()
    let length = 0
    for (const latest of [...this.#latest.values()].reverse()) {
      // Where one is counted, those before it are.
      for (let at: Remembered | undefined = latest; at !== undefined && !counted.has(at); at = at.before) {
        counted.add(at)
        length += at.length
      }
      if (length > MAX_LENGTH) this.#latest.delete(latest.row.id)
    }
    for (const id of this.#latest.keys()) {
      if (this.#latest.size <= MAX_REMEMBERED) break
      this.#latest.delete(id)
    }
  }
}

/** What a response without texts takes, about. */
const OVERHEAD = 1024
