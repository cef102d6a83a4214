/**
 * The chains that were read or lengthened last. Whoever continues a response mostly continues the one that it has just been
 * given: its chain is not read and parsed again, however long it has become.
 */
import type { Principal } from '@llama-stack/api'
import type { ChainRow, ResponseRepository } from '../../../storage/agent-state.ts'
import type { ChainHistory } from './chain-history.ts'

interface Recent {
  readonly chain: ChainHistory
  readonly length: number
}

/** About how many characters of texts are held, those that chains share counted for each. */
const MAX_LENGTH = 16 * 1024 * 1024
/** What a place in the lists of a chain takes, about. */
const PLACE = 32

export class RecentChains {
  /** By owner and the last response; the one that was used last is at the end. */
  readonly #chains = new Map<string, Recent>()
  #length = 0

  /** The chain that ends with the response, as far as it is known and none of it was deleted meanwhile. */
  async find(
    id: string,
    principal: Principal,
    repository: Pick<ResponseRepository, 'hasAll'>,
  ): Promise<ChainHistory | undefined> {
    const key = toKey(principal, id)
    const recent = this.#chains.get(key)
    if (recent === undefined) return undefined
    const { chain } = recent
    const isWhole = await repository.hasAll(chain.rows.map((row) => row.id))
    this.#forget(key)
    if (isWhole) this.#hold(key, recent)
    return isWhole ? chain : undefined
  }

  /** Holds a chain of responses that have ended and are stored. */
  keep(chain: ChainHistory, principal: Principal): void {
    const last = chain.rows.at(-1)
    if (last === undefined) return
    const key = toKey(principal, last.id)
    const places = (chain.rows.length + chain.chat.messages.length) * PLACE
    this.#forget(key)
    this.#hold(key, { chain, length: chain.rows.reduce((sum, row) => sum + lengthOf(row), places) })
  }

  /** Holds the chain of a response that has ended and is stored, where the one that it continues is held. */
  lengthen(row: ChainRow, principal: Principal): void {
    const { previousId } = row
    const before = previousId === null ? undefined : this.#chains.get(toKey(principal, previousId))?.chain
    if (before !== undefined) this.keep(before.after(row), principal)
  }

  #hold(key: string, recent: Recent): void {
    this.#chains.set(key, recent)
    this.#length += recent.length
    for (const oldest of this.#chains.keys()) {
      if (this.#length <= MAX_LENGTH) return
      this.#forget(oldest)
    }
  }

  #forget(key: string): void {
    const recent = this.#chains.get(key)
    if (recent === undefined) return
    this.#chains.delete(key)
    this.#length -= recent.length
  }
}

function toKey({ id: owner }: Principal, responseId: string): string {
  return `${responseId} ${owner}`
}

function lengthOf({ input, output, messages }: ChainRow): number {
  return [input, output, messages].reduce((sum, texts) => texts.reduce((all, text) => all + text.length, sum), 0)
}
