import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { startLoginServer, toResourceMetadata } from '../../packages/server/src/testing/mcp-login-server.ts'
import { standardMcpTools, startMcpServer } from '../../packages/server/src/testing/mcp-servers.ts'
import { doors, withStack } from './stack-under-test.ts'
import type { UnderTest } from './stack-under-test.ts'

const resourcesOf = (...connectors: Record<string, unknown>[]) => ({
  shields: [],
  vector_dbs: [],
  vector_stores: [],
  datasets: [],
  scoring_fns: [],
  benchmarks: [],
  tool_groups: [],
  connectors,
})

async function ask(under: UnderTest, route: string, headers = {}): Promise<{ status: number; body: unknown }> {
  const response = await under.call(route, undefined, headers)
  const text = await response.text()
  return { status: response.status, body: text.startsWith('{') ? (JSON.parse(text) as unknown) : text }
}

describe.each(doors)('through the %s', (door) => {
  test('[R090, R091, R092, R093] connectors and their tools are shown', async () => {
    await using server = await startMcpServer({ token: 'open-sesame' })
    const resources = resourcesOf({ connector_id: 'wiki', url: server.url, server_label: 'the wiki' })
    await withStack({ door, config: { resources } }, async (under) => {
      const { body: listed } = await ask(under, 'GET /v1beta/connectors')
      const wiki = { connector_type: 'mcp', connector_id: 'wiki', url: server.url, server_label: 'the wiki' }
      expect(listed).toMatchObject({ data: [{ ...wiki, server_name: null }] })
      expect(server.requests).toEqual([])
      expect(await ask(under, 'GET /v1beta/connectors/wiki/tools')).toMatchObject({
        status: 401,
        body: { error: { code: 'mcp_server_authentication' } },
      })
      const headers = { 'x-llamastack-provider-data': '{"mcp": {"the wiki": {"authorization": "open-sesame"}}}' }
      const tools = await ask(under, 'GET /v1beta/connectors/wiki/tools', headers)
      expect(tools).toMatchObject({ status: 200, body: { data: standardMcpTools.map(({ name }) => ({ name })) } })
      expect(await ask(under, 'GET /v1beta/connectors/wiki/tools/add?authorization=open-sesame')).toMatchObject({
        body: { name: 'add', toolgroup_id: 'wiki', input_schema: standardMcpTools[0]?.inputSchema },
      })
      const { body: shown } = await ask(under, 'GET /v1beta/connectors/wiki')
      expect(shown).toMatchObject({ ...wiki, server_name: 'llama-stack-test-server', server_version: '1.2.3' })
      expect(await ask(under, 'GET /v1beta/connectors/wikki')).toMatchObject({
        status: 404,
        body: { error: { code: 'connector_not_found' } },
      })
    })
  })
})

test('a login survives a restart, and its tokens are shown to nobody', async () => {
  await using login = await startLoginServer()
  await using server = await startMcpServer({
    token: (bearer) => login.accessTokens.has(bearer),
    intercept: toResourceMetadata(() => login.issuer),
  })
  const auth = { type: 'authorization_code', issuer: login.issuer }
  const config = { resources: resourcesOf({ connector_id: 'calendar', url: server.url, auth }) }
  const directory = mkdtempSync(join(tmpdir(), 'connectors-'))
  try {
    let back = new URL('http://localhost')
    await withStack({ door: 'fetch', directory, config }, async (under) => {
      const { body } = await ask(under, 'GET /v1beta/connectors/calendar/authorize')
      back = await login.logIn((body as { authorization_url: string }).authorization_url)
    })
    // The browser comes back to a server that was started meanwhile.
    await withStack({ door: 'fetch', directory, config }, async (under) => {
      expect(await ask(under, `GET ${back.pathname}${back.search}`)).toMatchObject({ status: 200 })
      expect(await ask(under, `GET ${back.pathname}${back.search}`)).toMatchObject({ status: 400 })
      const { body } = await ask(under, 'GET /v1beta/connectors/calendar')
      expect(body).toMatchObject({ authorization: { type: 'authorization_code', authorized: true } })
      expect(JSON.stringify(body)).not.toContain('access-')
    })
    await withStack({ door: 'fetch', directory, config }, async (under) => {
      expect((await ask(under, 'GET /v1beta/connectors/calendar/tools')).status).toBe(200)
    })
    expect(secretsIn(directory, login.accessTokens)).toEqual([])
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})

/** The files that have one of the secrets in them. */
function secretsIn(directory: string, secrets: Iterable<string>): string[] {
  const names = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return names
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((path) => [...secrets].some((secret) => readFileSync(path).includes(secret)))
}
