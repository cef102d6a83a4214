import { describe, expect, it, test } from 'vitest'
import { toPayloadHash, toSigner } from './sigv4.ts'
import type { SignableRequest, SigningScope } from './sigv4.ts'

const SECRET = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'
const suite: SigningScope = { region: 'us-east-1', service: 'service' }
/** The suite's paths with unusual characters are encoded once only: its requests are not on the wire yet. */
const asSent: SigningScope = { ...suite, pathAsSent: true }
const suiteTimeMs = Date.UTC(2015, 7, 30, 12, 36)
const host = 'https://example.amazonaws.com'
const form = { 'content-type': 'application/x-www-form-urlencoded' }
const token =
  'AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=='

function sign(request: Partial<SignableRequest> & { url: string }, scope: SigningScope, sessionToken?: string) {
  const credentials = {
    accessKeyId: 'AKIDEXAMPLE',
    secretAccessKey: SECRET,
    ...(sessionToken === undefined ? {} : { sessionToken }),
  }
  const headers = toSigner(scope)({ method: 'GET', headers: {}, ...request }, credentials, suiteTimeMs)
  const parts = /^AWS4-HMAC-SHA256 Credential=(.*), SignedHeaders=(.*), Signature=(.*)$/.exec(
    headers['authorization'] ?? '',
  )
  return { credential: parts?.[1], signed: parts?.[2], signature: parts?.[3], headers }
}

describe('AWS’s published test suite', () => {
  test.each<[string, Partial<SignableRequest> & { url: string }, SigningScope, string]>([
    ['get-vanilla', { url: `${host}/` }, suite, '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
    [
      'get-vanilla-query-order-key-case',
      { url: `${host}/?Param2=value2&Param1=value1` },
      suite,
      'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
    ],
    [
      'get-vanilla-empty-query-key',
      { url: `${host}/?Param1=value1` },
      suite,
      'a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb',
    ],
    [
      'get-vanilla-query-unreserved',
      {
        url: `${host}/?-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz=-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz`,
      },
      suite,
      '9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197',
    ],
    ['get-utf8', { url: `${host}/ሴ` }, asSent, '8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85'],
    [
      'get-slashes, normalised',
      { url: `${host}//example//` },
      suite,
      '9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84',
    ],
    [
      'get-relative, normalised',
      { url: `${host}/example/..` },
      suite,
      '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31',
    ],
    [
      'get-header-value-trim',
      { url: `${host}/`, headers: { 'my-header1': ' value1', 'my-header2': ' "a   b   c"' } },
      suite,
      'acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736',
    ],
    [
      'post-vanilla',
      { method: 'POST', url: `${host}/` },
      suite,
      '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b',
    ],
    [
      'post-x-www-form-urlencoded',
      { method: 'POST', url: `${host}/`, headers: form, body: 'Param1=value1' },
      suite,
      'ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a',
    ],
  ])('%s', (_name, ...[request, scope, expected]) => {
    expect(sign(request, scope).signature).toBe(expected)
  })

  test('post-sts-header-before: the token is signed', () => {
    const { signature, signed, headers } = sign({ method: 'POST', url: `${host}/` }, suite, token)
    expect(signature).toBe('85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead')
    expect(signed).toBe('host;x-amz-date;x-amz-security-token')
    expect(headers['x-amz-security-token']).toBe(token)
  })
})

describe('AWS’s documented examples', () => {
  it('signs a query of IAM', () => {
    const { signature, credential } = sign(
      {
        url: 'https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08',
        headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
      },
      { region: 'us-east-1', service: 'iam' },
    )
    expect(credential).toBe('AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request')
    expect(signature).toBe('5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7')
  })

  it('signs a ranged GET of S3, its path as it is sent', () => {
    const headers = toSigner({ region: 'us-east-1', service: 's3', pathAsSent: true })(
      {
        method: 'GET',
        url: 'https://examplebucket.s3.amazonaws.com/test.txt',
        headers: { range: 'bytes=0-9', 'x-amz-content-sha256': toPayloadHash(undefined) },
      },
      { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' },
      Date.UTC(2013, 4, 24),
    )
    expect(headers['authorization']).toContain(
      'Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    )
  })
})

it('encodes a path once more than it is sent, and leaves what a proxy may change unsigned', () => {
  const request = {
    method: 'POST',
    url: `${host}/model/anthropic.claude-v1%3A0/converse`,
    headers: { 'content-type': 'application/json', accept: 'a', 'user-agent': 'b' },
  }
  const { signature, signed } = sign(request, suite)
  expect(signed).toBe('content-type;host;x-amz-date')
  expect(sign(request, asSent).signature).not.toBe(signature)
  expect(sign({ ...request, headers: { 'content-type': 'application/json' } }, suite).signature).toBe(signature)
})

it('derives another key for another day, and another secret', () => {
  const signer = toSigner(suite)
  const request = { method: 'GET', url: `${host}/`, headers: {} }
  const at = (secretAccessKey: string, nowMs: number) =>
    signer(request, { accessKeyId: 'AKIDEXAMPLE', secretAccessKey }, nowMs)['authorization']
  const first = at(SECRET, suiteTimeMs)
  expect(at(SECRET, suiteTimeMs + 86_400_000)).not.toBe(first)
  expect(at('other', suiteTimeMs)).not.toBe(first)
  expect(at(SECRET, suiteTimeMs)).toBe(first)
})
