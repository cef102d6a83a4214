import { isStackError } from '@llama-stack/api'
import { describe, expect, test } from 'vitest'
import { silentLog } from '../../kernel/log.ts'
import { createMcpRig, mcpCaller, toConnector } from '../../testing/mcp-rig.ts'
import {
  deadMcpUrl,
  HUGE_LENGTH,
  standardMcpTools,
  startMcpServer,
  startScriptedMcpServer,
  stdioMcpServer,
  textReply,
  TINY_PNG,
} from '../../testing/mcp-servers.ts'
import type { McpTestServerOptions } from '../../testing/mcp-servers.ts'

const kinds: readonly (readonly [string, McpTestServerOptions])[] = [
  ['2026', { era: '2026' }],
  ['2026 that answers 2025 too', { era: 'both' }],
  ['2025 with sessions', { era: '2025' }],
  ['2025 without sessions', { era: '2025', stateless: true }],
  ['2024 with sessions', { era: '2024' }],
  ['2024 without sessions', { era: '2024', stateless: true }],
  ['2024 over server-sent events', { transport: 'sse' }],
]

const call = (name: string, args: Record<string, string | number> = {}) => ({ name, arguments: args, callId: 'call_1' })

describe.each(kinds)('a server of %s', (_name, options) => {
  test('lists its tools byte for byte', async () => {
    await using server = await startMcpServer({ ...options, pageSize: 3 })
    await using rig = createMcpRig()
    const tools = await rig.host.listTools({ label: 'a', url: server.url }, mcpCaller())
    const sent = standardMcpTools.map(({ name, inputSchema }) => JSON.stringify({ name, inputSchema }))
    expect(tools.map(({ name, inputSchema }) => JSON.stringify({ name, inputSchema }))).toEqual(sent)
    expect(tools[0]?.annotations).toEqual({ readOnlyHint: true, idempotentHint: true, title: 'Add' })
    expect(tools[0]?.description).toBe('Adds two numbers.')
  })

  test('runs a tool, and hears the id of the call', async () => {
    await using server = await startMcpServer(options)
    await using rig = createMcpRig()
    const outcome = await rig.host.callTool({ label: 'a', url: server.url }, call('add', { a: 1, b: 2 }), mcpCaller())
    expect(outcome).toEqual({ parts: [{ type: 'text', text: '3' }], text: '3', isError: false })
    expect(server.calls).toMatchObject([{ name: 'add', arguments: { a: 1, b: 2 }, callId: 'call_1' }])
  })

  test('tells of progress, which begins the time of a call anew', async () => {
    await using server = await startMcpServer(options)
    await using rig = createMcpRig({ policy: { callTimeoutMs: 400 } })
    const told: unknown[] = []
    const outcome = await rig.host.callTool(
      { label: 'a', url: server.url },
      { ...call('steps', { steps: 4, ms: 150 }), onProgress: (progress) => told.push(progress) },
      mcpCaller(),
    )
    expect(outcome.text).toBe('4 steps')
    // What it says last may come after the result, when nobody listens any more.
    expect(told).toContainEqual({ progress: 3, message: 'step 3' })
  })

  test('is told when a call is not wanted any more', async () => {
    await using server = await startMcpServer(options)
    await using rig = createMcpRig()
    const leaving = new AbortController()
    const called = rig.host.callTool({ label: 'a', url: server.url }, call('slow'), mcpCaller('a', {}, leaving.signal))
    called.catch(() => undefined)
    await expect.poll(() => server.calls.length).toBe(1)
    leaving.abort()
    await expect(called).rejects.toMatchObject({ code: 'provider_stream_broken' })
    // Without sessions there is no way to tell a server of 2025 which call is meant.
    const canTell = options.stateless !== true
    await expect.poll(() => server.calls[0]?.cancelled).toBe(canTell)
  })

  test('that is slow is not waited for', async () => {
    await using server = await startMcpServer(options)
    await using rig = createMcpRig({ policy: { callTimeoutMs: 200 } })
    const called = rig.host.callTool({ label: 'a', url: server.url }, call('slow'), mcpCaller())
    await expect(called).rejects.toMatchObject({ code: 'mcp_server_timeout', status: 504 })
    expect(server.calls.length).toBe(1)
  })

  test('that cuts the connection does not get the call again', async () => {
    await using server = await startMcpServer(options)
    await using rig = createMcpRig()
    const address = { label: 'a', url: server.url }
    await rig.host.callTool(address, call('add', { a: 1, b: 2 }), mcpCaller())
    const error: unknown = await rig.host.callTool(address, call('cut'), mcpCaller()).catch((cause: unknown) => cause)
    expect(isStackError(error, 'mcp_server_unreachable')).toBe(true)
    expect(server.calls.map(({ name }) => name)).toEqual(['add', 'cut'])
    // The next call is served as if nothing had been.
    const outcome = await rig.host.callTool(address, call('add', { a: 2, b: 2 }), mcpCaller())
    expect(outcome.text).toBe('4')
  })

  test('has 50 calls at a time on one connection', async () => {
    await using server = await startMcpServer(options)
    await using rig = createMcpRig()
    const address = { label: 'a', url: server.url }
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        rig.host.callTool(address, { ...call('add', { a: index, b: 1 }), callId: `call_${index}` }, mcpCaller()),
      ),
    )
    expect(outcomes.map(({ text }) => text)).toEqual(Array.from({ length: 50 }, (_, index) => String(index + 1)))
    expect(new Set(server.calls.map(({ sessionId }) => sessionId)).size).toBe(1)
    const count = (method: string): number => server.requests.filter(({ rpc }) => rpc === method).length
    // A server that has only events is greeted in vain first.
    expect(count('initialize')).toBeLessThanOrEqual(options.transport === 'sse' ? 2 : 1)
    expect(count('server/discover')).toBeLessThanOrEqual(1)
  })

  test('keeps identities apart', async () => {
    await using server = await startMcpServer(options)
    await using rig = createMcpRig()
    const as = (id: string, authorization?: string): Promise<unknown> => {
      const address = { label: 'a', url: server.url, ...(authorization === undefined ? {} : { authorization }) }
      return rig.host.callTool(address, call('add', { a: 1, b: 2 }), mcpCaller(id))
    }
    await Promise.all([as('alice', 'token-of-alice'), as('bob', 'token-of-bob'), as('carol')])
    await as('alice', 'token-of-alice')
    const byToken = Map.groupBy(server.calls, ({ headers }) => headers['authorization'] ?? 'none')
    expect([...byToken.keys()].toSorted()).toEqual(['Bearer token-of-alice', 'Bearer token-of-bob', 'none'])
    const hasSessions = options.era === '2025' || options.era === '2024' || options.transport === 'sse'
    if (!hasSessions || options.stateless === true) return
    const sessions = [...byToken.values()].map((calls) => new Set(calls.map(({ sessionId }) => sessionId)))
    expect(sessions.map(({ size }) => size)).toEqual([1, 1, 1])
    expect(new Set(sessions.flatMap((ids) => [...ids])).size).toBe(3)
  })
})

