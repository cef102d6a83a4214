/** Where calls to Vertex AI go and with which token: the caller's own first, then the operator's. */
import { StackError } from '@llama-stack/api'
import type {
  ProviderCall,
  ProviderInput,
  RecordingKey,
  Upstream,
  UpstreamRequest,
  UpstreamResponse,
} from '@llama-stack/api'
import { DEFAULT_KEY, findNamedProject, toGoogleCredentials } from '../../kernel/google/application-default.ts'
import type { GoogleCredentials } from '../../kernel/google/application-default.ts'
import { sendWithToken } from '../../kernel/token-cache.ts'
import { toGoogleError } from './_google-failure.ts'
import { findText } from './_json-shape.ts'
import { toCallerNetworkOptions, toNetworkOptions, toTokenUpstream } from './_network-settings.ts'
import { expectSuccess } from './_vendor-reply.ts'
import { findVertexSource, toLocation } from './_vertex-settings.ts'
import type { VertexSettings } from './_vertex-settings.ts'

/** What `create` of the definition receives. */
export type VertexInput = ProviderInput<VertexSettings>

/** Where one call goes. */
export interface VertexPlace {
  /** The host, without a closing slash. */
  readonly root: string
  readonly project: string
  /** Everything below the host that all calls of this place share. */
  readonly parent: string
  /** A token that somebody gave; undefined where one is bought. */
  readonly token: string | undefined
}

/** One call on its way out. */
export interface VertexRequest {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly body?: object
  readonly headers?: Readonly<Record<string, string>>
  readonly timeoutMs?: number
  /** Default: as a plain HTTP call. */
  readonly recording?: (recordedUrl: string) => RecordingKey
}

/** Of whom the calls of one instance are. */
export class VertexAccess {
  readonly #input: VertexInput
  readonly #upstream: Upstream
  readonly #credentials: GoogleCredentials | undefined
  /** The upstream for hosts that a caller chose: the operator's headers stay here. */
  readonly callerUpstream: Upstream
  #ownProject: string | undefined
  #quotaProject: { readonly value: string | undefined } | undefined

  constructor(input: VertexInput) {
    const { id, config, upstream, clock, signal } = input
    const network = toNetworkOptions(config.network)
    this.#input = input
    this.#upstream = network === undefined ? upstream : upstream.with(network)
    this.callerUpstream = network === undefined ? upstream : upstream.with(toCallerNetworkOptions(network))
    const source = findVertexSource(config, input.env)
    const buyer = { provider: id, clock, signal, upstream: toTokenUpstream(upstream, config.network), local: upstream }
    this.#credentials = source === undefined ? undefined : toGoogleCredentials(source, buyer)
  }

  /** Whether this call could be sent with some token. */
  hasToken(call: ProviderCall): boolean {
    return this.#input.replaying === true || this.#findToken(call) !== undefined || this.#credentials !== undefined
  }

  /** Throws for a missing token or project, and for names that are none. */
  async locate(call: ProviderCall): Promise<VertexPlace> {
    const { id, config } = this.#input
    const token = this.#findToken(call)
    if (!this.hasToken(call)) {
      const env = 'GOOGLE_APPLICATION_CREDENTIALS'
      throw new StackError('provider_key_missing', { provider: id, header: 'vertex_access_token', env })
    }
    const project = findText(call.providerData['vertex_project']) ?? (await this.#findOwnProject())
    if (project === undefined) {
      const where = { setting: 'project', env: 'VERTEX_AI_PROJECT', header: 'vertex_project' }
      throw new StackError('provider_setting_missing', { provider: id, ...where })
    }
    const location = findText(call.providerData['vertex_location']) ?? toLocation(config)
    // Both become part of the URL, the location even of its host: nothing else may fit in.
    expectName(project, { param: 'vertex_project', pattern: /^[a-z0-9][a-z0-9.:-]*$/i })
    expectName(location, { param: 'vertex_location', pattern: /^[a-z]+(-[a-z0-9]+)*$/ })
    const root = findText(config.base_url)?.replace(/\/+$/, '') ?? toHost(location)
    return { root, project, parent: `/projects/${project}/locations/${location}`, token }
  }

  /** Sends a call and expects a success. */
  async send(
    request: VertexRequest,
    { place, call }: { place: VertexPlace; call: ProviderCall },
  ): Promise<UpstreamResponse> {
    const { id, replaying } = this.#input
    const quotaProject = place.token === undefined ? await this.#findQuotaProject() : undefined
    const shared = {
      'content-type': 'application/json',
      'user-agent': 'llama-stack',
      ...(quotaProject !== undefined && { 'x-goog-user-project': quotaProject }),
      ...request.headers,
    }
    const sendWith = (token: string | undefined): Promise<UpstreamResponse> => {
      const headers = token === undefined ? shared : { ...shared, authorization: `Bearer ${token}` }
      return this.#upstream.send(toUpstreamRequest(request, { headers, provider: id, call, place }))
    }
    const isBought = place.token === undefined && replaying !== true && this.#credentials !== undefined
    const response = isBought
      ? await sendWithToken(this.#credentials.tokens, { key: DEFAULT_KEY, signal: call.signal, send: sendWith })
      : await sendWith(place.token)
    return expectSuccess(id, response, toGoogleError)
  }

  #findToken(call: ProviderCall): string | undefined {
    const token = findText(call.providerData['vertex_access_token']) ?? findText(this.#input.config.access_token)
    if (token !== undefined) expectName(token, { param: 'vertex_access_token', pattern: /^[!-~]+$/, secret: true })
    return token
  }

  async #findOwnProject(): Promise<string | undefined> {
    const { config, env = {}, replaying } = this.#input
    const named = findText(config.project) ?? findNamedProject(env)
    if (named !== undefined) return named
    // Which project a recording was made with is no part of it.
    if (replaying === true) return 'replay'
    this.#ownProject ??= await this.#credentials?.findProject()
    return this.#ownProject
  }

  async #findQuotaProject(): Promise<string | undefined> {
    if (this.#input.replaying === true) return undefined
    this.#quotaProject ??= { value: await this.#credentials?.findQuotaProject() }
    return this.#quotaProject.value
  }
}

function toHost(location: string): string {
  if (location === 'global') return 'https://aiplatform.googleapis.com'
  // `us` and `eu` are jurisdictions, not regions.
  if (/^[a-z]{2}$/.test(location)) return `https://aiplatform.${location}.rep.googleapis.com`
  return `https://${location}-aiplatform.googleapis.com`
}

interface NameRule {
  readonly param: string
  readonly pattern: RegExp
  readonly secret?: true
}

function expectName(value: string, { param, pattern, secret }: NameRule): void {
  if (pattern.test(value)) return
  throw new StackError('invalid_value', {
    param,
    problem: 'it has characters that do not belong there',
    ...(secret === undefined && { value: `'${value.slice(0, 100)}'` }),
    fix: 'Copy it again.',
  })
}

interface Outgoing {
  readonly headers: Readonly<Record<string, string>>
  readonly provider: string
  readonly call: ProviderCall
  readonly place: VertexPlace
}

/** Neither the project nor the place is part of what was asked: one recording answers for all. */
const RECORDED_ROOT = 'https://aiplatform.googleapis.com'

function toUpstreamRequest(request: VertexRequest, { headers, provider, call, place }: Outgoing): UpstreamRequest {
  const { method, url, body, timeoutMs, recording } = request
  return {
    method,
    url,
    headers,
    ...(body !== undefined && { body: JSON.stringify(body) }),
    // A caller names a project and a location, both checked, and never a host.
    chosenBy: 'operator',
    provider,
    signal: call.signal,
    ...(timeoutMs !== undefined && { headersTimeoutMs: timeoutMs, idleTimeoutMs: timeoutMs }),
    // Computed when a recorder asks. Bodies are JSON that was built of JSON.
    get recording(): RecordingKey {
      const recordedUrl = url.replace(place.root, RECORDED_ROOT).replace(place.parent, '')
      if (recording !== undefined) return recording(recordedUrl)
      const asked = (body ?? {}) as Extract<RecordingKey, { kind: 'http' }>['body']
      return { kind: 'http', url: recordedUrl, body: asked, testId: call.testId ?? null }
    },
  }
}
