import { connectors as routes } from '@llama-stack/api'
import { describe, expect, test } from 'vitest'
import { createHttpApp } from '../../http/http-app.ts'
import type { BoundRoute } from '../../http/bound-route.ts'
import { createIds } from '../../kernel/ids.ts'
import { silentLog } from '../../kernel/log.ts'
import { startLoginServer, toResourceMetadata } from '../../testing/mcp-login-server.ts'
import { createMcpRig, toConnector } from '../../testing/mcp-rig.ts'
import type { McpRigOptions } from '../../testing/mcp-rig.ts'
import { deadMcpUrl, standardMcpTools, startMcpServer, stdioMcpServer } from '../../testing/mcp-servers.ts'

interface Site extends AsyncDisposable {
  get(path: string, init?: RequestInit): Promise<{ status: number; body: Record<string, unknown>; text: string }>
}

/** The routes of the connectors behind the real HTTP application. */
function openSite(options: McpRigOptions): Site {
  const rig = createMcpRig(options)
  const bound: BoundRoute[] = Object.entries(routes).map(([name, route]) => ({
    name,
    route,
    tag: route.tag,
    // Service<A> has exactly the keys of A; entries() cannot say so.
    operation: rig.connectors[name as keyof typeof rig.connectors] as BoundRoute['operation'],
  }))
  const app = createHttpApp({
    routes: bound,
    server: {},
    log: silentLog,
    clock: rig.world.clock,
    ids: createIds(),
    openApi: { title: 'Connectors', version: '0' },
  })
  return {
    async get(path, init) {
      const response = await app.fetch(`http://localhost${path}`, init)
      const text = await response.text()
      const isJson = response.headers.get('content-type')?.startsWith('application/json') === true
      return { status: response.status, body: isJson ? (JSON.parse(text) as Record<string, unknown>) : {}, text }
    },
    async [Symbol.asyncDispose]() {
      await app.close({ drainTimeoutMs: 0 })
      await rig[Symbol.asyncDispose]()
    },
  }
}

describe('the connectors', () => {
  test('[R090] [R091] are shown as they are configured, and as their servers call themselves once that is known', async () => {
    await using server = await startMcpServer()
    await using site = openSite({
      connectors: [
        toConnector('one', `${server.url}?key=secret`, { label: 'the one' }),
        toConnector('two', '', { endpoint: { transport: 'stdio', ...stdioMcpServer(), env: { KEY: 'secret' } } }),
      ],
    })
    const one = {
      connector_type: 'mcp',
      connector_id: 'one',
      url: server.url,
      server_label: 'the one',
      server_name: null,
      server_description: null,
      server_version: null,
      authorization: { type: 'none', authorized: true },
    }
    const listed = await site.get('/v1beta/connectors')
    expect(listed.body['data']).toEqual([one, expect.objectContaining({ connector_id: 'two', url: 'stdio:two' })])
    expect(listed.text).not.toContain('secret')
    expect(server.requests).toEqual([])
    await site.get('/v1beta/connectors/one/tools')
    expect((await site.get('/v1beta/connectors/one')).body).toEqual({
      ...one,
      server_name: 'llama-stack-test-server',
      server_version: '1.2.3',
      server_description: 'A server for tests.',
    })
  })

  test('[R092] [R093] show the tools of their servers', async () => {
    await using server = await startMcpServer({ era: '2025' })
    await using site = openSite({ connectors: [toConnector('one', server.url)] })
    const { body } = await site.get('/v1beta/connectors/one/tools')
    const add = {
      toolgroup_id: 'one',
      name: 'add',
      description: 'Adds two numbers.',
      input_schema: standardMcpTools[0]?.inputSchema,
      output_schema: null,
      metadata: { annotations: { title: 'Add', readOnlyHint: true, idempotentHint: true } },
    }
    expect(body['data']).toHaveLength(standardMcpTools.length)
    expect(body['data']).toContainEqual(add)
    expect((await site.get('/v1beta/connectors/one/tools/add')).body).toEqual(add)
    expect(server.lists).toBe(1)
    const missing = await site.get('/v1beta/connectors/one/tools/ad')
    expect(missing).toMatchObject({ status: 404, body: { error: { code: 'mcp_tool_not_found' } } })
    expect(missing.text).toContain("Did you mean 'add'?")
  })

  test.each([
    '/v1beta/connectors/onne',
    '/v1beta/connectors/onne/tools',
    '/v1beta/connectors/onne/tools/add',
    '/v1beta/connectors/onne/authorize',
  ])('that are not there are not found: %s', async (path) => {
    await using site = openSite({ connectors: [toConnector('one', 'http://127.0.0.1:9/')] })
    const reply = await site.get(path)
    expect(reply).toMatchObject({ status: 404, body: { error: { code: 'connector_not_found' } } })
    expect(reply.text).toContain("Did you mean 'one'?")
  })

  test('whose servers are dead say so', async () => {
    await using site = openSite({ connectors: [toConnector('one', await deadMcpUrl())] })
    const reply = await site.get('/v1beta/connectors/one/tools')
    expect(reply).toMatchObject({ status: 502, body: { error: { code: 'mcp_server_unreachable' } } })
  })

  test('take a token in the query, and better in a header', async () => {
    await using server = await startMcpServer({ token: 'open-sesame' })
    await using site = openSite({ connectors: [toConnector('one', server.url)] })
    expect((await site.get('/v1beta/connectors/one/tools')).status).toBe(401)
    expect((await site.get('/v1beta/connectors/one/tools?authorization=open-sesame')).status).toBe(200)
    const headers = { 'x-llamastack-provider-data': '{"mcp": {"one": {"authorization": "open-sesame"}}}' }
    expect((await site.get('/v1beta/connectors/one/tools', { headers })).status).toBe(200)
  })

  test('can be logged in to with a browser', async () => {
    await using login = await startLoginServer()
    await using server = await startMcpServer({
      token: (bearer) => login.accessTokens.has(bearer),
      intercept: toResourceMetadata(() => login.issuer),
    })
    const connector = toConnector('one', server.url, { label: '<one>', auth: { type: 'authorization_code' } })
    await using site = openSite({ connectors: [connector] })
    const authorized = async (): Promise<unknown> => (await site.get('/v1beta/connectors/one')).body['authorization']
    expect(await authorized()).toEqual({ type: 'authorization_code', authorized: false })
    const { body } = await site.get('/v1beta/connectors/one/authorize')
    expect(body).toMatchObject({ connector_id: 'one', expires_at: expect.any(Number) as number })
    const back = await login.logIn(String(body['authorization_url']))
    const page = await site.get(`${back.pathname}${back.search}`)
    expect(page.status).toBe(200)
    expect(page.text).toContain('You are logged in to &lt;one&gt;.')
    expect(await authorized()).toEqual({ type: 'authorization_code', authorized: true })
    expect((await site.get('/v1beta/connectors/one/tools')).status).toBe(200)
    expect((await site.get(`${back.pathname}${back.search}`)).status).toBe(400)
    expect((await site.get('/v1beta/connectors/one/authorize', { method: 'DELETE' })).status).toBe(204)
    expect((await site.get('/v1beta/connectors/one/tools')).status).toBe(401)
  })
})
