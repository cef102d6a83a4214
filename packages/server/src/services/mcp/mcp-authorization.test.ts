import type { JsonObject } from '@llama-stack/api'
import { describe, expect, test } from 'vitest'
import { createMcpRig, mcpCaller, RIG_URL, toConnector } from '../../testing/mcp-rig.ts'
import type { McpRig, McpRigOptions } from '../../testing/mcp-rig.ts'
import { startLoginServer, toResourceMetadata } from '../../testing/mcp-login-server.ts'
import type { LoginServer } from '../../testing/mcp-login-server.ts'
import { startMcpServer } from '../../testing/mcp-servers.ts'
import type { McpTestServer, McpTestServerOptions } from '../../testing/mcp-servers.ts'

const add = { name: 'add', arguments: { a: 1, b: 2 }, callId: 'call_1' }
const TOKEN = 'a-token-nobody-may-see'

describe.each([
  ['2026', { era: '2026' }],
  ['2024', { era: '2024' }],
  ['server-sent events', { transport: 'sse' }],
] as const)('a server of %s that wants a token', (_name, options) => {
  test('is given what the request says', async () => {
    await using server = await startMcpServer({ ...options, token: TOKEN })
    await using rig = createMcpRig()
    const byToken = { label: 'a', url: server.url, authorization: TOKEN }
    expect((await rig.host.callTool(byToken, add, mcpCaller())).text).toBe('3')
    const byHeader = { label: 'a', url: server.url, headers: { Authorization: `Bearer ${TOKEN}` } }
    expect((await rig.host.callTool(byHeader, add, mcpCaller())).text).toBe('3')
  })

  test('refuses a wrong one, which is not repeated', async () => {
    await using server = await startMcpServer({ ...options, token: 'another' })
    await using rig = createMcpRig()
    const address = { label: 'a', url: server.url, authorization: TOKEN }
    const error: unknown = await rig.host.listTools(address, mcpCaller()).catch((cause: unknown) => cause)
    expect(error).toMatchObject({ code: 'mcp_server_authentication', status: 401 })
    expect(String(error)).toContain("did not accept the request's authorization")
    expect(JSON.stringify(error)).not.toContain(TOKEN)
    expect(String(error)).not.toContain(TOKEN)
  })

  test('refuses none, and it is said that there was none', async () => {
    await using server = await startMcpServer({ ...options, token: TOKEN })
    await using rig = createMcpRig()
    const listed = rig.host.listTools({ label: 'a', url: server.url }, mcpCaller())
    await expect(listed).rejects.toThrow('did not accept a call without a credential')
  })
})

interface Sent {
  readonly is: string
  readonly data?: JsonObject
  readonly connectors?: McpRigOptions['connectors']
  readonly more?: object
  readonly expected: readonly unknown[]
}

