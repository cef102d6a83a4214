/** Checks the signature of a request as an AWS service does: from what arrived, by its own reckoning. */
import { createHash, createHmac } from 'node:crypto'
import type { ScriptedRequest } from './scripted-upstream.ts'

/** What a valid signature tells, or what is wrong with it. */
export type SignatureVerdict =
  | { readonly valid: true; readonly accessKeyId: string; readonly region: string; readonly service: string }
  | { readonly valid: false; readonly problem: string }

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/

/** Verifies a signature of Signature Version 4; `secrets` are by access key id. Paths are signed as all but S3 sign them. */
export function verifySigV4(
  request: Pick<ScriptedRequest, 'method' | 'path' | 'headers' | 'body'>,
  secrets: Readonly<Record<string, string>>,
): SignatureVerdict {
  const parts = AUTHORIZATION.exec(request.headers['authorization'] ?? '')
  if (parts === null) return { valid: false, problem: 'the authorization header is not of this algorithm' }
  const [, accessKeyId = '', day = '', region = '', service = '', signed = '', signature = ''] = parts
  const time = request.headers['x-amz-date'] ?? ''
  const secret = secrets[accessKeyId]
  const names = signed.split(';')
  const unsigned = Object.keys(request.headers).find((name) => name.startsWith('x-amz-') && !names.includes(name))
  if (secret === undefined) return { valid: false, problem: `nobody has the key id '${accessKeyId}'` }
  if (!time.startsWith(day)) return { valid: false, problem: 'the scope is of another day than x-amz-date' }
  if (!names.includes('host')) return { valid: false, problem: 'the host is not signed' }
  if (unsigned !== undefined) return { valid: false, problem: `the header ${unsigned} is not signed` }
  const text = ['AWS4-HMAC-SHA256', time, `${day}/${region}/${service}/aws4_request`, sha256(canonical(request, names))]
  const key = [day, region, service, 'aws4_request'].reduce<Buffer>(hmac, Buffer.from(`AWS4${secret}`))
  return hmac(key, text.join('\n')).toString('hex') === signature
    ? { valid: true, accessKeyId, region, service }
    : { valid: false, problem: 'the signature does not match' }
}

function canonical(
  { method, path, headers, body }: Pick<ScriptedRequest, 'method' | 'path' | 'headers' | 'body'>,
  names: readonly string[],
): string {
  const [rawPath = '', rawQuery = ''] = path.split('?')
  const query = rawQuery
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => (pair.includes('=') ? pair : `${pair}=`))
    .sort()
    .join('&')
  // A path arrives encoded once; what is signed is encoded once more, its slashes excepted.
  const signedPath = rawPath.replace(/%/g, '%25').replace(/[^A-Za-z0-9._~/%-]/g, (char) => `%${hex(char)}`)
  const signedHeaders = names.map((name) => `${name}:${(headers[name] ?? '').trim().replace(/ +/g, ' ')}\n`)
  return [method, signedPath, query, signedHeaders.join(''), names.join(';'), sha256(body)].join('\n')
}

function hex(char: string): string {
  return char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
