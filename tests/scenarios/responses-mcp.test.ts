/** Tools of MCP servers in responses: listed, called, failing, reused. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  deadMcpUrl,
  HUGE_LENGTH,
  startMcpServer,
  startScriptedMcpServer,
} from '../../packages/server/src/testing/mcp-servers.ts'
import type { McpTestServer, McpTestServerOptions } from '../../packages/server/src/testing/mcp-servers.ts'
import { withResponses } from './responses-scene.ts'
import type { ResponsesScene } from './responses-scene.ts'
import { calls, says, streams } from './scripted-model.ts'
import type { ScriptedCall } from './scripted-model.ts'
import { doors } from './stack-under-test.ts'
import type { UnderTestOptions } from './stack-under-test.ts'

const scene = (door: (typeof doors)[number], mcp: object = {}): UnderTestOptions => ({
  door,
  config: { server: { allowPrivateUrls: true }, mcp: mcp as never },
})

const mcpTool = (url: string, more: object = {}) =>
  ({ type: 'mcp', server_label: 'tests', server_url: url, require_approval: 'never', ...more }) as never

/** What the model was told last, of the tools. */
const toldOutputs = ({ model }: ResponsesScene) =>
  (model.asked.at(-1)?.messages ?? []).filter(({ role }) => role === 'tool').map(({ content }) => content)

async function withServer(
  options: UnderTestOptions & { readonly mcp?: McpTestServerOptions },
  scenario: (scene: ResponsesScene, server: McpTestServer) => Promise<void>,
): Promise<void> {
  await using server = await startMcpServer({ era: 'both', ...options.mcp })
  await withResponses(options, (under) => scenario(under, server))
}

/** The model calls these at once, then says that it is done. */
const callsOnce = ({ model }: ResponsesScene, ...made: readonly ScriptedCall[]): void =>
  model.answers('Go', calls(...made), says('Done.'))

const servers: readonly McpTestServerOptions[] = [
  { era: '2026' },
  { era: 'both' },
  { era: '2025' },
  { era: '2025', stateless: true },
  { era: '2024' },
  { transport: 'sse' },
]

test.each(servers)('[B095] a server of $era over $transport is listed and called', async (mcp) => {
  await using server = await startMcpServer(mcp)
  await withResponses(scene('fetch'), async (under) => {
    under.model.answers(
      'Go',
      streams(
        ['{"a":', '1,"b":2}'].map((fragment, index) => ({
          delta: {
            tool_calls: [
              {
                index: 0,
                ...(index === 0 && { id: 'c1' }),
                function: { ...(index === 0 && { name: 'add' }), arguments: fragment },
              },
            ],
          },
        })),
        { finish: 'tool_calls' },
      ),
      says('Three.'),
    )
    const { response, events } = await under.stream({ input: 'Go', tools: [mcpTool(server.url)] })
    expect(response).toMatchObject({
      status: 'completed',
      output: [
        {
          type: 'mcp_list_tools',
          server_label: 'tests',
          tools: expect.arrayContaining([expect.objectContaining({ name: 'add' })]),
        },
        {
          type: 'mcp_call',
          server_label: 'tests',
          name: 'add',
          arguments: '{"a":1,"b":2}',
          output: '3',
          error: null,
          status: 'completed',
          approval_request_id: null,
        },
        { type: 'message', content: [{ text: 'Three.' }] },
      ],
      usage: { total_tokens: 30 },
    })
    expect(events.map(({ type }) => type.replace('response.', ''))).toEqual([
      'created',
      'in_progress',
      'output_item.added',
      'mcp_list_tools.in_progress',
      'mcp_list_tools.completed',
      'output_item.done',
      'output_item.added',
      'mcp_call.in_progress',
      'mcp_call_arguments.delta',
      'mcp_call_arguments.delta',
      'mcp_call_arguments.done',
      'mcp_call.completed',
      'output_item.done',
      'output_item.added',
      'content_part.added',
      'output_text.delta',
      'output_text.done',
      'content_part.done',
      'output_item.done',
      'completed',
    ])
    expect(server.calls).toMatchObject([{ name: 'add', arguments: { a: 1, b: 2 } }])
    // Schemas pass untouched: references, their definitions, and the order of their keys.
    const listed =
      server.calls.length > 0 ? under.model.asked[0]?.tools?.find((tool) => tool.function.name === 'add') : undefined
    expect(JSON.stringify(listed)).toContain(
      '{"required":["a","b"],"properties":{"b":{"$ref":"#/$defs/number"},"a":{"$ref":"#/$defs/number"}},"type":"object",' +
        '"$defs":{"number":{"type":"number","description":"Any number"}},"additionalProperties":false}',
    )
  })
})

