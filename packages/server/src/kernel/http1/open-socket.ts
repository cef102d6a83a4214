/** Opens sockets to one origin, plain or TLS. */
import { connect, isIP } from 'node:net'
import type { LookupFunction, OnReadOpts, Socket } from 'node:net'
import type { ConnectionOptions, SecureContextOptions } from 'node:tls'

export interface TlsSettings extends Pick<SecureContextOptions, 'ca' | 'cert' | 'key' | 'ciphers' | 'minVersion'> {
  /** False accepts any certificate. Default: true. */
  readonly rejectUnauthorized?: boolean
}

export interface SocketSettings {
  /** `http://host:port` as `URL.origin` writes it. */
  readonly origin: string
  readonly lookup?: LookupFunction
  readonly tls: TlsSettings
}

export interface SocketOpener {
  /** Emitted when requests may be written without waiting. */
  readonly readyEvent: 'connect' | 'secureConnect'
  /** Whether what is written goes to the kernel at once, as far as it has room: TLS keeps it until it is encrypted and sent. */
  readonly writesThrough: boolean
  open(onread: OnReadOpts): Socket
}

/** As long as undici's: shorter than what NAT boxes forget, so that a long wait for a reply survives. */
const TCP_KEEP_ALIVE_MS = 60_000

/** Prepares sockets for an origin. `node:tls` is loaded for https origins only. Throws for settings that it does not take. */
export function toSocketOpener({ origin, lookup, tls }: SocketSettings): SocketOpener {
  const url = new URL(origin)
  const secure = url.protocol === 'https:'
  const options = {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: TCP_KEEP_ALIVE_MS,
    ...(lookup === undefined ? {} : { lookup }),
  }
  if (!secure) return { readyEvent: 'connect', writesThrough: true, open: (onread) => connect({ ...options, onread }) }

  const { rejectUnauthorized = true, ...contextOptions } = tls
  const { connect: connectTls, createSecureContext } = process.getBuiltinModule('node:tls')
  // One for all connections: reading the certificates of all authorities takes milliseconds.
  const secureContext = createSecureContext(contextOptions)
  // Lets the next connection skip most of the handshake.
  let ticket: Buffer | undefined
  return {
    readyEvent: 'secureConnect',
    writesThrough: false,
    open(onread) {
      const secureOptions: ConnectionOptions & { onread: OnReadOpts } = {
        ...options,
        onread,
        rejectUnauthorized,
        secureContext,
        ALPNProtocols: ['http/1.1'],
        ...(isIP(options.host) === 0 ? { servername: options.host } : {}),
        ...(ticket === undefined ? {} : { session: ticket }),
      }
      const socket = connectTls(secureOptions)
      socket.on('session', (newest: Buffer) => {
        ticket = newest
      })
      return socket
    },
  }
}
