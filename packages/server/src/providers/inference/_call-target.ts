/** Where one call goes and with which credential: the caller's own first, then the operator's. */
import { StackError } from '@llama-stack/api'
import type { ProviderCall } from '@llama-stack/api'
import type { Dialect } from './_dialect.ts'
import { toForwardedHeaders } from './_forwarded-headers.ts'
import { findText } from './_json-shape.ts'
import { findCredential, isKeyless, toBaseUrl, withApiPath } from './_provider-settings.ts'
import type { ProviderSettings } from './_provider-settings.ts'

/** The address and the headers of a call. */
export interface CallTarget {
  /** Without a closing slash; empty where the vendor has to be asked for it first. */
  readonly baseUrl: string
  readonly chosenBy: 'operator' | 'caller'
  readonly headers: Readonly<Record<string, string>>
  /** The credential inside {@link headers}, for calls that carry it elsewhere. */
  readonly key: string | undefined
  /** `?api-version=…`, `?version=…` or empty. */
  readonly query: string
}

/** Finds the target of each call. What the operator configured is built once. */
export interface CallTargets {
  /** Throws `provider_key_missing` or `provider_url_missing`. */
  get(call: ProviderCall): CallTarget
  /** Undefined where {@link get} would throw for a missing key or URL. */
  find(call: ProviderCall): CallTarget | undefined
}

interface Choice {
  readonly baseUrl: string
  readonly chosenBy: 'operator' | 'caller'
  readonly key: string | undefined
  readonly version: string | undefined
  readonly headers: Readonly<Record<string, string>>
}

/** Prepares the targets of one provider instance. */
export function toCallTargets(provider: {
  readonly id: string
  readonly dialect: Dialect
  readonly settings: ProviderSettings
  /** Keys are no part of a recording: none is needed for a replay. */
  readonly replaying: boolean
  /** Whether the operator has a credential that is no key. It is never used for a host that a caller chose. */
  readonly hasIdentity: boolean
}): CallTargets {
  const { id, dialect, settings, replaying, hasIdentity } = provider
  const ownUrl = toBaseUrl(dialect, settings) ?? (dialect.locatedByName ? '' : undefined)
  const ownKey = findCredential(dialect, settings)
  const ownVersion = findText(settings.api_version)
  const ownHeaders = projectHeaders(dialect, settings)
  const forwarded = settings.forward_headers ?? undefined

  const choose = (call: ProviderCall): Choice | 'no url' | 'no key' => {
    const said = (name: string | undefined): string | undefined =>
      name === undefined ? undefined : findText(call.providerData[name])
    const callerUrl = said(dialect.urlProviderData)
    const callerKey = said(dialect.providerData)
    const version = said(dialect.versionProviderData) ?? ownVersion
    const passed = forwarded === undefined ? {} : toForwardedHeaders(forwarded, call.providerData)
    if (callerUrl !== undefined) {
      // The operator's key stays here: a host that the caller chose must never see it.
      const optional = dialect.keyless === 'always' || Object.keys(passed).length > 0
      if (callerKey === undefined && !optional) return 'no key'
      return {
        baseUrl: callerBaseUrl(dialect, callerUrl),
        chosenBy: 'caller',
        key: callerKey,
        version,
        headers: passed,
      }
    }
    if (ownUrl === undefined) return 'no url'
    const key = callerKey ?? ownKey
    const optional = replaying || hasIdentity || isKeyless(dialect, ownUrl) || Object.keys(passed).length > 0
    if (key === undefined && !optional) return 'no key'
    const headers = callerKey === undefined ? { ...ownHeaders, ...passed } : passed
    return { baseUrl: ownUrl, chosenBy: 'operator', key, version, headers }
  }

  const fixed = choose({ requestId: '', signal: new AbortController().signal, providerData: {} })
  const own = typeof fixed === 'string' ? undefined : toTarget(dialect, fixed)
  const concerns = [
    dialect.providerData,
    dialect.urlProviderData,
    dialect.versionProviderData,
    ...Object.keys(forwarded ?? {}),
  ].filter((name) => name !== undefined)

  const resolve = (call: ProviderCall): CallTarget | 'no url' | 'no key' => {
    if (own !== undefined && !concerns.some((name) => name in call.providerData)) return own
    const choice = choose(call)
    return typeof choice === 'string' ? choice : toTarget(dialect, choice)
  }

  return {
    get(call) {
      const target = resolve(call)
      if (target === 'no key') throw keyMissing(id, dialect)
      if (target === 'no url') throw urlMissing(id, dialect)
      return target
    },
    find(call) {
      const target = resolve(call)
      return typeof target === 'string' ? undefined : target
    },
  }
}

function toTarget(dialect: Dialect, choice: Choice): CallTarget {
  const key = choice.key ?? dialect.placeholderKey
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'llama-stack',
    ...dialect.headers,
    ...choice.headers,
    ...(key === undefined ? {} : authHeader(dialect, key)),
  }
  const known = choice.version !== undefined && dialect.versions.includes(choice.version)
  const query = known ? `?api-version=${choice.version}` : dialect.query
  return { baseUrl: choice.baseUrl, chosenBy: choice.chosenBy, headers: Object.freeze(headers), key, query }
}

function authHeader(dialect: Dialect, key: string): Record<string, string> {
  if (!/^[\u0020-\u007e\u0080-\u00ff]+$/.test(key)) {
    throw new StackError('invalid_value', {
      param: dialect.providerData,
      problem: 'the key has characters that no HTTP header can carry',
      fix: 'Copy the key again, without line breaks.',
    })
  }
  if (dialect.auth === 'exchanged') return {}
  return dialect.auth === 'api-key' ? { 'api-key': key } : { authorization: `Bearer ${key}` }
}

function projectHeaders(dialect: Dialect, settings: ProviderSettings): Record<string, string> {
  const project = findText(settings.project)
  const usesToken = findText(settings.access_token) !== undefined
  return usesToken && project !== undefined && dialect.projectHeader !== undefined
    ? { [dialect.projectHeader]: project }
    : {}
}

function callerBaseUrl(dialect: Dialect, url: string): string {
  if (!/^https?:\/\/[^/\s]/i.test(url)) {
    throw new StackError('url_blocked', { url, reason: 'it does not begin with http:// or https://' })
  }
  return withApiPath(url, { apiPath: dialect.apiPath, isRoot: dialect.rootSettings.length > 0 })
}

function keyMissing(provider: string, dialect: Dialect): StackError {
  return new StackError('provider_key_missing', {
    provider,
    header: dialect.providerData,
    ...(dialect.env === undefined ? {} : { env: dialect.env }),
  })
}

function urlMissing(provider: string, dialect: Dialect): StackError {
  return new StackError('provider_url_missing', {
    provider,
    setting: dialect.urlSettings[0] ?? 'base_url',
    ...(dialect.urlEnv === undefined ? {} : { env: dialect.urlEnv }),
    ...(dialect.urlProviderData === undefined ? {} : { header: dialect.urlProviderData }),
  })
}
