/**
 * One timer for the time limits of all connections of a transport.
 *
 * Time is counted in beats, not read from a clock: a chunk of a stream then costs one assignment, and a process that was
 * stalled does not time out replies that wait in their sockets.
 */

/** How exact the time limits are: they are never early, and late by two beats at most. */
export const BEAT_MS = 250

export interface HeartbeatMember {
  /** Called once per beat. A member may leave while it is called. */
  beat(): void
}

/** Beats while it has members, and never keeps the process alive. */
export class Heartbeat<Member extends HeartbeatMember> {
  readonly #members = new Set<Member>()
  #timer: NodeJS.Timeout | undefined

  get members(): ReadonlySet<Member> {
    return this.#members
  }

  join(member: Member): void {
    this.#members.add(member)
    this.#timer ??= setInterval(() => {
      for (const one of this.#members) one.beat()
    }, BEAT_MS).unref()
  }

  leave(member: Member): void {
    this.#members.delete(member)
    if (this.#members.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}

/** Whether a limit has passed, given the beats since its start. The first beat may have come right after it. */
export function hasPassed(beats: number, limitMs: number): boolean {
  return limitMs > 0 && (beats - 1) * BEAT_MS >= limitMs
}
