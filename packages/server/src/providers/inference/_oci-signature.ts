/** Oracle's request signatures, version 1: draft-cavage-http-signatures-08 with RSA-SHA256 over chosen headers. */
import { createHash, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import type { UpstreamRequest } from '@llama-stack/api'
import { joinBody } from '../../kernel/request-body.ts'

/** Who signs. */
export interface OciSigner {
  /** `<tenancy>/<user>/<fingerprint>`, or `ST$<token>` for a token that vouches for the key. */
  readonly keyId: string
  readonly key: KeyObject
}

/** What differs between signatures of the same request. */
export interface SigningOptions {
  readonly nowMs: number
  /** Whether the host is signed. The service that federates machines wants it left out. Default: true. */
  readonly withHost?: boolean
}

type Signable = Pick<UpstreamRequest, 'method' | 'url' | 'headers' | 'body'>

/** The headers that a request needs to be believed: `date`, of a POST the digest of its body, and the signature. */
export async function signOciRequest(
  { method, url, headers, body: pieces = '' }: Signable,
  { keyId, key }: OciSigner,
  { nowMs, withHost = true }: SigningOptions,
): Promise<Record<string, string>> {
  const { host, pathname, search } = new URL(url)
  const date = new Date(nowMs).toUTCString()
  const lines: [name: string, value: string][] = [
    ['date', date],
    ['(request-target)', `${method.toLowerCase()} ${pathname}${search}`],
  ]
  if (withHost) lines.push(['host', host])
  const added: Record<string, string> = { date }
  if (method === 'POST') {
    const body = joinBody(pieces)
    const digest = createHash('sha256').update(body).digest('base64')
    added['x-content-sha256'] = digest
    lines.push(
      // The transport writes the length by itself, from the same bytes.
      ['content-length', String(Buffer.byteLength(body))],
      ['content-type', headers['content-type'] ?? ''],
      ['x-content-sha256', digest],
    )
  }
  const text = lines.map(([name, value]) => `${name}: ${value}`).join('\n')
  const names = lines.map(([name]) => name).join(' ')
  const signature = await signWith(key, text)
  const parts = { version: '1', headers: names, keyId, algorithm: 'rsa-sha256', signature }
  const said = Object.entries(parts).map(([name, value]) => `${name}="${value}"`)
  return { ...added, authorization: `Signature ${said.join(',')}` }
}

/** On a thread of the pool: half a millisecond for each call would add up on the main one. */
function signWith(key: KeyObject, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    sign('sha256', Buffer.from(text), key, (error, signature) => {
      if (error === null) resolve(signature.toString('base64'))
      else reject(error)
    })
  })
}
