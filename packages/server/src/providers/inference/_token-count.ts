/** Tokens where no model brings a tokeniser: pieces of at most eight letters, or one other character. */

const PIECES = /\s*(?:[\p{L}\p{M}\p{N}]{1,8}|[^\s\p{L}\p{M}\p{N}])|\s+/gu

/** Cuts a text into pieces which put together are the text again. */
export function splitTokens(text: string): string[] {
  return text.match(PIECES) ?? []
}

/** An estimate of a text's tokens. English prose comes out close to what BPE vocabularies say. */
export function countTokens(text: string): number {
  return splitTokens(text).length
}
