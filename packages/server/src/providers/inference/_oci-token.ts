/** Oracle's security tokens. */
import { findAt } from './_json-shape.ts'

/** For a token that does not tell. */
const SHORT_LIFE_MS = 300_000

/** When a token is over, by its own claims. Nothing is verified: it is ours, and Oracle judges it. */
export function readTokenEnd(token: string, nowMs: number): number {
  const [, claims = ''] = token.split('.')
  try {
    const seconds = findAt(JSON.parse(Buffer.from(claims, 'base64url').toString()), 'exp')
    if (typeof seconds === 'number') return seconds * 1000
  } catch {
    // Not a JWT: it is asked for again soon.
  }
  return nowMs + SHORT_LIFE_MS
}