describe.each(doors)('through the %s', (door) => {
  test('[B095] a server that is not there is an item with an error, and the response goes on', async () => {
    const dead = await deadMcpUrl()
    await withServer(scene(door), async (under, server) => {
      callsOnce(under, { name: 'add', arguments: { a: 1, b: 2 } })
      const tools = [mcpTool(dead, { server_label: 'dead' }), mcpTool(server.url)]
      const { response } = await under.stream({ input: 'Go', tools })
      expect(response).toMatchObject({
        status: 'completed',
        output: [
          { type: 'mcp_list_tools', server_label: 'dead', tools: [], error: expect.any(String) },
          { type: 'mcp_list_tools', server_label: 'tests' },
          { type: 'mcp_call', output: '3' },
          { type: 'message' },
        ],
      })
      under.model.answers('Alone', says('I have no tools.'))
      const alone = await under.ask({ input: 'Alone', tools: tools.slice(0, 1), tool_choice: 'required' })
      expect(alone).toMatchObject({ status: 'completed' })
      expect(under.model.asked.at(-1)?.tools).toBeUndefined()
    })
  })

  test('[B095] what goes wrong in a call goes back to the model', async () => {
    await withServer(scene(door, { callTimeoutMs: 150 }), async (under, server) => {
      callsOnce(
        under,
        { id: 'c1', name: 'fail' },
        { id: 'c2', name: 'slow' },
        { id: 'c3', name: 'echo', arguments: '{"text": "never clo' },
        { id: 'c4', name: 'echo', arguments: '[1]' },
        { id: 'c5', name: 'cut' },
        { id: 'c6', name: 'echo', arguments: { text: 'fine' } },
        { id: 'c7', name: 'echo', arguments: '' },
      )
      const { response } = await under.stream({ input: 'Go', tools: [mcpTool(server.url)] })
      const made = response.output.filter(({ type }) => type === 'mcp_call')
      expect(made).toMatchObject([
        { name: 'fail', status: 'failed', output: null, error: 'the disk is full' },
        { name: 'slow', status: 'failed', error: expect.stringContaining('150') },
        {
          name: 'echo',
          status: 'failed',
          error: expect.stringContaining('not valid JSON'),
          arguments: '{"text": "never clo',
        },
        { name: 'echo', status: 'failed', error: expect.stringContaining('not a JSON object') },
        { name: 'cut', status: 'failed', error: expect.any(String) },
        { name: 'echo', status: 'completed', output: '{"text":"fine"}' },
        { name: 'echo', status: 'completed', output: '{}' },
      ])
      expect(response.status).toBe('completed')
      const outputs = toldOutputs(under).map((content) => JSON.stringify(content))
      expect(outputs).toHaveLength(7)
      for (const [index, { error, output }] of (made as { error?: string; output?: string }[]).entries()) {
        expect(outputs[index]).toContain(JSON.stringify(error ?? output).slice(1, -1))
      }
      expect(server.calls.map(({ name }) => name).filter((name) => name === 'echo')).toHaveLength(2)
    })
  })

  test('[B095] of a server that lies about its tools, those are taken that can be true', async () => {
    const good = { name: 'good', inputSchema: { type: 'object' } }
    await using liar = await startScriptedMcpServer({
      'tools/list': () => ({ tools: [{ name: 7, inputSchema: 'none' }, good] }),
      'tools/call': () => ({ content: 'nothing that MCP knows' }),
    })
    await using worse = await startScriptedMcpServer({ 'tools/list': () => ({ tools: 'none' }) })
    await withResponses(scene(door), async (under) => {
      callsOnce(under, { name: 'good' })
      const tools = [mcpTool(worse.url, { server_label: 'worse' }), mcpTool(liar.url)]
      expect(await under.ask({ input: 'Go', tools })).toMatchObject({
        status: 'completed',
        output: [
          { type: 'mcp_list_tools', tools: [], error: expect.any(String) },
          { type: 'mcp_list_tools', tools: [{ name: 'good' }] },
          { type: 'mcp_call', status: 'failed', error: expect.any(String) },
          { type: 'message' },
        ],
      })
    })
  })

  test('[B095] credentials reach the server, and nothing that is told or kept', async () => {
    const token = 'tok-4c1d9e-secret'
    await withServer({ ...scene(door), mcp: { token } }, async (under, server) => {
      callsOnce(under, { name: 'add', arguments: { a: 1, b: 2 } })
      const authorized = mcpTool(server.url, { authorization: token, headers: { 'x-tenant': 'tenant-secret' } })
      const { response, texts } = await under.stream({ input: 'Go', tools: [authorized] })
      expect(response.output).toMatchObject([{ type: 'mcp_list_tools' }, { output: '3' }, { type: 'message' }])
      expect(server.requests.at(-1)?.headers).toMatchObject({
        authorization: `Bearer ${token}`,
        'x-tenant': 'tenant-secret',
      })
      const refused = await under.ask({ input: 'Go', tools: [mcpTool(server.url)] })
      expect(refused.output[0]).toMatchObject({ type: 'mcp_list_tools', error: expect.any(String) })
      const told = [
        ...texts,
        JSON.stringify(await under.fetchResponse(response.id)),
        ...(await under.replay(response.id)),
      ]
      const kept = readdirSync(under.directory)
        .filter((name) => name.startsWith('stack.db'))
        .map((name) => readFileSync(join(under.directory, name), 'latin1'))
      for (const text of [...told, ...kept]) expect(text.includes('-secret')).toBe(false)
    })
  })

  test('[B095] a request may allow some of the tools; of those nobody allowed nothing is told', async () => {
    await withServer(scene(door), async (under, server) => {
      const offered = async (allowed_tools: unknown) => {
        under.model.answers('Go', says('Fine.'))
        const response = await under.ask({ input: 'Go', tools: [mcpTool(server.url, { allowed_tools })] })
        const [listing] = response.output as unknown as { tools: { name: string }[] }[]
        const names = under.model.asked.at(-1)?.tools?.map((tool) => tool.function.name) ?? []
        expect(listing?.tools.map(({ name }) => name)).toEqual(names)
        return names
      }
      expect(await offered(['echo', 'add'])).toEqual(['add', 'echo'])
      expect(await offered({ tool_names: ['fail'] })).toEqual(['fail'])
      expect(await offered({ read_only: true })).toEqual(['add'])
      expect(await offered([])).toEqual([])
    })
  })

  test('[B095] calls of one turn are made at once, or one after the other where that was asked for', async () => {
    await withServer(scene(door), async (under, server) => {
      const slow = (id: string) => ({ id, name: 'slow', arguments: { ms: 250 } })
      callsOnce(under, slow('c1'), slow('c2'), slow('c3'), slow('c4'))
      const time = async (parallel_tool_calls: boolean): Promise<number> => {
        const start = performance.now()
        const response = await under.ask({ input: 'Go', tools: [mcpTool(server.url)], parallel_tool_calls })
        expect(
          response.output.filter((item) => item['status'] === 'completed' && item.type === 'mcp_call'),
        ).toHaveLength(4)
        return performance.now() - start
      }
      await time(true)
      const atOnce = await time(true)
      const inTurn = await time(false)
      expect(inTurn).toBeGreaterThan(1000)
      expect(atOnce).toBeLessThan(inTurn)
    })
  })

  test('[B095] a result that nobody could read is cut, and says so', async () => {
    await withServer(scene(door, { maxResultBytes: 1000 }), async (under, server) => {
      callsOnce(under, { name: 'huge' })
      const response = await under.ask({ input: 'Go', tools: [mcpTool(server.url)] })
      const { output } = response.output[1] as unknown as { output: string }
      expect(output.length).toBeLessThan(2000)
      expect(output).toContain(String(HUGE_LENGTH))
      expect(JSON.stringify(toldOutputs(under)).length).toBeLessThan(2500)
    })
  })

  test('[B095] images of a result reach the model', async () => {
    await withServer(scene(door), async (under, server) => {
      callsOnce(under, { id: 'c1', name: 'several' })
      await under.ask({ input: 'Go', tools: [mcpTool(server.url)] })
      expect(JSON.stringify(under.model.asked.at(-1)?.messages)).toContain('data:image/png;base64,')
    })
  })

  test('[B095] what the previous response listed is not listed again, and its bytes are the same', async () => {
    await withServer(scene(door), async (under, server) => {
      callsOnce(under, { name: 'add', arguments: { a: 1, b: 2 } })
      const tools = [{ type: 'function', name: 'own', parameters: {} }, mcpTool(server.url)] as never
      const first = await under.ask({ input: 'Go', tools })
      expect(first.output.filter(({ type }) => type === 'mcp_list_tools')).toHaveLength(1)
      const before = server.lists
      under.model.answers('More', calls({ name: 'echo', arguments: { text: 'x' } }), says('Done.'))
      let previous = first.id
      const bodies: string[] = []
      for (let turn = 0; turn < 3; turn += 1) {
        const { response } = await under.stream({ input: 'More', tools, previous_response_id: previous })
        expect(response.output.map(({ type }) => type)).toEqual(['mcp_call', 'message'])
        bodies.push(JSON.stringify(under.model.asked.at(-1)?.tools))
        previous = response.id
      }
      expect(server.lists).toBe(before)
      expect(new Set(bodies).size).toBe(1)
      const narrowed = [mcpTool(server.url, { allowed_tools: ['add'] })]
      const { output } = await under.ask({ input: 'Hi', tools: narrowed, previous_response_id: previous })
      expect(output.map(({ type }) => type)).toEqual(['message'])
      expect(under.model.asked.at(-1)?.tools?.map((tool) => tool.function.name)).toEqual(['add'])
    })
  })

  test.each(['previous_response_id', 'conversation'])(
    '[B095] a list is asked for again where more is allowed, or the server is another: by %s',
    async (way) => {
      await using other = await startMcpServer({
        era: 'both',
        tools: [{ name: 'else', inputSchema: { type: 'object' }, run: () => ({ content: [] }) }],
      })
      await withServer(scene(door), async (under, server) => {
        const { id: conversation } = (await (await under.call('POST /v1/conversations', {})).json()) as { id: string }
        let previous: string | undefined
        const offered = async (tool: never): Promise<string | undefined> => {
          const chained = previous === undefined ? {} : { previous_response_id: previous }
          const continued = way === 'conversation' ? { conversation } : chained
          previous = (await under.ask({ input: 'Hi', tools: [tool], ...continued })).id
          return under.model.asked
            .at(-1)
            ?.tools?.map((each) => each.function.name)
            .join()
        }
        const only = (...allowed_tools: string[]) => mcpTool(server.url, { allowed_tools })
        expect(await offered(only('add', 'echo'))).toBe('add,echo')
        expect(await offered(only('add', 'echo'))).toBe('add,echo')
        expect(await offered(only('fail'))).toBe('fail')
        expect(await offered(mcpTool(server.url))).toContain('add,echo,several')
        expect(await offered(mcpTool(server.url))).toContain('add,echo,several')
        expect(await offered(only('echo'))).toBe('echo')
        expect(await offered(mcpTool(other.url))).toBe('else')
      })
    },
  )

  test('[B098] calls are limited, the model is told of those left out, and one that goes on is stopped', async () => {
    await withServer(scene(door), async (under, server) => {
      const echo = (id: string, text: string) => ({ id, name: 'echo', arguments: { text } })
      callsOnce(under, echo('c1', 'one'), echo('c2', 'two'), echo('c3', 'three'))
      const { response } = await under.stream({ input: 'Go', tools: [mcpTool(server.url)], max_tool_calls: 2 })
      expect(response).toMatchObject({ status: 'completed', max_tool_calls: 2 })
      expect(response.output.slice(1, 4)).toMatchObject([
        { status: 'completed' },
        { status: 'completed' },
        { status: 'failed', error: expect.stringContaining('(2)') },
      ])
      expect(server.calls).toHaveLength(2)
      let turn = 0
      under.model.answers('On', () => calls(echo(`d${(turn += 1)}`, `text ${turn}`)))
      const stopped = await under.ask({ input: 'On', tools: [mcpTool(server.url)], max_tool_calls: 1 })
      expect(stopped).toMatchObject({ status: 'incomplete', incomplete_details: { reason: 'max_tool_calls' } })
      expect(server.calls).toHaveLength(3)
    })
  })

  test('[B098] the same call in turn after turn is made twice', async () => {
    await withServer(scene(door), async (under, server) => {
      let turn = 0
      under.model.answers('Go', () => calls({ id: `c${(turn += 1)}`, name: 'echo', arguments: { text: 'x' } }))
      await under.ask({ input: 'Go', tools: [mcpTool(server.url)], max_infer_iters: 5 })
      expect(server.calls).toHaveLength(2)
      expect(JSON.stringify(toldOutputs(under).at(-1))).toContain('same arguments')
    })
  })

  test('[B095] what cannot be right is refused', async () => {
    await withServer(scene(door), async (under, server) => {
      const twice = [mcpTool(server.url), mcpTool(server.url)]
      expect(await under.refusal({ input: 'Go', tools: twice })).toMatchObject({ status: 400, param: 'tools' })
      const same = [{ type: 'function', name: 'echo', parameters: {} } as never, mcpTool(server.url)]
      expect(await under.refusal({ input: 'Go', tools: same })).toMatchObject({
        status: 400,
        message: expect.stringContaining('echo'),
      })
      expect(under.model.asked).toEqual([])
    })
  })
})

test('[B022] a server on a private address is refused where nobody allowed it', async () => {
  await using server = await startMcpServer()
  await withResponses({ door: 'fetch' }, async (under) => {
    for (const stream of [false, true]) {
      const refused = await under.refusal({ input: 'Go', tools: [mcpTool(server.url)], stream })
      expect(refused).toMatchObject({ status: 400, code: 'url_blocked' })
    }
    expect(server.requests).toEqual([])
  })
})
