/** Certificates for tests, made on the spot: no key has to be kept in a repository, and no command has to be installed. */
import { createSign, generateKeyPairSync } from 'node:crypto'

/** A certificate that vouches for itself, and its key, in PEM. */
export interface SelfSignedCertificate {
  readonly cert: string
  readonly key: string
}

const DAY_MS = 86_400_000

/** Makes a certificate for the names and the IPv4 addresses, valid for a day. */
export function makeSelfSignedCertificate(names: readonly string[]): SelfSignedCertificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const subject = toName(names[0] ?? 'nobody')
  const now = Date.now()
  const body = sequence(
    // RFC 5280, section 4.1: version 3, serial number, algorithm, issuer, validity, subject, key, extensions.
    tagged(0xa0, integer(2)),
    integer(1),
    ECDSA_WITH_SHA256,
    subject,
    sequence(utcTime(now - DAY_MS), utcTime(now + DAY_MS)),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(0xa3, sequence(subjectAltNames(names))),
  )
  const signature = createSign('sha256').update(body).sign(privateKey)
  const cert = sequence(body, ECDSA_WITH_SHA256, tagged(0x03, Buffer.concat([Buffer.of(0), signature])))
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${cert.toString('base64').replaceAll(/(.{64})/g, '$1\n')}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

/** One DER value: its tag, its length and its content (X.690, section 8.1). */
function tagged(tag: number, content: Buffer): Buffer {
  const { length } = content
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), content])
  const bytes = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.of(tag, ...bytes), content])
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(parts))
}

function integer(value: number): Buffer {
  return tagged(0x02, Buffer.of(value))
}

function utcTime(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replaceAll(/\D/g, '')
  return tagged(0x17, Buffer.from(`${digits.slice(2, 14)}Z`))
}

/** 1.2.840.10045.4.3.2 */
const ECDSA_WITH_SHA256 = sequence(tagged(0x06, Buffer.from('2a8648ce3d040302', 'hex')))
/** 2.5.4.3 */
const COMMON_NAME = tagged(0x06, Buffer.from('550403', 'hex'))
/** 2.5.29.17 */
const SUBJECT_ALT_NAME = tagged(0x06, Buffer.from('551d11', 'hex'))

function toName(commonName: string): Buffer {
  return sequence(tagged(0x31, sequence(COMMON_NAME, tagged(0x0c, Buffer.from(commonName)))))
}

function subjectAltNames(names: readonly string[]): Buffer {
  const entries = names.map((name) =>
    /^\d+(?:\.\d+){3}$/.test(name)
      ? tagged(0x87, Buffer.from(name.split('.').map(Number)))
      : tagged(0x82, Buffer.from(name)),
  )
  return sequence(SUBJECT_ALT_NAME, tagged(0x04, sequence(...entries)))
}
