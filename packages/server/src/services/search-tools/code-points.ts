/** Lengths of texts as other languages count them: by character, where JavaScript counts UTF-16 units. */

/** How many characters a text has. A pair that is cut in two counts once, with its first half. */
export function countCodePoints(text: string): number {
  let count = 0
  for (let at = 0; at < text.length; at += 1) if (!isLowSurrogate(text.charCodeAt(at))) count += 1
  return count
}

const isLowSurrogate = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff
