/** Access by an identity of Microsoft Entra: which one is configured, and its tokens on every call. */
import type { ProviderEnvironment } from '@llama-stack/api'
import { sendWithToken, TokenCache } from '../../kernel/token-cache.ts'
import { withHeaders } from './_changed-request.ts'
import { findText } from './_json-shape.ts'
import { toTokenUpstream } from './_network-settings.ts'
import type { ProtocolInput, VendorAccess } from './_protocol-context.ts'
import type { ProviderSettings } from './_provider-settings.ts'

/** An identity, and all that is needed to ask for its tokens. */
export type EntraIdentity = (
  | { readonly kind: 'secret'; readonly authority: string; readonly clientId: string; readonly secret: string }
  | { readonly kind: 'federated'; readonly authority: string; readonly clientId: string; readonly file: string }
  /** App Service, Functions, Container Apps: an endpoint in the process's own sandbox. */
  | { readonly kind: 'hosted'; readonly endpoint: string; readonly header: string; readonly clientId?: string }
  /** A virtual machine: the instance metadata service. */
  | { readonly kind: 'machine'; readonly endpoint: string; readonly clientId?: string }
) & {
  /** `https://…/.default`. */
  readonly scope: string
}

const AUTHORITY = 'https://login.microsoftonline.com'
const METADATA = 'http://169.254.169.254'
const SCOPE = 'https://cognitiveservices.azure.com/.default'

/**
 * The identity that the configuration or the variables of Azure's own tools name, in the order of those tools; undefined
 * where there is none. The metadata service of a machine has to be asked for: nothing else tells that there is one.
 */
export function findEntraIdentity(settings: ProviderSettings, env: ProviderEnvironment): EntraIdentity | undefined {
  const said = (setting: unknown, variable: string): string | undefined => findText(setting) ?? findText(env[variable])
  const tenant = said(settings.tenant_id, 'AZURE_TENANT_ID')
  const clientId = said(settings.client_id, 'AZURE_CLIENT_ID')
  const secret = said(settings.client_secret, 'AZURE_CLIENT_SECRET')
  const file = said(settings.federated_token_file, 'AZURE_FEDERATED_TOKEN_FILE')
  const scope = findText(settings.token_scope) ?? SCOPE
  if (tenant !== undefined && clientId !== undefined) {
    const host = said(settings.authority_host, 'AZURE_AUTHORITY_HOST') ?? AUTHORITY
    const authority = `${host.replace(/\/+$/, '')}/${encodeURIComponent(tenant)}`
    if (secret !== undefined) return { kind: 'secret', authority, clientId, secret, scope }
    if (file !== undefined) return { kind: 'federated', authority, clientId, file, scope }
  }
  if (settings.managed_identity === false) return undefined
  const own = clientId === undefined ? {} : { clientId }
  const endpoint = findText(env['IDENTITY_ENDPOINT'])
  const header = findText(env['IDENTITY_HEADER'])
  if (endpoint !== undefined && header !== undefined) return { kind: 'hosted', endpoint, header, ...own, scope }
  if (settings.managed_identity !== true) return undefined
  return { kind: 'machine', endpoint: findText(env['AZURE_POD_IDENTITY_AUTHORITY_HOST']) ?? METADATA, ...own, scope }
}

/** The access of one instance; undefined where no identity is configured. A key goes first: it is the plainer wish. */
export function createEntraAccess(input: ProtocolInput): VendorAccess | undefined {
  const { id: provider, config: settings, clock, signal, env = {} } = input
  const identity = findEntraIdentity(settings, env)
  if (identity === undefined) return undefined
  // No proxy leads to the machine's own endpoints.
  const isLocal = identity.kind === 'hosted' || identity.kind === 'machine'
  const upstream = isLocal ? input.upstream : toTokenUpstream(input.upstream, settings.network)
  const tokens = new TokenCache({
    provider,
    clock,
    load: async () => {
      const { buyEntraToken } = await import('./_entra-tokens.ts')
      return buyEntraToken(identity, { provider, upstream, signal, clock })
    },
  })
  return {
    hasIdentity: true,
    send(request, { target, call, upstream: vendor }) {
      // A host that a caller chose never sees the operator's identity, and whoever has a key needs none.
      if (target.chosenBy === 'caller' || target.key !== undefined) return vendor.send(request)
      return sendWithToken(tokens, {
        key: '',
        signal: call.signal,
        send: (token) => vendor.send(withHeaders(request, { authorization: `Bearer ${token}` })),
      })
    },
  }
}
