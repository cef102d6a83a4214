/** The texts of events in a row, as they are meant. */
import type { TextRun } from '@llama-stack/api'

const NOT_ASCII = /[\u0080-\u00ff]/
const ENCODED = /[\\\u0080-\u00ff]/

/** Undefined where one of them is no JSON: the parser says what is wrong with it. */
export function readTexts({ texts }: TextRun): readonly string[] | undefined {
  const read: string[] = []
  for (const raw of texts) {
    const text = ENCODED.test(raw) ? decode(raw) : raw
    if (text === undefined) return undefined
    read.push(text)
  }
  return read
}

/** The text that a JSON string stands for. */
function decode(raw: string): string | undefined {
  const json = NOT_ASCII.test(raw) ? Buffer.from(raw, 'latin1').toString('utf8') : raw
  if (!json.includes('\\')) return json
  try {
    const text: unknown = JSON.parse(`"${json}"`)
    return typeof text === 'string' ? text : undefined
  } catch {
    return undefined
  }
}
