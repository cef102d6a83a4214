/** An OAuth login server for tests, with what MCP asks of one: metadata, registration, PKCE, rotating refresh tokens. */
import { createHash, randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface LoginServerOptions {
  /** A client that is known beforehand, for the grant without a login too. */
  readonly client?: { readonly id: string; readonly secret: string }
}

export interface LoginServer extends AsyncDisposable {
  /** Its address, which is its name too. */
  readonly issuer: string
  /** The grants that were asked for, oldest first. */
  readonly grants: readonly string[]
  readonly registrations: number
  /** The tokens that it gave out and that are good. */
  readonly accessTokens: Set<string>
  /** Refresh tokens that are good; each is good once. */
  readonly refreshTokens: Set<string>
  /** Does what a browser does: opens the login page and is sent back. Resolves to the address that it is sent to. */
  logIn(authorizationUrl: string): Promise<URL>
}

interface Code {
  readonly challenge: string
  readonly redirectUri: string
  readonly clientId: string
}

/** Starts a login server on a free port. Everybody who comes is let in. */
export async function startLoginServer(options: LoginServerOptions = {}): Promise<LoginServer> {
  const grants: string[] = []
  const accessTokens = new Set<string>()
  const refreshTokens = new Set<string>()
  const codes = new Map<string, Code>()
  let registrations = 0
  let issuer = ''

  const give = (): object => {
    const access = `access-${randomUUID()}`
    const refresh = `refresh-${randomUUID()}`
    accessTokens.add(access)
    refreshTokens.add(refresh)
    return { access_token: access, refresh_token: refresh, token_type: 'Bearer', expires_in: 3600 }
  }

  const grant = (form: URLSearchParams, authorization: string): object | undefined => {
    const type = form.get('grant_type') ?? ''
    grants.push(type)
    if (type === 'refresh_token') return refreshTokens.delete(form.get('refresh_token') ?? '') ? give() : undefined
    if (type === 'client_credentials') return isClient(options.client, authorization) ? give() : undefined
    const code = codes.get(form.get('code') ?? '')
    codes.delete(form.get('code') ?? '')
    const proof = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url')
    const isRight = code?.challenge === proof && code.redirectUri === form.get('redirect_uri')
    return isRight ? give() : undefined
  }

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '', issuer)
    const body = await readText(request)
    if (url.pathname === '/.well-known/oauth-authorization-server') return reply(response, 200, metadata(issuer))
    if (url.pathname === '/register') {
      registrations += 1
      return reply(response, 201, { ...(JSON.parse(body) as object), client_id: `client-${registrations}` })
    }
    if (url.pathname === '/authorize') {
      const code = randomUUID()
      const {
        client_id: clientId = '',
        redirect_uri: redirectUri = '',
        code_challenge: challenge = '',
        state = '',
      } = Object.fromEntries(url.searchParams)
      codes.set(code, { challenge, redirectUri, clientId })
      const back = new URL(redirectUri)
      back.search = new URLSearchParams({ code, state, iss: issuer }).toString()
      response.writeHead(302, { location: back.href }).end()
      return undefined
    }
    if (url.pathname !== '/token') return reply(response, 404, {})
    const tokens = grant(new URLSearchParams(body), request.headers.authorization ?? '')
    return tokens === undefined ? reply(response, 400, { error: 'invalid_grant' }) : reply(response, 200, tokens)
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // A server that listens on a port has an address with one.
  const { port } = server.address() as AddressInfo
  issuer = `http://127.0.0.1:${port}`
  return {
    issuer,
    grants,
    accessTokens,
    refreshTokens,
    get registrations() {
      return registrations
    },
    async logIn(authorizationUrl) {
      const page = await fetch(authorizationUrl, { redirect: 'manual' })
      return new URL(page.headers.get('location') ?? '')
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}

/** Answers the requests that a client sends to an MCP server to find its login server (RFC 9728). */
export function toResourceMetadata(
  issuer: () => string,
): (request: IncomingMessage, response: ServerResponse) => boolean {
  return (request, response) => {
    if (request.url?.startsWith('/.well-known/oauth-protected-resource') !== true) return false
    const resource = `http://${request.headers.host ?? ''}/mcp`
    reply(response, 200, { resource, authorization_servers: [issuer()] })
    return true
  }
}

function metadata(issuer: string): object {
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    registration_endpoint: `${issuer}/register`,
    response_types_supported: ['code'],
    grant_types_supported: ['authorization_code', 'refresh_token', 'client_credentials'],
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'none'],
    authorization_response_iss_parameter_supported: true,
  }
}

function isClient(client: LoginServerOptions['client'], authorization: string): boolean {
  if (client === undefined) return false
  return authorization === `Basic ${Buffer.from(`${client.id}:${client.secret}`).toString('base64')}`
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of request) chunks.push(chunk as Uint8Array)
  return Buffer.concat(chunks).toString()
}

function reply(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
