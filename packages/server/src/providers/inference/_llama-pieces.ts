/** What is written in the background, as something to iterate over. */
import { abortable } from '../../kernel/abortable.ts'

/** Writes: emits pieces as they come and resolves to what can be said at the end. */
export type Writer<Piece, Result> = (emit: (piece: Piece) => void, signal: AbortSignal) => Promise<Result>

/**
 * The pieces of a writer, in order, and its result. The iterator ends at once when the signal is aborted, whatever the
 * writer is in the middle of; leaving the iterator tells the writer to stop.
 */
export async function* toPieces<Piece, Result>(
  write: Writer<Piece, Result>,
  outer: AbortSignal,
): AsyncGenerator<Piece, Result, void> {
  const own = new AbortController()
  const signal = AbortSignal.any([outer, own.signal])
  let pieces: Piece[] = []
  let change = Promise.withResolvers<void>()
  const written = write((piece) => {
    pieces.push(piece)
    change.resolve()
  }, signal)
  const settled = written.then(
    () => true,
    () => true,
  )
  try {
    for (;;) {
      const ended = await abortable(Promise.race([change.promise.then(() => false), settled]), signal)
      const batch = pieces
      pieces = []
      change = Promise.withResolvers()
      yield* batch
      if (ended) return await written
    }
  } finally {
    own.abort(new DOMException('nobody reads any more', 'AbortError'))
  }
}

/** All pieces of an iterator, and its result. */
export async function drain<Piece, Result>(
  iterator: AsyncGenerator<Piece, Result, void>,
): Promise<{ readonly pieces: readonly Piece[]; readonly result: Result }> {
  const pieces: Piece[] = []
  for (;;) {
    const step = await iterator.next()
    if (step.done === true) return { pieces, result: step.value }
    pieces.push(step.value)
  }
}