describe('a credential', () => {
  const seen = async ({
    data = {},
    connectors: all = [],
    more = {},
  }: Omit<Sent, 'is' | 'expected'>): Promise<unknown> => {
    await using server = await startMcpServer({ era: 'both' })
    const connectors = all.map((connector) => ({
      ...connector,
      endpoint: { transport: 'http', url: server.url } as const,
    }))
    await using rig = createMcpRig({ connectors })
    const place = connectors.length === 0 ? { url: server.url } : { connectorId: 'c' }
    const sent = JSON.parse(JSON.stringify(data).replaceAll('URL', server.url)) as JsonObject
    await rig.host.callTool({ label: 'c', ...place, ...more }, add, mcpCaller('alice', sent))
    const { authorization, 'x-team': team } = server.calls[0]?.headers ?? {}
    return [authorization, team]
  }
  const bearer = toConnector('c', '', { auth: { type: 'bearer', token: 'own' }, headers: { 'X-Team': 'ops' } })

  const connectors = [bearer]
  const mine = { mcp: { c: { authorization: 'mine' } } }

  test.each<Sent>([
    { is: 'of nobody', expected: [undefined, undefined] },
    { is: 'of the provider data, by label', data: mine, expected: ['Bearer mine', undefined] },
    {
      is: 'of the data, by address',
      data: { mcp: { URL: { headers: { 'x-team': 'b' } } } },
      expected: [undefined, 'b'],
    },
    { is: 'as upstream has it', data: { mcp_headers: { URL: { 'X-Team': 'c' } } }, expected: [undefined, 'c'] },
    { is: 'as upstream has tokens', data: { mcp_authorization: { URL: 'up' } }, expected: ['Bearer up', undefined] },
    { is: 'of another server', data: { mcp: { other: { authorization: 'no' } } }, expected: [undefined, undefined] },
    { is: 'of the connector', connectors, expected: ['Bearer own', 'ops'] },
    { is: 'of the caller, over the connector', connectors, data: mine, expected: ['Bearer mine', 'ops'] },
    { is: 'beside headers', connectors, more: { headers: { 'x-team': 'x' } }, expected: ['Bearer own', 'x'] },
    { is: 'of the request', connectors, data: mine, more: { authorization: 'r' }, expected: ['Bearer r', 'ops'] },
  ])('$is', async ({ expected, ...sent }) => {
    expect(await seen(sent)).toEqual(expected)
  })

  test('is asked of the caller where the connector says so', async () => {
    await using server = await startMcpServer()
    await using rig = createMcpRig({ connectors: [toConnector('c', server.url, { auth: { type: 'forward' } })] })
    const address = { label: 'c', connectorId: 'c' }
    const refused = rig.host.listTools(address, mcpCaller())
    await expect(refused).rejects.toMatchObject({ code: 'mcp_server_authentication' })
    await expect(refused).rejects.toThrow('X-LlamaStack-Provider-Data: {"mcp": {"c": {"authorization": "<token>"}}}')
    expect(server.requests).toEqual([])
    await rig.host.listTools(address, mcpCaller('alice', { mcp: { c: { authorization: 'mine' } } }))
    expect(server.requests[0]?.headers['authorization']).toBe('Bearer mine')
  })

  test.each([
    [{ headers: { authorization: 'Bearer a' }, authorization: 'b' }, 'headers', 'beside authorization'],
    [{ headers: { 'Mcp-Session-Id': 'stolen' } }, 'headers', "'mcp-session-id' belongs to the protocol"],
    [{ headers: { Host: 'elsewhere' } }, 'headers', "'host' belongs to the protocol"],
  ])('that cannot be sent is a mistake: %j', async (more, param, words) => {
    await using rig = createMcpRig()
    const listed = rig.host.listTools({ label: 'a', url: 'http://127.0.0.1:9/', ...more }, mcpCaller())
    await expect(listed).rejects.toMatchObject({ code: 'invalid_value', status: 400, param })
    await expect(listed).rejects.toThrow(words)
  })

  test('with a line break is not sent, and not repeated', async () => {
    await using server = await startMcpServer()
    await using rig = createMcpRig()
    const authorization = `${TOKEN}\r\nx-admin: 1`
    const listed = rig.host.listTools({ label: 'a', url: server.url, authorization }, mcpCaller())
    const error: unknown = await listed.catch((cause: unknown) => cause)
    expect(error).toMatchObject({ name: 'StackError' })
    expect(String(error)).not.toContain(TOKEN)
    expect(server.requests).toEqual([])
  })
})

interface Guarded extends AsyncDisposable {
  readonly login: LoginServer
  readonly server: McpTestServer
}

async function startGuarded(
  options: McpTestServerOptions & { client?: { id: string; secret: string } } = {},
): Promise<Guarded> {
  const login = await startLoginServer(options.client === undefined ? {} : { client: options.client })
  const server = await startMcpServer({
    era: '2025',
    ...options,
    token: (bearer) => login.accessTokens.has(bearer),
    intercept: toResourceMetadata(() => login.issuer),
  })
  return {
    login,
    server,
    async [Symbol.asyncDispose]() {
      await server.close()
      await login[Symbol.asyncDispose]()
    },
  }
}

const context = (id: string) => mcpCaller(id)

async function logIn(rig: McpRig, login: LoginServer, id: string): Promise<URL> {
  const begun = await rig.connectors.authorizeConnector({ connector_id: 'c' }, context(id))
  if (begun.kind !== 'value') throw new TypeError('no address')
  const back = await login.logIn(begun.value.authorization_url)
  expect(back.href.startsWith(`${RIG_URL}/v1beta/connectors/oauth/callback?`)).toBe(true)
  return back
}

