/** A place in a configuration. */

/** Keys and 0-based indices from the root. */
export type ConfigPath = readonly (string | number)[]

const PLAIN_KEY = /^[\w-]+$/

/** Writes a place as people read it: `providers.inference[2].config.url`. */
export function formatPath(path: ConfigPath): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`
    const key = PLAIN_KEY.test(part) ? part : JSON.stringify(part)
    return text === '' ? key : `${text}.${key}`
  }, '')
}

/** Reads back what {@link formatPath} wrote. */
export function parsePath(text: string): ConfigPath {
  return Array.from(text.matchAll(/\[(\d+)\]|("(?:[^"\\]|\\.)*")|([\w-]+)/g), (match) => {
    if (match[1] !== undefined) return Number(match[1])
    return match[2] === undefined ? (match[3] ?? '') : String(JSON.parse(match[2]))
  })
}
