/** The names of recordings: one hash per generation of upstream's recorder. */
import { createHash } from 'node:crypto'
import { normalizeForHash } from './hash-normalization.ts'
import type { LosslessObject } from './lossless-json.ts'
import { canonicalJson, pythonString } from './python-json.ts'
import type { RequestIdentity, SdkIdentity } from './request-identity.ts'

/** Computes a request's names; the costly part, its canonical body, is made once. */
export interface RequestHash {
  /** HEAD's name for the request as a given test made it: 64 hexadecimal digits. */
  head(testId: string | null): string
  /** The seed generation's names, the one it would write first: 12 hexadecimal digits each. */
  seed(): readonly string[]
}

/** Prepares the names of one request. */
export function toRequestHash(identity: RequestIdentity): RequestHash {
  switch (identity.kind) {
    case 'sdk':
      return sdkHash(identity)
    case 'http': {
      const payload = canonicalJson(normalizeForHash(identity.body))
      const url = pythonString(identity.url)
      return {
        head: (testId) =>
          sha256(`{"method": "POST", "payload": ${payload}, "test_id": ${canonicalJson(testId)}, "url": ${url}}`),
        seed: () => [],
      }
    }
    case 'tool': {
      const { provider, toolName } = identity
      const named = `"provider": ${pythonString(provider)}, "tool_name": ${pythonString(toolName)}`
      const name = sha256(`{"kwargs": ${canonicalJson(identity.arguments)}, ${named}}`)
      return { head: () => name, seed: () => [] }
    }
  }
}

/** The path of a URL as Python's `urlparse` gives it: neither decoded nor resolved, everything where there is no host. */
export function urlPath(url: string): string {
  return url.replace(AUTHORITY, '').replace(/[?#].*$/s, '')
}

const AUTHORITY = /^[a-z][a-z\d+.-]*:\/\/[^/?#]*/i
const SEED_NAME_LENGTH = 12

/** Lists at these very paths are shared by all tests. Real base URLs end in `/v1`, so this seldom holds. */
const SHARED_PATHS: ReadonlySet<string> = new Set(['/api/tags', '/v1/models', '/v1/openai/v1/models'])

function sdkHash({ url, endpoint, body }: SdkIdentity): RequestHash {
  const path = urlPath(url)
  const rest = `"endpoint": ${pythonString(path)}, "method": "POST"`
  const dropStreamOptions = (AUTHORITY.exec(url)?.[0] ?? '').includes('bedrock')
  let normalized: string | undefined
  return {
    head(testId) {
      normalized ??= canonicalJson(normalizeForHash(body, { dropStreamOptions }))
      const test = SHARED_PATHS.has(path) ? '' : `, "test_id": ${canonicalJson(testId)}`
      return sha256(`{"body": ${normalized}, ${rest}${test}}`)
    },
    seed: () =>
      seedBodies(endpoint, body).map((variant) =>
        sha256(`{"body": ${canonicalJson(variant)}, ${rest}}`).slice(0, SEED_NAME_LENGTH),
      ),
  }
}

/** The seed generation ended up adding an empty `extra_body` to every text completion; its older files have none. */
function seedBodies(endpoint: string, body: LosslessObject): LosslessObject[] {
  if (endpoint !== '/v1/completions' || body.has('extra_body')) return [body]
  return [new Map(body).set('extra_body', new Map()), body]
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
