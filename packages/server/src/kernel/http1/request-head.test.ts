import fc from 'fast-check'
import { isStackError } from '@llama-stack/api'
import { describe, expect, test } from 'vitest'
import { RequestHead } from './request-head.ts'

const head = (more: Partial<ConstructorParameters<typeof RequestHead>[0]> = {}): RequestHead =>
  new RequestHead({ host: 'vendor.test:8080', path: '/v1/models?a=b', ...more })

/** Undefined for a refusal; anything else that is thrown fails the test. */
function writeUnlessRefused(headers: Record<string, string>): string | undefined {
  try {
    return head().toText('GET', headers)
  } catch (error) {
    if (isStackError(error, 'invalid_value')) return undefined
    throw error
  }
}

describe('the head of a request', () => {
  test('names the host, what it accepts and who asks', () => {
    expect(head().toText('GET', {})).toMatch(
      /^GET \/v1\/models\?a=b HTTP\/1\.1\r\nhost: vendor\.test:8080\r\naccept: \*\/\*\r\nuser-agent: llama-stack\/\d[^\r\n]*\r\n$/,
    )
  })

  test('lets the call decide, then the settings, whatever the case of the names', () => {
    const text = head({ headers: { 'X-Team': 'a', 'User-Agent': 'b' } }).toText('POST', { 'x-team': 'c', Accept: 'd' })
    expect(text.split('\r\n').slice(1)).toEqual([
      'host: vendor.test:8080',
      'accept: d',
      'user-agent: b',
      'x-team: c',
      '',
    ])
  })

  test('leaves out what belongs to the connection', () => {
    const text = head().toText('POST', { 'Content-Length': '5', 'transfer-encoding': 'chunked', Connection: 'upgrade' })
    expect(text).not.toMatch(/content-length|transfer-encoding|connection/i)
  })

  test('follows a change of the same object, in value, name or number', () => {
    const of = head()
    const headers: Record<string, string> = { authorization: 'a' }
    expect(of.toText('GET', headers)).toContain('authorization: a')
    headers['authorization'] = 'b'
    expect(of.toText('GET', headers)).toContain('authorization: b')
    headers['x-more'] = 'c'
    expect(of.toText('GET', headers)).toContain('x-more: c')
    delete headers['x-more']
    expect(of.toText('GET', headers)).not.toContain('x-more')
    expect(of.toText('POST', headers)).toMatch(/^POST /)
  })

  test.each<[about: string, path: string, headers: Record<string, string>]>([
    ['a line break in a value', '/', { authorization: 'Bearer x\r\nx-admin: 1' }],
    ['a line feed in a value', '/', { authorization: 'Bearer x\n' }],
    ['a NUL in a value', '/', { authorization: 'x\0' }],
    ['a character that is no byte', '/', { authorization: 'x\u2028' }],
    ['a line break in a name', '/', { 'x\r\ny': '1' }],
    ['a colon in a name', '/', { 'x:y': '1' }],
    ['an empty name', '/', { '': '1' }],
    ['a line break in the path', '/a\r\nx-admin: 1', {}],
    ['a space in the path', '/a HTTP/1.1', {}],
  ])('refuses %s without quoting it', (_about, path, headers) => {
    const write = (): string => head({ path }).toText('GET', headers)
    expect(write).toThrow(expect.objectContaining({ code: 'invalid_value' }))
    expect(write).not.toThrow(/Bearer|x-admin/)
  })

  test('has a line for each header and no other, or is refused', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.string({ unit: 'binary' })), (headers) => {
        const text = writeUnlessRefused(headers)
        if (text === undefined) return
        const lines = text.split(/[\r\n]+/)
        const names = new Set([
          'host',
          'accept',
          'user-agent',
          ...Object.keys(headers).map((name) => name.toLowerCase()),
        ])
        expect(lines.length).toBeLessThanOrEqual(names.size + 2)
        expect(lines.slice(1, -1).every((line) => names.has(line.slice(0, line.indexOf(':'))))).toBe(true)
      }),
    )
  })
})
