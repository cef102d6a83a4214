/** The signer that a profile of Oracle's configuration file describes: a user with a key, or a session token. */
import { createPrivateKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { StackError } from '@llama-stack/api'
import type { Token } from '../../kernel/token-cache.ts'
import type { OciSigner } from './_oci-signature.ts'
import { readTokenEnd } from './_oci-token.ts'

/** When a key is read again, so that one that was replaced is noticed. */
const KEY_LIFE_MS = 600_000

/** Where the profile is. */
export interface ProfilePlace {
  readonly provider: string
  readonly file: string
  readonly profile: string
  /** What `~` stands for. */
  readonly home: string
  readonly nowMs: number
}

/** Reads the profile and its key. The names of files stay in the cause: callers see the error. */
export async function loadProfileSigner(place: ProfilePlace): Promise<Token<OciSigner>> {
  const fields = parseProfile(await readText(place, place.file, 'its configuration file'), place.profile)
  if (fields === undefined) throw fault(place, `its configuration file has no profile '${place.profile}'`)
  const get = (name: string): string =>
    fields.get(name) ?? raise(fault(place, `the profile '${place.profile}' has no ${name}`))
  const key = parseKey(place, await readText(place, get('key_file'), 'the key_file'), fields.get('pass_phrase'))
  const tokenFile = fields.get('security_token_file')
  if (tokenFile !== undefined) {
    const token = (await readText(place, tokenFile, 'the security_token_file')).trim()
    return { value: { keyId: `ST$${token}`, key }, expiresAtMs: readTokenEnd(token, place.nowMs) }
  }
  const keyId = `${get('tenancy')}/${get('user')}/${get('fingerprint')}`
  return { value: { keyId, key }, expiresAtMs: place.nowMs + KEY_LIFE_MS }
}

/** The fields of a section; those of `[DEFAULT]` hold in every other one too. Undefined where there is no such section. */
export function parseProfile(text: string, profile: string): ReadonlyMap<string, string> | undefined {
  const sections = new Map<string, Map<string, string>>()
  let section: Map<string, string> | undefined
  for (const line of text.split(/\r?\n/)) {
    const [, name] = /^\s*\[([^\]]+)\]\s*$/.exec(line) ?? []
    if (name !== undefined) sections.set(name, (section = sections.get(name) ?? new Map()))
    const [, key, value] = /^\s*([^#;[=:\s][^=:]*?)\s*[=:]\s*(.*?)\s*$/.exec(line) ?? []
    if (key !== undefined && value !== undefined && value !== '') section?.set(key, value)
  }
  const own = sections.get(profile)
  return own && new Map([...(sections.get('DEFAULT') ?? []), ...own])
}

function parseKey(place: ProfilePlace, pem: string, passPhrase: string | undefined): KeyObject {
  try {
    return createPrivateKey({ key: pem, format: 'pem', ...(passPhrase !== undefined && { passphrase: passPhrase }) })
  } catch (cause) {
    throw fault(place, `the key_file of profile '${place.profile}' cannot be used; check pass_phrase`, cause)
  }
}

async function readText(place: ProfilePlace, file: string, what: string): Promise<string> {
  try {
    return await readFile(
      file.replace(/^~(?=\/|$)/, () => place.home),
      'utf8',
    )
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
    throw fault(place, `${what} cannot be read (${code})`, cause)
  }
}

function fault({ provider }: ProfilePlace, reason: string, cause?: unknown): StackError {
  return new StackError('provider_authentication', { provider, reason }, { cause })
}

function raise(error: StackError): never {
  throw error
}
