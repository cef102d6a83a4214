/** Thought signatures of tool calls by the calls' ids, because most clients send the calls back without them. */

/** A signature is a few hundred bytes, seldom some kilobytes. */
const MAX_CHARACTERS = 16 * 1024 * 1024

/** Keeps the latest signatures, up to a size. */
export class CallSignatures {
  /** The oldest comes first. */
  readonly #signatures = new Map<string, string>()
  #characters = 0

  keep(callId: string, signature: string): void {
    this.#forget(callId)
    this.#signatures.set(callId, signature)
    this.#characters += callId.length + signature.length
    for (const oldest of this.#signatures.keys()) {
      if (this.#characters <= MAX_CHARACTERS) break
      this.#forget(oldest)
    }
  }

  find(callId: string): string | undefined {
    return this.#signatures.get(callId)
  }

  #forget(callId: string): void {
    const signature = this.#signatures.get(callId)
    if (signature === undefined) return
    this.#signatures.delete(callId)
    this.#characters -= callId.length + signature.length
  }
}
