/** Numbers the events of one response and renders each once, as the JSON text that every reader of it gets. */
import { BEFORE_NUMBER } from '../../../storage/delta-run.ts'
import type { DeltaRun } from '../../../storage/delta-run.ts'
import { toPadding } from './obfuscation.ts'

/** Takes events in their order. */
export interface EventSink {
  /** `json` is the whole event, its `type` and `sequence_number` included. */
  event(json: string): void
  /** Deltas in a row, for who can do with less than each of them. Absent: they come as events. */
  run?(run: DeltaRun): void
}

export interface EventWriterOptions {
  /** The sequence number of the first event. Default: 0. */
  readonly next?: number | undefined
  /** Whether deltas are padded, so that who sees their sizes does not see the lengths of tokens. Default: false. */
  readonly obfuscates?: boolean
}

export class EventWriter {
  #sink: EventSink | undefined
  readonly #obfuscates: boolean
  #next: number

  /** Without a sink nobody listens, and nothing is rendered. */
  constructor(sink: EventSink | undefined, { next = 0, obfuscates = false }: EventWriterOptions = {}) {
    this.#sink = sink
    this.#next = next
    this.#obfuscates = obfuscates
  }

  /** The sequence number of the next event. */
  get next(): number {
    return this.#next
  }

  get isHeard(): boolean {
    return this.#sink !== undefined
  }

  emit(type: string, fields: object): void {
    if (this.#sink === undefined) return
    this.#sink.event(JSON.stringify({ type, sequence_number: this.#take(), ...fields }))
  }

  /**
   * For what is emitted per token: only the value is rendered anew. `head` is the text of {@link toDeltaHead}, `rest` is JSON
   * that follows the value: `,"key":…`.
   */
  delta(head: string, value: string, rest = ''): void {
    this.deltas(head, [value], rest)
  }

  /** The same for values that came together. */
  deltas(head: string, values: readonly string[], rest = ''): void {
    const sink = this.#sink
    if (sink === undefined) return
    if (sink.run === undefined || this.#obfuscates) {
      for (const value of values) {
        const padding = this.#obfuscates ? toPadding(value) : ''
        sink.event(`${head}${JSON.stringify(value)}${BEFORE_NUMBER}${this.#take()}${rest}${padding}}`)
      }
      return
    }
    const first = this.#next
    this.#next += values.length
    sink.run({ head, rest: `${rest}}`, first, values: values.map((value) => JSON.stringify(value)) })
  }

  /** Nothing is told any more, whoever is late: a guard that is still judging, a call that was broken off. */
  end(): void {
    this.#sink = undefined
  }

  #take(): number {
    const taken = this.#next
    this.#next += 1
    return taken
  }
}

/** What stays the same from delta to delta of one part of one item: the JSON text up to the delta's own value. */
export function toDeltaHead(type: string, where: Readonly<Record<string, string | number>>): string {
  return `${JSON.stringify({ type, ...where }).slice(0, -1)},"delta":`
}
