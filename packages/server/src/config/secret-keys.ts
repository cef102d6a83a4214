/** Takes secrets out of what is shown of a configuration file. */
import { isSecretKey } from '../kernel/secrets.ts'

const KEY = /["']?([\w-]+)["']?\s*:\s+/g
const LIST_ITEM = /^\s*-\s+/
const HARMLESS_VALUE = /^(?:["']?(?:\$\{env\.[A-Z0-9_]+(?::[=+])?\})*["']?\s*(?:#.*)?|[|>][+-]?)$/
const URL_CREDENTIALS = /(:\/\/)[^/\s@]+@/g

/**
 * Takes the secrets out of a source line, so that the line can be shown. Expressions without a default stay.
 * `listKey` is the key of the list that the line is an item of.
 */
export function redactLine(line: string, listKey = ''): string {
  for (const match of line.matchAll(KEY)) {
    const start = match.index + match[0].length
    if (isSecretKey(match[1] ?? '') && !HARMLESS_VALUE.test(line.slice(start)))
      return `${line.slice(0, start)}<redacted>`
  }
  const item = LIST_ITEM.exec(line)?.[0]
  if (item !== undefined && isSecretKey(listKey) && !HARMLESS_VALUE.test(line.slice(item.length))) {
    return `${item}<redacted>`
  }
  return line.replace(URL_CREDENTIALS, '$1<redacted>@')
}
