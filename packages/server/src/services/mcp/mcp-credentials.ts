/** Which credential goes to a server: the request's own, the caller's, or the connector's. */
import { hash } from 'node:crypto'
import { StackError } from '@llama-stack/api'
import type { JsonObject } from '@llama-stack/api'
import { asRecord, isRecord } from '../../kernel/json-record.ts'
import type { McpCaller, McpServerAddress } from './mcp-contract.ts'
import type { Connector } from './mcp-connector.ts'

/** What is sent to a server so that it knows who calls. */
export interface McpCredentials {
  /** With the authorization, where it is known beforehand. Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** In words for errors and the log: where the credential is from, never what it is. */
  readonly kind: string
  /** Set where the SDK fetches tokens by OAuth. */
  readonly oauth?: OAuthConnector
}

/** A connector whose tokens are got by OAuth. */
export type OAuthConnector = Connector & {
  readonly auth: Extract<Connector['auth'], { type: 'client_credentials' | 'authorization_code' }>
}

/** Whether tokens for this connector are got by OAuth. */
export function isOAuthConnector(connector: Connector | undefined): connector is OAuthConnector {
  return connector?.auth.type === 'client_credentials' || connector?.auth.type === 'authorization_code'
}

interface OwnCredentials {
  readonly headers: Readonly<Record<string, string>>
  readonly authorization: string | undefined
  readonly kind: string
}

/** Of the connection or of the protocol: a caller who could set these could confuse either. */
const RESERVED = new Set([
  'accept',
  'accept-encoding',
  'content-length',
  'content-type',
  'host',
  'last-event-id',
  'mcp-method',
  'mcp-name',
  'mcp-protocol-version',
  'mcp-session-id',
  'transfer-encoding',
])

/**
 * Picks the credential for a call. What the request says goes before what the caller's provider data says, and both before
 * what the connector is configured with. Rejects two authorizations in one place: nobody could tell which one counts.
 */
export function pickCredentials(
  server: McpServerAddress & { readonly url?: string },
  caller: McpCaller,
  connector: Connector | undefined,
): McpCredentials {
  const own = ofRequest(server) ?? ofProviderData(server, caller.providerData)
  const base = lowerCase(connector?.headers ?? {})
  if (own !== undefined) {
    const headers = { ...base, ...own.headers }
    if (own.authorization !== undefined) headers['authorization'] = `Bearer ${own.authorization}`
    if (headers['authorization'] !== undefined) return { headers, kind: own.kind }
    return { ...ofConnector(server, headers, connector), ...(connector === undefined && { kind: own.kind }) }
  }
  return ofConnector(server, base, connector)
}

function ofConnector(
  server: McpServerAddress,
  headers: Record<string, string>,
  connector: Connector | undefined,
): McpCredentials {
  const auth = connector?.auth
  if (auth?.type === 'bearer') {
    return { headers: { ...headers, authorization: `Bearer ${auth.token}` }, kind: "the connector's token" }
  }
  if (auth?.type === 'forward') {
    throw new StackError('mcp_server_authentication', {
      server: server.label,
      credential: 'a call without a credential',
      fix: `This connector takes the caller's own: send it as authorization of the tool, or in the header X-LlamaStack-Provider-Data: {"mcp": {"${server.label}": {"authorization": "<token>"}}}.`,
    })
  }
  if (isOAuthConnector(connector)) {
    const kind = connector.auth.type === 'authorization_code' ? "the caller's login" : "the connector's OAuth token"
    return { headers, kind, oauth: connector }
  }
  const hasHeaders = connector !== undefined && Object.keys(headers).length > 0
  return { headers, kind: hasHeaders ? "the connector's headers" : 'a call without a credential' }
}

function ofRequest({ headers, authorization }: McpServerAddress): OwnCredentials | undefined {
  if (headers === undefined && authorization === undefined) return undefined
  const kind = authorization === undefined ? "the request's headers" : "the request's authorization"
  return check({ headers: headers ?? {}, authorization, kind }, 'headers')
}

/**
 * The caller's own credentials, by the label of a server or by its URL: our member `mcp`, and upstream's members
 * `mcp_headers` and `mcp_authorization`.
 */
function ofProviderData(server: McpServerAddress, providerData: JsonObject): OwnCredentials | undefined {
  const member = (name: string): unknown => {
    const known = asRecord(providerData[name])
    return known[server.label] ?? (server.url === undefined ? undefined : known[server.url])
  }
  const ours = asRecord(member('mcp'))
  const headers = ours['headers'] ?? member('mcp_headers')
  const authorization = ours['authorization'] ?? member('mcp_authorization')
  if (headers === undefined && authorization === undefined) return undefined
  return check(
    {
      headers: isRecord(headers) ? texts(headers) : {},
      authorization: typeof authorization === 'string' ? authorization : undefined,
      kind: "the credential of the caller's provider data",
    },
    'mcp',
  )
}

function check(own: OwnCredentials, param: string): OwnCredentials {
  const headers = lowerCase(own.headers)
  for (const name of Object.keys(headers)) {
    if (!RESERVED.has(name)) continue
    const fix = 'Leave it out: the server sets it.'
    throw new StackError('invalid_value', { param, problem: `the header '${name}' belongs to the protocol`, fix })
  }
  if (own.authorization !== undefined && headers['authorization'] !== undefined) {
    throw new StackError('invalid_value', {
      param,
      problem: 'there is an Authorization header beside authorization',
      fix: 'Send one of the two.',
    })
  }
  return { ...own, headers }
}

function lowerCase(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}

function texts(of: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(of).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
  )
}

/** A name for everything that tells two callers apart at a server. It tells nothing of the credentials. */
export function toIdentity(credentials: McpCredentials, principalId: string | undefined): string {
  const headers = Object.entries(credentials.headers).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return hash('sha256', JSON.stringify([principalId ?? null, headers]), 'base64url')
}
