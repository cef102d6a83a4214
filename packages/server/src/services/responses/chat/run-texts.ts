/** The texts of events in a row, as they are meant. */
import type { TextRun } from '@llama-stack/api'
import { fromLatin1 } from '../../../kernel/latin1.ts'

/** Undefined where one of them is no JSON: the parser says what is wrong with it. */
export function readTexts({ texts }: TextRun): readonly string[] | undefined {
  const json = texts.map(fromLatin1)
  if (!json.some((text) => text.includes('\\'))) return json
  try {
    // What stands between the quotes of a string is one.
    return json.map((text) => JSON.parse(`"${text}"`) as string)
  } catch {
    return undefined
  }
}