describe('a list of tools', () => {
  test('is fetched once for all who ask while it is good', async () => {
    await using server = await startMcpServer({ era: '2025' })
    await using rig = createMcpRig()
    const address = { label: 'a', url: server.url }
    const lists = await Promise.all(Array.from({ length: 20 }, () => rig.host.listTools(address, mcpCaller())))
    expect(await rig.host.listTools(address, mcpCaller())).toBe(lists[0])
    expect(server.lists).toBe(1)
  })

  test.each(['2026', '2025', '2024'] as const)(
    'is fetched again when a server of %s says that it changed',
    async (era) => {
      await using server = await startMcpServer({ era, listTtlMs: 60_000 })
      await using rig = createMcpRig()
      const address = { label: 'a', url: server.url }
      await rig.host.listTools(address, mcpCaller())
      const fresh = { name: 'fresh', inputSchema: { type: 'object' }, run: () => textReply('new') }
      // The stream on which the server tells of changes is opened beside the first exchange.
      await expect
        .poll(async () => {
          await server.setTools([fresh])
          return (await rig.host.listTools(address, mcpCaller())).map(({ name }) => name)
        })
        .toEqual(['fresh'])
    },
  )

  test('is good for as long as the server says', async () => {
    await using server = await startMcpServer({ era: '2026', listTtlMs: 1000 })
    let now = 0
    await using rig = createMcpRig({ clock: { now: () => now, monotonic: () => performance.now() } })
    const address = { label: 'a', url: server.url }
    await rig.host.listTools(address, mcpCaller())
    now = 999
    await rig.host.listTools(address, mcpCaller())
    expect(server.lists).toBe(1)
    now = 1000
    await rig.host.listTools(address, mcpCaller())
    expect(server.lists).toBe(2)
  })

  test('leaves out what is no tool', async () => {
    const warnings: unknown[] = []
    await using server = await startScriptedMcpServer({
      'tools/list': () => ({
        tools: [
          { name: 'good', inputSchema: { type: 'object', $ref: '#/nowhere' } },
          { name: 'good', inputSchema: { type: 'object', title: 'the second of its name' } },
          { name: 'no-schema' },
          { name: 'text-schema', inputSchema: 'object' },
          { name: 'array-schema', inputSchema: { type: 'array' } },
          { inputSchema: { type: 'object' } },
          'no tool at all',
        ],
      }),
    })
    await using rig = createMcpRig({
      log: {
        debug() {},
        info() {},
        error() {},
        warn: (_message, fields) => warnings.push(fields),
        child: () => silentLog,
      },
    })
    const tools = await rig.host.listTools({ label: 'a', url: server.url }, mcpCaller())
    expect(tools).toEqual([{ name: 'good', inputSchema: { type: 'object', $ref: '#/nowhere' } }])
    expect(warnings.length).toBe(6)
  })

  test.each([
    ['is no list', { tools: 'none' }, 'tools'],
    ['is not there', {}, 'tools'],
    [
      'is too long',
      { tools: Array.from({ length: 11 }, (_, n) => ({ name: `t${n}`, inputSchema: {} })) },
      'more than 10',
    ],
    ['is too large', { tools: [{ name: 'a', description: 'x'.repeat(5000) }] }, 'larger than 4000 bytes'],
    ['goes round in a circle', { tools: [], nextCursor: 'again' }, 'circle'],
  ])('that %s is a bad reply', async (_name, list, words) => {
    await using server = await startScriptedMcpServer({ 'tools/list': () => list })
    await using rig = createMcpRig({ policy: { maxTools: 10, maxToolListBytes: 4000 } })
    const listed = rig.host.listTools({ label: 'a', url: server.url }, mcpCaller())
    await expect(listed).rejects.toMatchObject({ code: 'mcp_bad_reply', status: 502 })
    await expect(listed).rejects.toThrow(words)
  })
})

