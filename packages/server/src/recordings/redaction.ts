/** Keeps secrets out of recordings: those that the call carried, and fields that are named like one. */
import { isSecretKey } from '../kernel/secrets.ts'
import type { LosslessJson, LosslessObject } from './lossless-json.ts'

const REDACTED = '__REDACTED__'

/** Google takes its key as `?key=`; elsewhere a field of that name is an ordinary one. */
const isSecretParameter = (name: string): boolean => name === 'key' || isSecretKey(name)

/** Shorter header values are words or flags; replacing them everywhere would spoil the text. */
const SHORTEST_SECRET = 8

/** The secrets in a call's headers and URL, longest first, so that no part of one is left. */
export function findSecrets(headers: Readonly<Record<string, string>>, url: string): readonly string[] {
  const found = new Set<string>()
  for (const [name, value] of Object.entries(headers)) {
    if (!isSecretKey(name)) continue
    found.add(value)
    found.add(value.replace(/^\S+\s+/, ''))
  }
  const parsed = URL.parse(url)
  if (parsed !== null) {
    for (const [name, value] of parsed.searchParams) if (isSecretParameter(name)) found.add(value)
    found.add(parsed.password)
    // The lenient decoder: a password may hold a stray percent sign.
    found.add(new URLSearchParams(`p=${parsed.password.replaceAll('+', '%2B')}`).get('p') ?? '')
  }
  return [...found].filter((secret) => secret.length >= SHORTEST_SECRET).sort((a, b) => b.length - a.length)
}

/** Replaces the given secrets wherever they stand in a document. */
export function redactSecrets(document: LosslessObject, secrets: readonly string[]): LosslessObject {
  return secrets.length === 0 ? document : mapMembers(document, (text) => replaceAll(text, secrets))
}

/** Replaces the values of fields whose names say that they hold a secret. */
export function redactNamedSecrets(body: LosslessObject): LosslessObject {
  const redacted: LosslessObject = new Map()
  for (const [key, member] of body) {
    redacted.set(key, typeof member === 'string' && isSecretKey(key) ? REDACTED : redactNamedMember(member))
  }
  return redacted
}

/** Takes user information and secret query parameters out of a URL. */
export function redactUrl(url: string): string {
  return url
    .replace(/^([a-z][a-z\d+.-]*:\/\/)[^/?#@]*@/i, `$1`)
    .replace(/([?&])([^=&#]*)=([^&#]*)/g, (whole, mark: string, name: string) =>
      isSecretParameter(name) ? `${mark}${name}=${REDACTED}` : whole,
    )
}

function redactNamedMember(member: LosslessJson): LosslessJson {
  if (member instanceof Map) return redactNamedSecrets(member)
  return Array.isArray(member) ? member.map(redactNamedMember) : member
}

function mapStrings(value: LosslessJson, change: (text: string) => string): LosslessJson {
  if (typeof value === 'string') return change(value)
  if (Array.isArray(value)) return value.map((element) => mapStrings(element, change))
  return value instanceof Map ? mapMembers(value, change) : value
}

function mapMembers(object: LosslessObject, change: (text: string) => string): LosslessObject {
  return new Map([...object].map(([key, member]) => [key, mapStrings(member, change)]))
}

function replaceAll(text: string, secrets: readonly string[]): string {
  let result = text
  for (const secret of secrets) result = result.replaceAll(secret, REDACTED)
  return result
}
