/**
 * Remembers which target made which opaque part of a conversation, so that a conversation goes back there, and so that
 * nobody else is sent what it cannot read.
 */
import { mayBeOpaque, visitOpaque, withoutOpaque } from './opaque-parts.ts'
import type { Said } from './operation.ts'
import { hash32 } from './rendezvous.ts'

/** Who made a part. */
export interface Origin {
  /** Of the target. */
  readonly name: string
  readonly providerId: string
}

/** Of each only a short name and a reference are kept. */
const MAX_PARTS = 20_000

export class OpaqueOrigins {
  /** The oldest comes first. */
  readonly #origins = new Map<string, Origin>()

  /** Notes the opaque parts of something that a target said: a value, JSON, or events whose data is JSON. */
  learn(said: Said, origin: Origin): void {
    if (typeof said !== 'string' && !(said instanceof Uint8Array)) {
      visitOpaque(said, (part) => this.#note(part, origin))
      return
    }
    if (!mayBeOpaque(said)) return
    const text = typeof said === 'string' ? said : Buffer.from(said).toString()
    for (const json of text.startsWith('{') ? [text] : dataOf(text)) {
      visitOpaque(parse(json), (part) => this.#note(part, origin))
    }
  }

  /** Whether a request may hold parts that are known here: a cheap look at its bytes. */
  concerns(body: Uint8Array | undefined): boolean {
    return this.#origins.size > 0 && (body === undefined || mayBeOpaque(body))
  }

  /** Who made the last opaque part of a conversation that is known here. */
  find(messages: unknown): Origin | undefined {
    let last: Origin | undefined
    visitOpaque(messages, (part) => (last = this.#origins.get(toName(part)) ?? last))
    return last
  }

  /** The conversation without the parts that another provider made. */
  fit<Messages>(messages: Messages, providerId: string): Messages {
    return withoutOpaque(messages, (part) => {
      const origin = this.#origins.get(toName(part))
      return origin !== undefined && origin.providerId !== providerId
    })
  }

  #note(part: string, { name, providerId }: Origin): void {
    const key = toName(part)
    this.#origins.delete(key)
    this.#origins.set(key, { name, providerId })
    if (this.#origins.size <= MAX_PARTS) return
    const [oldest] = this.#origins.keys()
    if (oldest !== undefined) this.#origins.delete(oldest)
  }
}

/** The texts themselves are as long as the thoughts that they hide. */
function toName(part: string): string {
  return `${part.length}:${hash32(part)}:${hash32(part.slice(part.length >> 1))}`
}

function dataOf(events: string): string[] {
  return [...events.matchAll(/^data: ?(\{.*)$/gm)].map(([, json = '']) => json)
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    // What is no JSON has no parts.
    return undefined
  }
}