describe('a result', () => {
  test('is one part for each item of content', async () => {
    await using server = await startMcpServer()
    await using rig = createMcpRig()
    const outcome = await rig.host.callTool({ label: 'a', url: server.url }, call('several'), mcpCaller())
    expect(outcome.parts).toEqual([
      { type: 'text', text: 'one' },
      { type: 'image', dataUrl: `data:image/png;base64,${TINY_PNG}` },
      { type: 'text', text: 'two' },
      { type: 'text', text: 'three: test://three' },
    ])
    expect(outcome.text).toBe('one\ntwo\nthree: test://three')
  })

  test('may be structured, and a failure', async () => {
    await using server = await startMcpServer()
    await using rig = createMcpRig()
    const address = { label: 'a', url: server.url }
    const structured = await rig.host.callTool(address, call('structured'), mcpCaller())
    expect(structured).toMatchObject({ text: '{"sum":3}', structuredContent: { sum: 3 }, isError: false })
    const failed = await rig.host.callTool(address, call('fail'), mcpCaller())
    expect(failed).toMatchObject({ text: 'the disk is full', isError: true })
    expect(failed.protocolErrorCode).toBeUndefined()
  })

  test('is cut where it is too long, and says so', async () => {
    await using server = await startMcpServer()
    await using rig = createMcpRig({ policy: { maxResultBytes: 1000 } })
    const { text, parts } = await rig.host.callTool({ label: 'a', url: server.url }, call('huge'), mcpCaller())
    expect(parts[0]).toEqual({ type: 'text', text: 'x'.repeat(1000) })
    expect(text).toContain(`[The result was cut: it has ${HUGE_LENGTH} bytes of text, and the first 1000 are shown.]`)
  })

  test('beyond all bounds is refused', async () => {
    await using server = await startMcpServer()
    await using rig = createMcpRig({ policy: { maxMessageBytes: 1_000_000 } })
    const called = rig.host.callTool({ label: 'a', url: server.url }, call('huge'), mcpCaller())
    await expect(called).rejects.toMatchObject({ code: 'mcp_bad_reply' })
  })

  test('of the wrong shape is a bad reply', async () => {
    await using server = await startScriptedMcpServer({ 'tools/call': () => ({ content: 'three' }) })
    await using rig = createMcpRig()
    const called = rig.host.callTool({ label: 'a', url: server.url }, call('add'), mcpCaller())
    await expect(called).rejects.toMatchObject({ code: 'mcp_bad_reply' })
  })
})

