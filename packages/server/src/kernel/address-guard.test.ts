import { isStackError } from '@llama-stack/api'
import { describe, expect, test } from 'vitest'
import { checkCallerUrl, guardedLookup, isPrivateAddress } from './address-guard.ts'

describe('addresses that a caller must not reach', () => {
  test.each([
    ['this host', ['0.0.0.0', '0.1.2.3', '::']],
    ['loopback', ['127.0.0.1', '127.255.255.254', '::1']],
    ['private', ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', 'fc00::1', 'fdff:ffff::1']],
    ['link-local and cloud metadata', ['169.254.169.254', 'fe80::1', 'febf::1', 'fd00:ec2::254']],
    ['once site-local', ['fec0::1']],
    ['carrier-grade NAT', ['100.64.0.1', '100.127.255.255']],
    ['for documentation and benchmarks', ['192.0.2.1', '198.51.100.1', '203.0.113.1', '198.19.0.1', '2001:db8::1']],
    ['multicast, reserved and broadcast', ['224.0.0.1', '239.1.1.1', '240.0.0.1', '255.255.255.255', 'ff02::1']],
    ['IPv4 within IPv6', ['::ffff:127.0.0.1', '::ffff:a00:1', '::127.0.0.1', '64:ff9b::a00:1', '2002:a00:1::1']],
    ['no address at all', ['', 'localhost', '127.1', '[::1]']],
  ])('%s: %j', (_about, addresses) => {
    expect(addresses.filter((address) => !isPrivateAddress(address))).toEqual([])
  })

  test('their neighbours can be reached', () => {
    const open = [
      '1.1.1.1',
      '9.255.255.255',
      '11.0.0.0',
      '100.63.255.255',
      '100.128.0.0',
      '126.255.255.255',
      '128.0.0.0',
      '169.253.255.255',
      '169.255.0.0',
      '172.15.255.255',
      '172.32.0.0',
      '192.167.255.255',
      '192.169.0.0',
      '223.255.255.255',
      '::ffff:8.8.8.8',
      '2606:4700:4700::1111',
      '2a00:1450:4001::1',
    ]
    expect(open.filter(isPrivateAddress)).toEqual([])
  })
})

describe('the URL of a caller', () => {
  test.each([
    ['not a URL', 'pictures/1.png', 'not a URL'],
    ['another scheme', 'file:///etc/passwd', "'file:'"],
    ['a literal address', 'http://127.0.0.1:8321/', 'private address'],
    ['an address in other notations', 'http://0x7f.1/', 'private address'],
    ['an address as one number', 'http://2130706433/', 'private address'],
    ['an IPv6 address', 'http://[::1]/', 'private address'],
    ['an IPv4 address within an IPv6 one', 'http://[::ffff:169.254.169.254]/', 'private address'],
  ])('is refused when it is %s', (_about, url, reason) => {
    expect(() => checkCallerUrl(url)).toThrow(
      expect.objectContaining({ code: 'url_blocked', message: expect.stringContaining(reason) as string }),
    )
  })

  test('is refused with credentials, which are not repeated', () => {
    const check = (): URL => checkCallerUrl('https://anna:secret@pictures.example/1.png')
    expect(check).toThrow('carries credentials')
    expect(check).not.toThrow('secret')
  })

  test.each(['https://pictures.example/1.png?size=2', 'http://8.8.8.8/', 'http://[2606:4700:4700::1111]:8080/'])(
    'is let through otherwise: %s',
    (url) => {
      expect(checkCallerUrl(url).href).toBe(url)
    },
  )
})

describe('the guarded lookup', () => {
  const look = (name: string, all: boolean) =>
    new Promise<unknown>((resolve) => guardedLookup(name, { all }, (error, address) => resolve(error ?? address)))

  test.each([true, false])('refuses a name of this machine (all addresses: %s)', async (all) => {
    const outcome = await look('localhost', all)
    expect(isStackError(outcome, 'url_blocked')).toBe(true)
  })

  test('answers in both forms that sockets ask for', async () => {
    expect(await look('8.8.8.8', true)).toEqual([{ address: '8.8.8.8', family: 4 }])
    expect(await look('8.8.8.8', false)).toBe('8.8.8.8')
  })

  test('passes on that a name is unknown', async () => {
    expect(await look('nobody.invalid', true)).toMatchObject({ syscall: 'getaddrinfo' })
  })
})
