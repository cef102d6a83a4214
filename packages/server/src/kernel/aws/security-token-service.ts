/** Roles that are taken on through AWS's Security Token Service, version 2011-06-15. */
import { readFile } from 'node:fs/promises'
import { StackError } from '@llama-stack/api'
import type { UpstreamResponse } from '@llama-stack/api'
import { readAll } from '../byte-stream.ts'
import type { Token } from '../token-cache.ts'
import type { AwsCredentials } from './aws-credentials.ts'
import type { AwsWorld } from './aws-world.ts'
import type { AssumedRole } from './credential-source.ts'
import { toSigner } from './sigv4.ts'

const VERSION = '2011-06-15'
const TIMEOUT_MS = 10_000
const MAX_REPLY_BYTES = 256 * 1024

/** Takes on a role with the credentials of another identity. */
export function assumeRole(role: AssumedRole, base: AwsCredentials, world: AwsWorld): Promise<Token<AwsCredentials>> {
  const call = { Action: 'AssumeRole', ...toRoleFields(role) }
  return exchange(role.externalId === undefined ? call : { ...call, ExternalId: role.externalId }, world, base)
}

/** Takes on a role with the token of another identity provider, which is read anew each time: it is replaced on disk. */
export async function assumeRoleWithWebIdentity(
  role: AssumedRole,
  tokenFile: string,
  world: AwsWorld,
): Promise<Token<AwsCredentials>> {
  const token = await readTokenFile(tokenFile, 'the web identity token', world)
  return exchange({ Action: 'AssumeRoleWithWebIdentity', ...toRoleFields(role), WebIdentityToken: token }, world)
}

/** Reads a token. The path stays out of the error: a caller may see it. */
export async function readTokenFile(file: string, what: string, { provider }: AwsWorld): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim()
  } catch (cause) {
    throw new StackError('provider_authentication', { provider, reason: `${what} cannot be read` }, { cause })
  }
}

function toRoleFields(role: AssumedRole): Record<string, string> {
  return {
    RoleArn: role.arn,
    RoleSessionName: role.sessionName,
    DurationSeconds: String(role.durationSeconds),
  }
}

async function exchange(
  fields: Readonly<Record<string, string>>,
  world: AwsWorld,
  base?: AwsCredentials,
): Promise<Token<AwsCredentials>> {
  const { upstream, provider, clock, signal, stsUrl: url, region } = world
  const body = new URLSearchParams({ Version: VERSION, ...fields }).toString()
  const plain = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' }
  const signer = toSigner({ region, service: 'sts' })
  const headers =
    base === undefined ? plain : signer({ method: 'POST', url, headers: plain, body }, base, world.clock.now())
  const response = await upstream.send({
    method: 'POST',
    url,
    headers,
    body,
    chosenBy: 'operator',
    provider,
    signal,
    headersTimeoutMs: TIMEOUT_MS,
    idleTimeoutMs: TIMEOUT_MS,
  })
  const xml = await readText(response, provider)
  if (response.status >= 300) throw refused(xml, response, { provider, action: fields['Action'] ?? '' })
  return parseCredentials(xml, provider, clock.now())
}

async function readText(response: UpstreamResponse, provider: string): Promise<string> {
  return Buffer.from(await readAll(response.body, MAX_REPLY_BYTES, provider)).toString()
}

function refused(
  xml: string,
  { status }: UpstreamResponse,
  { provider, action }: { readonly provider: string; readonly action: string },
): StackError {
  const code = findElement(xml, 'Code') ?? `HTTP ${status}`
  const reason = `${action}: ${code}${toSentence(findElement(xml, 'Message'))}`
  if (status >= 500) return new StackError('provider_internal', { provider, reason, status })
  if (status === 429 || code === 'Throttling') return new StackError('provider_rate_limited', { provider, reason })
  // The vendor's status says how our server was refused; to the client it is not his request that is malformed.
  return new StackError('provider_authentication', { provider, reason, vendorCode: code })
}

function toSentence(message: string | undefined): string {
  return message === undefined ? '' : `: ${message}`
}

function parseCredentials(xml: string, provider: string, nowMs: number): Token<AwsCredentials> {
  const accessKeyId = findElement(xml, 'AccessKeyId')
  const secretAccessKey = findElement(xml, 'SecretAccessKey')
  const sessionToken = findElement(xml, 'SessionToken')
  if (accessKeyId === undefined || secretAccessKey === undefined || sessionToken === undefined) {
    throw new StackError('provider_bad_reply', { provider, reason: 'the token service sent no credentials' })
  }
  const expiresAtMs = Date.parse(findElement(xml, 'Expiration') ?? '')
  return {
    value: { accessKeyId, secretAccessKey, sessionToken },
    expiresAtMs: Number.isNaN(expiresAtMs) ? nowMs : expiresAtMs,
  }
}

const ENTITIES: Readonly<Record<string, string>> = Object.freeze({ lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' })

/** The text of the first element of this name. The replies are flat enough for it: no element is within its like. */
function findElement(xml: string, name: string): string | undefined {
  const text = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1]?.trim()
  return text?.replace(/&(lt|gt|quot|apos|amp);/g, (entity, of: string) => ENTITIES[of] ?? entity)
}