describe('a tool that is not there', () => {
  test.each(kinds)('is told by a server of %s', async (_name, options) => {
    await using server = await startMcpServer(options)
    await using rig = createMcpRig()
    const called = rig.host.callTool({ label: 'a', url: server.url }, call('ad'), mcpCaller())
    await expect(called).rejects.toMatchObject({ code: 'mcp_tool_not_found', status: 404 })
    await expect(called).rejects.toThrow("Did you mean 'add'?")
  })
})

describe('a server of 2026', () => {
  test('is told in headers what its tool wants there, also when its list is not to be kept', async () => {
    const inputSchema = { type: 'object', properties: { region: { type: 'string', 'x-mcp-header': 'Region' } } }
    const tools = [{ name: 'here', inputSchema, run: () => textReply('ok') }]
    await using server = await startMcpServer({ era: '2026', tools, listTtlMs: 0 })
    await using rig = createMcpRig()
    const address = { label: 'a', url: server.url }
    for (const region of ['eu', 'us']) await rig.host.callTool(address, call('here', { region }), mcpCaller())
    expect(server.calls.map(({ headers }) => headers['mcp-param-region'])).toEqual(['eu', 'us'])
    expect(server.lists).toBe(1)
  })
})

describe('a server that stumbles over the question for its version', () => {
  test('is greeted without it, and not asked again', async () => {
    await using server = await startMcpServer({ era: '2024', stumbles: true })
    await using rig = createMcpRig()
    const address = { label: 'a', url: server.url }
    for (const id of ['alice', 'bob']) await rig.host.listTools(address, mcpCaller(id))
    expect(server.requests.filter(({ rpc }) => rpc === 'server/discover').length).toBe(1)
    expect(server.requests.filter(({ rpc }) => rpc === 'initialize').length).toBe(2)
  })
})

describe('a request of a server', () => {
  test.each(['2025', '2024'] as const)('for input is refused, as %s asks', async (era) => {
    await using server = await startMcpServer({ era })
    await using rig = createMcpRig()
    const outcome = await rig.host.callTool({ label: 'a', url: server.url }, call('ask'), mcpCaller())
    expect(outcome.isError).toBe(true)
    expect(outcome.protocolErrorCode).toBeDefined()
  })
})

describe('a session', () => {
  test.each(['2025', '2024'] as const)('of %s that is over is replaced, and the call is made once', async (era) => {
    await using server = await startMcpServer({ era })
    await using rig = createMcpRig()
    const address = { label: 'a', url: server.url }
    await rig.host.callTool(address, call('add', { a: 1, b: 2 }), mcpCaller())
    server.dropSessions()
    const outcome = await rig.host.callTool(address, call('add', { a: 2, b: 2 }), mcpCaller())
    expect(outcome.text).toBe('4')
    expect(server.calls.length).toBe(2)
  })
})

describe('a server that cannot be reached', () => {
  test('is told, and left alone after a few times', async () => {
    const url = await deadMcpUrl()
    await using rig = createMcpRig({ policy: { breaker: { failures: 2, openMs: 60_000, maxOpenMs: 60_000 } } })
    const list = (): Promise<unknown> => rig.host.listTools({ label: 'dead', url }, mcpCaller())
    await expect(list()).rejects.toMatchObject({ code: 'mcp_server_unreachable', status: 502 })
    await expect(list()).rejects.toThrow("MCP server 'dead' cannot be reached: connection refused.")
    await expect(list()).rejects.toThrow('left alone')
  })

  test('is not waited for longer than a connection may take', async () => {
    await using server = await startMcpServer({ delayMs: 5000 })
    await using rig = createMcpRig({ policy: { connectTimeoutMs: 200 } })
    const listed = rig.host.listTools({ label: 'a', url: server.url }, mcpCaller())
    await expect(listed).rejects.toMatchObject({ code: 'mcp_server_timeout' })
    await expect(listed).rejects.toThrow('within 200 ms while connecting')
  })

  test('at a private address is not tried for a caller', async () => {
    await using server = await startMcpServer()
    await using rig = createMcpRig({
      allowPrivateUrls: false,
      connectors: [toConnector('mine', server.url)],
    })
    const listed = rig.host.listTools({ label: 'a', url: server.url }, mcpCaller())
    await expect(listed).rejects.toMatchObject({ code: 'url_blocked', status: 400 })
    expect(server.requests).toEqual([])
    // The operator's own addresses are the operator's business.
    expect(await rig.host.listTools({ label: 'a', connectorId: 'mine' }, mcpCaller())).not.toEqual([])
  })

  test.each(['ftp://127.0.0.1/', 'nonsense'])('because %s is no address is told as a mistake', async (url) => {
    await using rig = createMcpRig()
    const listed = rig.host.listTools({ label: 'a', url }, mcpCaller())
    await expect(listed).rejects.toMatchObject({ code: 'invalid_value', param: 'server_url' })
  })

  test('because it redirects is not followed for a caller', async () => {
    await using server = await startMcpServer({
      intercept(_request, response) {
        response.writeHead(307, { location: 'http://127.0.0.1:9/' }).end()
        return true
      },
    })
    await using rig = createMcpRig()
    const listed = rig.host.listTools({ label: 'a', url: server.url }, mcpCaller())
    await expect(listed).rejects.toMatchObject({ code: 'mcp_server_unreachable' })
    await expect(listed).rejects.toThrow('redirect')
  })
})

