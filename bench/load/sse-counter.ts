/** Counts the events of one stream by their `data: ` marks, wherever the reads cut them. */
export type SseCounter = {
  /** Takes the next payload bytes and returns how many events began in them. */
  push(buffer: Buffer, start: number, end: number): number
  /** Events so far, `[DONE]` and a usage chunk included. */
  readonly events: number
  /** Whether the last event is whole and its data begins with this text, of at most `headLength` characters of ASCII. */
  endsWith(text: string): boolean
}

const mark = Buffer.from('data: ')
const blankLine = '\n\n'
/** So much of the data of the last event is kept: enough for the `type` of an event, which comes first. */
const headLength = 48

/** Creates a counter for one stream. */
export function createSseCounter(): SseCounter {
  return new Counter()
}

class Counter implements SseCounter {
  events = 0
  #matched = 0
  readonly #head = Buffer.alloc(headLength)
  #headUsed = headLength
  readonly #tail = Buffer.alloc(blankLine.length)

  endsWith(text: string): boolean {
    return this.#head.toString('latin1', 0, this.#headUsed).startsWith(text) && this.#tail.toString() === blankLine
  }

  push(buffer: Buffer, start: number, end: number): number {
    const before = this.events
    this.#keepTail(buffer, start, end)
    const resumed = this.#continueMatch(buffer, start, end)
    // What looked like a mark and was none is part of the event that an earlier read began.
    this.#keepHead(buffer, this.events > before ? resumed : start, end)
    let at = resumed
    while (at < end) {
      const found = buffer.indexOf(mark, at)
      if (found < 0 || found + mark.length > end) break
      at = found + mark.length
      this.#begin()
      this.#keepHead(buffer, at, end)
    }
    if (this.#matched === 0) this.#matched = matchAtEnd(buffer, at, end)
    return this.events - before
  }

  #begin(): void {
    this.events += 1
    this.#headUsed = 0
  }

  #keepHead(buffer: Buffer, start: number, end: number): void {
    if (this.#headUsed < headLength) this.#headUsed += buffer.copy(this.#head, this.#headUsed, start, end)
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
        this.#begin()
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
