/** Asks a second target when the first is slow; whoever answers first serves the request, the other is called off. */
import type { Attempt } from './attempt.ts'
import type { AnyReply } from './operation.ts'

/** An attempt that answered. */
export interface Served<R> {
  readonly attempt: Attempt
  readonly reply: R
}

/** What a race needs of the run that holds it. */
export interface Race<R> {
  readonly first: Attempt
  /** How long the first may be silent. */
  readonly afterMs: number
  /** The attempt to add; undefined where no other target can be asked. */
  readonly addSecond: () => Attempt | undefined
  readonly start: (attempt: Attempt) => Promise<R>
  /** One attempt failed or was called off while another goes on, or serves. */
  readonly onLost: (attempt: Attempt, error: unknown) => void
}

/** Why a slower attempt was ended. */
export const CALLED_OFF = Object.freeze(new DOMException('Another target answered first.', 'AbortError'))

/** Resolves with the first answer; rejects with the last failure when nobody answers. */
export function holdRace<R extends AnyReply>({
  first,
  afterMs,
  addSecond,
  start,
  onLost,
}: Race<R>): Promise<Served<R>> {
  return new Promise((resolve, reject) => {
    const running = new Set<Attempt>()
    let isOver = false
    const finish = (): void => {
      isOver = true
      clearTimeout(timer)
    }
    const join = (attempt: Attempt): void => {
      running.add(attempt)
      start(attempt).then(
        (reply) => {
          running.delete(attempt)
          if (isOver) return discard(attempt, reply)
          finish()
          for (const loser of running) {
            loser.cancel(CALLED_OFF)
            onLost(loser, CALLED_OFF)
          }
          resolve({ attempt, reply })
        },
        (error: unknown) => {
          running.delete(attempt)
          if (isOver) return
          if (running.size > 0) return onLost(attempt, error)
          finish()
          reject(error as Error)
        },
      )
    }
    const timer = setTimeout(() => {
      const second = addSecond()
      if (second !== undefined) join(second)
    }, afterMs)
    join(first)
  })
}

/** An answer that came although it had been called off. */
function discard(attempt: Attempt, reply: AnyReply): void {
  if (reply.kind === 'stream') reply.stream.cancel()
  attempt.close()
}