describe('a child process', () => {
  const child = (): ReturnType<typeof toConnector> =>
    toConnector('child', '', { endpoint: { transport: 'stdio', ...stdioMcpServer(), env: { ONLY: 'this' } } })

  test('runs tools, sees what it was given and nothing else, and is replaced when it ends', async () => {
    await using rig = createMcpRig({ connectors: [child()], policy: { connectTimeoutMs: 20_000 } })
    const address = { label: 'a', connectorId: 'child' }
    const outcome = await rig.host.callTool(address, call('add', { a: 1, b: 2 }), mcpCaller())
    expect(outcome.text).toBe('3')
    const variables = await rig.host.callTool(address, call('variables'), mcpCaller())
    expect(variables.text).toBe('HOME ONLY PATH')
    const ended = rig.host.callTool(address, call('exit'), mcpCaller())
    await expect(ended).rejects.toMatchObject({ code: 'mcp_server_unreachable' })
    const again = await rig.host.callTool(address, call('add', { a: 2, b: 2 }), mcpCaller())
    expect(again.text).toBe('4')
  }, 60_000)

  test('that does not exist is told', async () => {
    const endpoint = { transport: 'stdio', command: '/does/not/exist', args: [], env: {} } as const
    await using rig = createMcpRig({ connectors: [toConnector('child', '', { endpoint })] })
    const listed = rig.host.listTools({ label: 'a', connectorId: 'child' }, mcpCaller())
    await expect(listed).rejects.toMatchObject({ code: 'mcp_server_unreachable' })
  })
})

describe('connections', () => {
  test('are closed when nobody uses them', async () => {
    await using server = await startMcpServer({ transport: 'sse' })
    await using rig = createMcpRig({ policy: { idleMs: 50 } })
    await rig.host.listTools({ label: 'a', url: server.url }, mcpCaller())
    expect(server.sessions).toBe(1)
    await expect.poll(() => server.sessions).toBe(0)
  })

  test.each(['2025', '2024'] as const)('say goodbye to servers of %s', async (era) => {
    await using server = await startMcpServer({ era })
    const rig = createMcpRig()
    await rig.host.listTools({ label: 'a', url: server.url }, mcpCaller())
    await rig[Symbol.asyncDispose]()
    const goodbye = server.requests.findLast(({ method }) => method === 'DELETE')
    expect(goodbye?.headers['mcp-session-id']).toBeDefined()
  })

  test('make room for others', async () => {
    await using server = await startMcpServer({ transport: 'sse' })
    await using rig = createMcpRig({ policy: { maxConnections: 2 } })
    for (const id of ['a', 'b', 'c', 'd']) await rig.host.listTools({ label: 'a', url: server.url }, mcpCaller(id))
    await expect.poll(() => server.sessions).toBe(2)
  })

  test('are closed with the host', async () => {
    await using server = await startMcpServer({ transport: 'sse' })
    const rig = createMcpRig()
    await rig.host.listTools({ label: 'a', url: server.url }, mcpCaller())
    await rig[Symbol.asyncDispose]()
    await expect.poll(() => server.sessions).toBe(0)
    const listed = rig.host.callTool({ label: 'a', url: server.url }, call('add'), mcpCaller())
    await expect(listed).rejects.toMatchObject({ code: 'server_shutting_down' })
  })
})
