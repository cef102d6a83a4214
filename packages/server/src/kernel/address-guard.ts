/**
 * Keeps URLs that a caller chose away from the operator's own network: loopback, private, link-local (where clouds keep
 * their metadata), carrier-grade NAT, multicast and the rest of the special-purpose registries (RFC 6890, RFC 4291).
 */
import { BlockList, isIP } from 'node:net'
import { lookup } from 'node:dns'
import type { LookupAddress, LookupOptions } from 'node:dns'
import { StackError } from '@llama-stack/api'
import { lazy } from './lazy.ts'

const BLOCKED_V4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
]

const BLOCKED_V6: readonly (readonly [string, number])[] = [
  // The unspecified address, loopback, and the old form that carries an IPv4 address.
  ['::', 96],
  // NAT64 and 6to4 carry an IPv4 address inside, which may be a private one.
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  // Site-local: deprecated, but still routed in some networks (RFC 3879).
  ['fec0::', 10],
  ['ff00::', 8],
]

function createBlockList(): BlockList {
  const list = new BlockList()
  for (const [network, prefix] of BLOCKED_V4) list.addSubnet(network, prefix, 'ipv4')
  for (const [network, prefix] of BLOCKED_V6) list.addSubnet(network, prefix, 'ipv6')
  return list
}

/** Most servers never see a caller's URL. */
const getBlocked = lazy(createBlockList)

/** Whether an address is one that a caller must not reach. IPv4-mapped IPv6 addresses count as their IPv4 address. */
export function isPrivateAddress(address: string): boolean {
  const family = isIP(address)
  if (family === 0) return true
  return getBlocked().check(address, family === 4 ? 'ipv4' : 'ipv6')
}

/** Refuses a URL by its text: other schemes than http(s), credentials inside, and addresses written as literals. */
export function checkCallerUrl(url: string): URL {
  let parsed: URL
  try {
    parsed = new URL(url)
  } catch {
    throw new StackError('url_blocked', { url, reason: 'it is not a URL' })
  }
  if (parsed.protocol !== 'http:' && parsed.protocol !== 'https:') {
    throw new StackError('url_blocked', { url, reason: `the scheme '${parsed.protocol}' is not http or https` })
  }
  if (parsed.username !== '' || parsed.password !== '') {
    throw new StackError('url_blocked', { url: parsed.host, reason: 'it carries credentials' })
  }
  const host = parsed.hostname.replace(/^\[|\]$/g, '')
  if (isIP(host) !== 0 && isPrivateAddress(host)) {
    throw new StackError('url_blocked', { url, reason: 'it points to a private address' })
  }
  return parsed
}

type LookupCallback = (error: Error | null, address: string | LookupAddress[], family?: number) => void

/**
 * A `lookup` for sockets that resolves a name and refuses private answers. It runs at connect time, so a name that
 * changes its address between a check and the connection (DNS rebinding) is caught too.
 */
export function guardedLookup(hostname: string, options: LookupOptions, callback: LookupCallback): void {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error !== null) return callback(error, [])
    const first = addresses[0]
    if (first === undefined || addresses.some((entry) => isPrivateAddress(entry.address))) {
      return callback(new StackError('url_blocked', { url: hostname, reason: 'it resolves to a private address' }), [])
    }
    if (options.all === true) callback(null, addresses)
    else callback(null, first.address, first.family)
  })
}
