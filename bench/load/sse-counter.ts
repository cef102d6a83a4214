/** Counts the events of one stream by their `data: ` marks, wherever the reads cut them. */
export type SseCounter = {
  /** Takes the next payload bytes and returns how many events began in them. */
  push(buffer: Buffer, start: number, end: number): number
  /** Events so far, `[DONE]` and a usage chunk included. */
  readonly events: number
  /** Whether the last bytes are the end mark of OpenAI's streams. */
  readonly endedWithDone: boolean
}

const mark = Buffer.from('data: ')
const endMark = Buffer.from('data: [DONE]\n\n')

/** Creates a counter for one stream. */
export function createSseCounter(): SseCounter {
  return new Counter()
}

class Counter implements SseCounter {
  events = 0
  #matched = 0
  readonly #tail = Buffer.alloc(endMark.length)

  get endedWithDone(): boolean {
    return this.#tail.equals(endMark)
  }

  push(buffer: Buffer, start: number, end: number): number {
    const before = this.events
    this.#keepTail(buffer, start, end)
    let at = this.#continueMatch(buffer, start, end)
    while (at < end) {
      const found = buffer.indexOf(mark, at)
      if (found < 0 || found + mark.length > end) break
      this.events += 1
      at = found + mark.length
    }
    if (this.#matched === 0) this.#matched = matchAtEnd(buffer, at, end)
    return this.events - before
  }

  /** Finishes a mark that the previous read began. No prefix of the mark repeats inside it, so no backtracking. */
  #continueMatch(buffer: Buffer, start: number, end: number): number {
    let at = start
    while (this.#matched > 0 && at < end) {
      if (buffer[at] !== mark[this.#matched]) {
        this.#matched = 0
        return at
      }
      this.#matched += 1
      at += 1
      if (this.#matched === mark.length) {
        this.#matched = 0
        this.events += 1
      }
    }
    return at
  }

  #keepTail(buffer: Buffer, start: number, end: number): void {
    const length = Math.min(end - start, this.#tail.length)
    this.#tail.copy(this.#tail, 0, length)
    buffer.copy(this.#tail, this.#tail.length - length, end - length, end)
  }
}

/** Length of the longest beginning of the mark with which the bytes end. */
function matchAtEnd(buffer: Buffer, start: number, end: number): number {
  for (let length = Math.min(mark.length - 1, end - start); length > 0; length -= 1) {
    if (buffer.compare(mark, 0, length, end - length, end) === 0) return length
  }
  return 0
}
