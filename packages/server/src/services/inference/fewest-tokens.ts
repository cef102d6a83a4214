/**
 * The fewest tokens that a text can have, whatever model reads it. An estimate would refuse what fits; this never does.
 *
 * The tokenizers of the models that are served today cut texts at white space before they look for the pieces of their
 * vocabularies: a token may begin with spaces or consist of them, and never has parts of two words. So a text has at least
 * as many tokens as words, which is some three quarters of what English has. What has no white space counts by the longest
 * pieces of known vocabularies.
 */

/** No vocabulary has a longer piece: the longest are runs of one character, 128 in the case of `cl100k_base`. */
const LONGEST_PIECE = 128

/** Counts words, long ones several times. */
export function fewestTokens(text: string): number {
  let tokens = 0
  /** How many letters the piece at hand may still have. */
  let room = 0
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (isSpace(code)) room = 0
    else if (isSolid(code)) {
      if (room === 0) {
        tokens += 1
        room = LONGEST_PIECE
      }
      room -= 1
    }
  }
  return tokens
}

/** Space; and tab, line feed, vertical tab, form feed and carriage return, which follow each other. */
function isSpace(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d)
}

/**
 * Letters, digits and signs that every tokenizer keeps. The rest, which some drop or take for white space, neither makes
 * a word nor ends one: invisible characters, rare spaces, accents that stand alone, halves of surrogate pairs.
 */
function isSolid(code: number): boolean {
  if (code < 0xc0) return code > 0x20 && code < 0x7f
  if (code < 0x2000) return (code < 0x300 || code > 0x36f) && code !== 0x1680 && code !== 0x180e
  return code >= 0x2e80 && code < 0xd800 && code !== 0x3000
}
