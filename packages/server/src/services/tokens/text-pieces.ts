/**
 * Cuts long texts into pieces that a tokenizer takes one by one. Byte pair encoding is quadratic in the length of a word: a
 * megabyte of one letter would hold up the server for hours.
 */

/** Longer words are cut. The longest tokens of known vocabularies have 128 characters: a cut changes a count by next to nothing. */
const MAX_RUN = 256

/** How much is counted at a time, so that other requests get their turn in between. */
const MAX_PIECE = 64 * 1024

/** The longest pieces that vocabularies look at as a whole: words, signs, and white space. Digits go by threes. */
const LONG_RUN = new RegExp(
  [`[\\p{L}\\p{M}]{${MAX_RUN + 1},}`, `[^\\s\\p{L}\\p{N}]{${MAX_RUN + 1},}`, `\\s{${MAX_RUN + 1},}`].join('|'),
  'gu',
)

/** Between two words: a tokenizer makes no token of the end of one and the beginning of the next. */
const BETWEEN_WORDS = /\S(?= \p{L})/gu

/** The pieces of a text, in order; put together they are the text. */
export function* cutText(text: string): Generator<string> {
  let at = 0
  if (text.length > MAX_RUN) {
    for (const run of text.matchAll(LONG_RUN)) {
      yield* cutAtSpaces(text.slice(at, run.index))
      yield* cutEvenly(run[0])
      at = run.index + run[0].length
    }
  }
  yield* cutAtSpaces(at === 0 ? text : text.slice(at))
}

function* cutAtSpaces(text: string): Generator<string> {
  let rest = text
  while (rest.length > MAX_PIECE) {
    BETWEEN_WORDS.lastIndex = MAX_PIECE
    const found = BETWEEN_WORDS.exec(rest.slice(0, MAX_PIECE * 2))
    const end = found === null ? evenEnd(rest, MAX_PIECE) : found.index + found[0].length
    yield rest.slice(0, end)
    rest = rest.slice(end)
  }
  if (rest !== '') yield rest
}

function* cutEvenly(run: string): Generator<string> {
  for (let at = 0; at < run.length;) {
    const end = evenEnd(run, at + MAX_RUN)
    yield run.slice(at, end)
    at = end
  }
}

/** Does not part a surrogate pair. */
function evenEnd(text: string, end: number): number {
  const code = text.charCodeAt(end - 1)
  return code >= 0xd800 && code < 0xdc00 ? end + 1 : end
}
