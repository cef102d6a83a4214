/** A failure of the harness itself: a child that would not start, a reply that cannot be read. */
export class BenchError extends Error {
  override readonly name = 'BenchError'
}

/** Says that something cannot be measured on this machine, and why; the run goes on without it. */
export class Unavailable extends Error {
  override readonly name = 'Unavailable'
}
