/** Who calls: the API keys of all three SDK families, compared without telling how much was right. */
import { hash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { StackError } from '@llama-stack/api'
import type { Access, Principal } from '@llama-stack/api'

/** Tells whose request this is; throws `api_key_required` or `invalid_api_key`. */
export type Authenticate = (headers: IncomingHttpHeaders, access: Access) => Principal

const LOCAL: Principal = Object.freeze({ id: 'local' })
const ANONYMOUS: Principal = Object.freeze({ id: 'anonymous' })

/** Builds the check for a set of keys. Only their hashes are kept. */
export function createAuthenticate(apiKeys: readonly string[]): Authenticate {
  if (apiKeys.length === 0) return () => LOCAL
  const known = apiKeys.map((key) => {
    const digest = toDigest(key)
    return { digest, principal: Object.freeze({ id: `key_${digest.toString('hex').slice(0, 16)}` }) }
  })
  return (headers, access) => {
    const key = findKey(headers)
    if (key === undefined) {
      if (access === 'public') return ANONYMOUS
      throw new StackError('api_key_required', {})
    }
    const digest = toDigest(key)
    // Every key is compared, so that the time taken does not tell which one matched.
    const matches = known.filter((candidate) => timingSafeEqual(candidate.digest, digest))
    const [match] = matches
    if (match !== undefined) return match.principal
    if (access === 'public') return ANONYMOUS
    throw new StackError('invalid_api_key', { ending: key.length >= 12 ? `…${key.slice(-4)}` : '…' })
  }
}

const toDigest = (key: string): Buffer => hash('sha256', key, 'buffer')

function findKey(headers: IncomingHttpHeaders): string | undefined {
  const bearer = /^Bearer\s+(\S+)\s*$/i.exec(headers.authorization ?? '')?.[1]
  if (bearer !== undefined) return bearer
  const key = headers['x-api-key'] ?? headers['x-goog-api-key']
  return typeof key === 'string' && key !== '' ? key : undefined
}
