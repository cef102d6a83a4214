/** The `tls` block of a provider's network settings, with its files read. */
import { readFileSync } from 'node:fs'
import type { NetworkOptions } from '@llama-stack/api'
import type { TlsSettings } from './http1/open-socket.ts'

/** Reads the certificates that the settings name. */
export function readTlsSettings({ tls }: NetworkOptions): TlsSettings {
  if (tls === undefined) return {}
  const { verify, min_version: minVersion, ciphers, client_cert: cert, client_key: key } = tls
  return {
    ...(verify === false ? { rejectUnauthorized: false } : {}),
    ...(typeof verify === 'string' ? { ca: readFileSync(verify) } : {}),
    ...(minVersion === undefined ? {} : { minVersion }),
    ...(ciphers === undefined ? {} : { ciphers: ciphers.join(':') }),
    ...(cert === undefined ? {} : { cert: readFileSync(cert) }),
    ...(key === undefined ? {} : { key: readFileSync(key) }),
  }
}