const finish = (rig: McpRig, back: URL): Promise<unknown> =>
  rig.connectors.finishConnectorLogin(Object.fromEntries(back.searchParams), context('nobody'))

describe('the grant without a login', () => {
  test('buys one token for everybody, and a new one when it is refused', async () => {
    const client = { id: 'stack', secret: 'shh-its-a-secret' }
    await using guarded = await startGuarded({ client })
    const { login, server } = guarded
    const auth = {
      type: 'client_credentials',
      clientId: client.id,
      clientSecret: client.secret,
      issuer: login.issuer,
    } as const
    let now = 0
    const clock = { now: () => now, monotonic: () => performance.now() }
    const connectors = [toConnector('c', server.url, { auth })]
    await using rig = createMcpRig({ connectors, clock, allowPrivateUrls: false })
    const address = { label: 'c', connectorId: 'c' }
    await Promise.all(['alice', 'bob'].map((id) => rig.host.callTool(address, add, mcpCaller(id))))
    expect(login.grants).toEqual(['client_credentials'])
    expect(new Set(server.calls.map(({ sessionId }) => sessionId)).size).toBe(1)
    login.accessTokens.clear()
    // A token that was just bought is not bought again: whatever refuses it has another reason.
    await expect(rig.host.callTool(address, add, mcpCaller())).rejects.toMatchObject({ status: 401 })
    now = 5000
    await Promise.all(Array.from({ length: 5 }, () => rig.host.callTool(address, add, mcpCaller())))
    expect(login.grants).toEqual(['client_credentials', 'client_credentials'])
    expect(server.calls.length).toBe(7)
  })

  test('is refused with a hint at the configuration', async () => {
    await using guarded = await startGuarded({ client: { id: 'stack', secret: 'shh' } })
    const { login, server } = guarded
    const auth = { type: 'client_credentials', clientId: 'stack', clientSecret: 'no', issuer: login.issuer } as const
    await using rig = createMcpRig({ connectors: [toConnector('c', server.url, { auth })] })
    const listed = rig.host.listTools({ label: 'c', connectorId: 'c' }, mcpCaller())
    await expect(listed).rejects.toMatchObject({ code: 'mcp_server_authentication' })
    await expect(listed).rejects.toThrow('Check the client id and the secret of the connector.')
  })

  test('does not tell the secret to another login server', async () => {
    await using guarded = await startGuarded({ client: { id: 'stack', secret: 'shh' } })
    const auth = {
      type: 'client_credentials',
      clientId: 'stack',
      clientSecret: 'shh',
      issuer: 'https://login.example',
    } as const
    await using rig = createMcpRig({ connectors: [toConnector('c', guarded.server.url, { auth })] })
    const listed = rig.host.listTools({ label: 'c', connectorId: 'c' }, mcpCaller())
    await expect(listed).rejects.toMatchObject({ name: 'StackError' })
    expect(guarded.login.grants).toEqual([])
  })
})

