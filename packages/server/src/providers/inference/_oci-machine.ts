/** The signer of a machine in Oracle's cloud: its certificate vouches for a key of ours, and the token says so. */
import { generateKeyPair, X509Certificate, createPrivateKey } from 'node:crypto'
import { promisify } from 'node:util'
import { StackError } from '@llama-stack/api'
import type { Clock, ProviderEnvironment, Upstream } from '@llama-stack/api'
import type { Token } from '../../kernel/token-cache.ts'
import { findAt, findText } from './_json-shape.ts'
import { signOciRequest } from './_oci-signature.ts'
import type { OciSigner } from './_oci-signature.ts'
import { readTokenEnd } from './_oci-token.ts'
import { askForJson, askTokenService, badReply } from './_token-service.ts'
import type { TokenAsker, TokenQuestion } from './_token-service.ts'

const METADATA = 'http://169.254.169.254/opc/v2'
const KEY_BITS = 2048

/** What a purchase needs. */
export interface MachineWorld extends TokenAsker {
  /** To the machine's own endpoint: no proxy leads there. */
  readonly direct: Upstream
  readonly clock: Clock
  readonly env: ProviderEnvironment
}

/** Asks the metadata service who this machine is, and the authority of its region for a token. */
export async function buyMachineSigner(world: MachineWorld): Promise<Token<OciSigner>> {
  const { provider, clock } = world
  const { certificate, key, intermediate, authority } = await readMachine(world)
  const session = await promisify(generateKeyPair)('rsa', { modulusLength: KEY_BITS })
  const body = JSON.stringify({
    certificate: certificate.raw.toString('base64'),
    intermediateCertificates: [intermediate.raw.toString('base64')],
    publicKey: session.publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
    fingerprintAlgorithm: 'SHA256',
    purpose: 'DEFAULT',
  })
  const question = {
    method: 'POST',
    url: `${authority}/v1/x509`,
    headers: { 'content-type': 'application/json' },
    body,
  } as const
  const keyId = `${readTenancy(provider, certificate)}/fed-x509-sha256/${certificate.fingerprint256.toLowerCase()}`
  const signed = await signOciRequest(question, { keyId, key }, { nowMs: clock.now(), withHost: false })
  const headers = { ...question.headers, ...signed }
  const token = findText(findAt(await askForJson(world, { ...question, headers }), 'token'))
  if (token === undefined) throw badReply(world, question, 'has no token')
  return {
    value: { keyId: `ST$${token}`, key: session.privateKey },
    expiresAtMs: readTokenEnd(token, clock.now()),
  }
}

interface Machine {
  readonly certificate: X509Certificate
  readonly intermediate: X509Certificate
  readonly key: OciSigner['key']
  readonly authority: string
}

async function readMachine({ env, direct, ...asker }: MachineWorld): Promise<Machine> {
  const base = (findText(env['OCI_METADATA_BASE_URL']) ?? METADATA).replace(/\/+$/, '')
  const local = { ...asker, upstream: direct }
  const at = (path: string): TokenQuestion => ({
    method: 'GET',
    url: base + path,
    // Not a secret: it only keeps requests away that somebody was tricked into.
    headers: { authorization: 'Bearer Oracle' },
  })
  const [certificate, key, intermediate, region] = await Promise.all([
    askTokenService(local, at('/identity/cert.pem')),
    askTokenService(local, at('/identity/key.pem')),
    askTokenService(local, at('/identity/intermediate.pem')),
    askForJson(local, at('/instance/regionInfo')),
  ])
  const host = `auth.${findText(findAt(region, 'regionIdentifier'))}.${findText(findAt(region, 'realmDomainComponent'))}`
  try {
    return {
      certificate: new X509Certificate(certificate),
      intermediate: new X509Certificate(intermediate),
      key: createPrivateKey(key),
      authority: findText(env['OCI_SDK_AUTH_CLIENT_REGION_URL'])?.replace(/\/+$/, '') ?? `https://${host}`,
    }
  } catch (cause) {
    const reason = 'the metadata service has no certificate and key that can be used'
    throw new StackError('provider_bad_reply', { provider: asker.provider, reason }, { cause })
  }
}

/** The tenancy is part of the certificate's subject. */
function readTenancy(provider: string, { subject }: X509Certificate): string {
  const [, tenancy] = /\bopc-tenant:(\S+)/.exec(subject) ?? /\bopc-identity:(\S+)/.exec(subject) ?? []
  if (tenancy !== undefined) return tenancy
  throw new StackError('provider_bad_reply', { provider, reason: 'the certificate of this machine names no tenancy' })
}
