/** Keeps credentials out of everything that is shown: listings, logs, errors, recordings. */
import type { Json } from '@llama-stack/api'

const MASK = '********'

/** Members whose value is a credential, whatever its type. Token counts and limits are not. */
const SECRET = /(^|_|-)(api_?key|apikey|key|token|secret|password|passwd|credential|authorization|access_key_id|cookie|dsn)s?$/i

/** Members whose name sounds like a credential and is none. */
const HARMLESS = new Set(['max_tokens', 'client_key_path', 'prompt_cache_key'])

/** Whether a configuration key holds a credential. */
export function isSecretKey(key: string): boolean {
  return !HARMLESS.has(key) && SECRET.test(key)
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