describe('a login', () => {
  const auth = { type: 'authorization_code' } as const

  test('gives its caller tokens, which are renewed, and nobody else', async () => {
    await using guarded = await startGuarded()
    const { login, server } = guarded
    await using rig = createMcpRig({ connectors: [toConnector('c', server.url, { auth })] })
    const address = { label: 'c', connectorId: 'c' }
    const before = rig.host.callTool(address, add, mcpCaller('alice'))
    await expect(before).rejects.toMatchObject({ code: 'mcp_server_authentication' })
    await expect(before).rejects.toThrow('GET /v1beta/connectors/c/authorize')
    const back = await logIn(rig, login, 'alice')
    expect(await finish(rig, back)).toMatchObject({ kind: 'bytes', contentType: 'text/html; charset=utf-8' })
    expect((await rig.host.callTool(address, add, mcpCaller('alice'))).text).toBe('3')
    await expect(rig.host.callTool(address, add, mcpCaller('bob'))).rejects.toMatchObject({ status: 401 })
    // The token ends; calls that are refused at the same time renew it once, for its refresh token is good once.
    login.accessTokens.clear()
    await Promise.all(Array.from({ length: 5 }, () => rig.host.callTool(address, add, mcpCaller('alice'))))
    expect(login.grants).toEqual(['authorization_code', 'refresh_token'])
    expect(login.registrations).toBe(1)
    expect(server.calls.length).toBe(6)
  })

  test('is good once', async () => {
    await using guarded = await startGuarded()
    const { login, server } = guarded
    await using rig = createMcpRig({ connectors: [toConnector('c', server.url, { auth })] })
    const back = await logIn(rig, login, 'alice')
    await finish(rig, back)
    await expect(finish(rig, back)).rejects.toMatchObject({ code: 'connector_authorization_failed', status: 400 })
  })

  test('is good for ten minutes', async () => {
    await using guarded = await startGuarded()
    const { login, server } = guarded
    let now = 0
    const clock = { now: () => now, monotonic: () => performance.now() }
    await using rig = createMcpRig({ connectors: [toConnector('c', server.url, { auth })], clock })
    const back = await logIn(rig, login, 'alice')
    now = 600_000
    await expect(finish(rig, back)).rejects.toThrow('older than ten minutes')
  })

  test.each([
    ['an answer of another server', { iss: 'https://evil.example' }],
    ['a code of nobody', { code: 'guessed' }],
    ['a state of nobody', { state: 'guessed' }],
    ['a refusal', { code: undefined, error: 'access_denied' }],
  ])('does not take %s', async (_name, more) => {
    await using guarded = await startGuarded()
    const { login, server } = guarded
    await using rig = createMcpRig({ connectors: [toConnector('c', server.url, { auth })] })
    const back = await logIn(rig, login, 'alice')
    const answer = { ...Object.fromEntries(back.searchParams), ...more }
    const ended = rig.connectors.finishConnectorLogin(answer, context('nobody'))
    await expect(ended).rejects.toMatchObject({ code: 'connector_authorization_failed' })
    expect(await rig.world.tokens.get({ id: 'alice' }, 'c')).toBeUndefined()
  })

  test('that is over is begun again, with the way told', async () => {
    await using guarded = await startGuarded()
    const { login, server } = guarded
    await using rig = createMcpRig({ connectors: [toConnector('c', server.url, { auth })] })
    await finish(rig, await logIn(rig, login, 'alice'))
    login.accessTokens.clear()
    login.refreshTokens.clear()
    const called = rig.host.callTool({ label: 'c', connectorId: 'c' }, add, mcpCaller('alice'))
    await expect(called).rejects.toMatchObject({ code: 'mcp_server_authentication' })
    await expect(called).rejects.toThrow('/v1beta/connectors/c/authorize')
  })

  test('can be forgotten', async () => {
    await using guarded = await startGuarded()
    const { login, server } = guarded
    await using rig = createMcpRig({ connectors: [toConnector('c', server.url, { auth })] })
    await finish(rig, await logIn(rig, login, 'alice'))
    await rig.host.listTools({ label: 'c', connectorId: 'c' }, mcpCaller('alice'))
    await rig.connectors.forgetConnectorLogin({ connector_id: 'c' }, context('alice'))
    const called = rig.host.callTool({ label: 'c', connectorId: 'c' }, add, mcpCaller('alice'))
    await expect(called).rejects.toMatchObject({ code: 'mcp_server_authentication' })
  })

  test('does not lead into a private network, unless the operator named the login server', async () => {
    await using guarded = await startGuarded()
    const { login, server } = guarded
    const begin = async (more: object): Promise<unknown> => {
      const connectors = [toConnector('c', server.url, { auth: { ...auth, ...more } })]
      await using rig = createMcpRig({ connectors, allowPrivateUrls: false })
      return await rig.connectors.authorizeConnector({ connector_id: 'c' }, context('alice'))
    }
    await expect(begin({})).rejects.toThrow('private address')
    expect(await begin({ issuer: login.issuer })).toMatchObject({ kind: 'value' })
  })

  test('is not for connectors of another kind', async () => {
    await using rig = createMcpRig({ connectors: [toConnector('c', 'http://127.0.0.1:9/')] })
    const begun = rig.connectors.authorizeConnector({ connector_id: 'c' }, context('alice'))
    await expect(begun).rejects.toThrow("it is of the kind 'none'")
  })
})
