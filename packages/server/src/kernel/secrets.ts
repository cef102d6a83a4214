/** Keeps credentials out of everything that is shown: listings, logs, errors, recordings. */
import type { Json } from '@llama-stack/api'

const MASK = '********'

/** Names that end in a word for a credential, in the spellings of configurations, headers and JSON. */
const SECRET_NAME =
  /(?:^|[-_])(?:authorization|api[-_]?keys?|access[-_]key(?:[-_]id)?|subscription[-_]key|token|bearer[-_]token[-_]bedrock|secret(?:[-_]key)?|password|passwd|credentials?|cookie)$/i

/** Whether the value under this name is a credential. `max_tokens` is none. */
export function isSecretKey(name: string): boolean {
  return SECRET_NAME.test(name)
}

/** A copy with every credential masked: members that are named like one, all custom headers, passwords within URLs. */
export function maskSecrets(of: unknown, key = ''): Json {
  if (of === null || of === undefined) return null
  if (typeof of === 'string') return isSecretKey(key) ? (of === '' ? '' : MASK) : maskUrl(of)
  if (typeof of === 'number' || typeof of === 'boolean') return isSecretKey(key) && typeof of === 'number' ? MASK : of
  if (Array.isArray(of)) return of.map((entry) => maskSecrets(entry, key))
  if (typeof of !== 'object') return null
  return Object.fromEntries(
    Object.entries(of).map(([name, entry]) => [
      name,
      key === 'headers' && typeof entry === 'string' ? MASK : maskSecrets(entry, name),
    ]),
  )
}

function maskUrl(text: string): string {
  return text.replace(/^([a-z][a-z0-9+.-]*:\/\/[^/:@\s]*):[^@/\s]+@/i, `$1:${MASK}@`)
}
