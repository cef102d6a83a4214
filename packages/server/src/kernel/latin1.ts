/** Bytes as the characters of a text, one for each: streams are cut, joined and written fastest that way. */

const BEYOND_ASCII = /[^\0-\u007f]/

/** Whether a Latin-1 text stands for the same characters in UTF-8. */
export const isAscii = (latin1: string): boolean => !BEYOND_ASCII.test(latin1)

/** The characters that a Latin-1 text stands for in UTF-8. */
export function fromLatin1(latin1: string): string {
  return isAscii(latin1) ? latin1 : Buffer.from(latin1, 'latin1').toString('utf8')
}

/** The bytes of a text in UTF-8, as the characters of another. */
export const toLatin1 = (text: string): string =>
  BEYOND_ASCII.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text
