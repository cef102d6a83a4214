/** Finds JSON in what a model wrote around it: fences, an introduction, afterthoughts. */

/** Texts with many braces that nobody closes are not searched for ever: each character is looked at so often on average. */
const MAX_LOOKS = 8

const FENCE = /```(?:json[c5]?|JSON)?[ \t]*\r?\n?([\s\S]*?)```/g

/** A part of a text that is JSON. */
export interface FoundJson {
  readonly text: string
  readonly value: unknown
}

/** What is JSON in a text, the likeliest first: the whole, what stands in fences, what stands in braces or brackets. */
export function* findJson(text: string): Generator<FoundJson> {
  const whole = parse(text.trim())
  if (whole !== undefined) {
    yield whole
    return
  }
  for (const [, fenced = ''] of text.matchAll(FENCE)) {
    const found = parse(fenced.trim())
    if (found !== undefined) yield found
  }
  yield* findBraced(text)
}

function* findBraced(text: string): Generator<FoundJson> {
  const opening = /[[{]/g
  let left = text.length * MAX_LOOKS
  while (left > 0) {
    const start = opening.exec(text)?.index
    if (start === undefined) return
    const end = findEnd(text, start)
    left -= (end ?? text.length) - start
    const found = end === undefined ? undefined : parse(text.slice(start, end))
    if (found === undefined || end === undefined) continue
    yield found
    opening.lastIndex = end
  }
}

/** Where the brace or bracket at `start` is closed: braces in strings do not count. */
function findEnd(text: string, start: number): number | undefined {
  const token = /"[^"\\]*(?:\\.[^"\\]*)*"|[[\]{}]/gs
  token.lastIndex = start
  let depth = 0
  for (let found = token.exec(text); found !== null; found = token.exec(text)) {
    if (found[0] === '{' || found[0] === '[') depth += 1
    else if (found[0] === '}' || found[0] === ']') depth -= 1
    if (depth === 0) return token.lastIndex
  }
  return undefined
}

function parse(text: string): FoundJson | undefined {
  try {
    return { text, value: JSON.parse(text) as unknown }
  } catch {
    return undefined
  }
}
