/** Calls that somebody has to approve: asked, approved or denied, made once. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ResponseObject } from '@llama-stack/api'
import { describe, expect, test } from 'vitest'
import { startMcpServer } from '../../packages/server/src/testing/mcp-servers.ts'
import type { McpTestServer } from '../../packages/server/src/testing/mcp-servers.ts'
import { withResponses } from './responses-scene.ts'
import type { ResponsesScene } from './responses-scene.ts'
import { calls, says } from './scripted-model.ts'
import { doors } from './stack-under-test.ts'
import type { UnderTestOptions } from './stack-under-test.ts'

const config = { server: { allowPrivateUrls: true } }

const approvalTool = (server: McpTestServer, require_approval: unknown = 'always') =>
  ({ type: 'mcp', server_label: 'tests', server_url: server.url, require_approval }) as never

const echo = (id: string, text: string) => ({ id, name: 'echo', arguments: { text } })

const requestsOf = ({ output }: ResponseObject): string[] =>
  output.flatMap((item) => (item.type === 'mcp_approval_request' ? [item.id] : []))

const answer = (approval_request_id: string | undefined, approve: boolean, more: object = {}) =>
  ({ type: 'mcp_approval_response', approval_request_id, approve, ...more }) as never

const toldMessages = ({ model }: ResponsesScene) => (model.asked.at(-1)?.messages ?? []).slice(1)

async function withServer(
  options: UnderTestOptions,
  scenario: (scene: ResponsesScene, server: McpTestServer) => Promise<void>,
): Promise<void> {
  await using server = await startMcpServer({ era: 'both' })
  await withResponses({ config, ...options }, (under) => scenario(under, server))
}

/** Asks for something that needs an approval. */
async function askFirst(
  under: ResponsesScene,
  tools: readonly never[],
  more: object = {},
): Promise<{ readonly first: ResponseObject; readonly requestId: string | undefined }> {
  under.model.answers('Go', calls(echo('c1', 'one')), says('Done.'))
  const { response: first } = await under.stream({ input: 'Go', tools: [...tools], ...more })
  expect(first).toMatchObject({
    status: 'completed',
    output: [
      { type: 'mcp_list_tools' },
      { type: 'mcp_approval_request', server_label: 'tests', name: 'echo', arguments: '{"text":"one"}' },
    ],
  })
  return { first, requestId: requestsOf(first)[0] }
}

describe.each(doors)('through the %s', (door) => {
  test('[B096] a call is asked for, approved, and made with the next response', async () => {
    await withServer({ door }, async (under, server) => {
      const tools = [approvalTool(server)]
      const { first, requestId } = await askFirst(under, tools)
      expect(server.calls).toEqual([])
      const { response, texts } = await under.stream({
        input: [answer(requestId, true)],
        tools,
        previous_response_id: first.id,
      })
      expect(response).toMatchObject({
        status: 'completed',
        output: [
          {
            type: 'mcp_call',
            name: 'echo',
            arguments: '{"text":"one"}',
            output: '{"text":"one"}',
            approval_request_id: requestId,
          },
          { type: 'message', content: [{ text: 'Done.' }] },
        ],
      })
      expect(server.calls).toMatchObject([{ name: 'echo', arguments: { text: 'one' } }])
      expect(toldMessages(under)).toMatchObject([
        { role: 'assistant', tool_calls: [{ id: 'c1' }] },
        { role: 'tool', tool_call_id: 'c1', content: [{ text: '{"text":"one"}' }] },
      ])
      expect(await under.replay(response.id)).toEqual(texts)
      for (const approve of [true, false]) {
        const again = { input: [answer(requestId, approve)], tools, previous_response_id: first.id }
        expect(await under.refusal(again)).toMatchObject({ status: 409, code: 'approval_used' })
        expect(await under.refusal({ ...again, stream: true })).toMatchObject({ status: 409, code: 'approval_used' })
      }
      expect(server.calls).toHaveLength(1)
    })
  })

  test('[B096] two that answer at the same time make one call', async () => {
    await withServer({ door }, async (under, server) => {
      const tools = [approvalTool(server)]
      const { first, requestId } = await askFirst(under, tools)
      const request = { input: [answer(requestId, true)], tools, previous_response_id: first.id }
      const ends = await Promise.allSettled(Array.from({ length: 6 }, () => under.ask(request)))
      expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      expect(server.calls).toHaveLength(1)
    })
  })

  test('[B096] a call that was denied is not made, and the model hears why', async () => {
    await withServer({ door }, async (under, server) => {
      const tools = [approvalTool(server)]
      const { first, requestId } = await askFirst(under, tools)
      const denial = answer(requestId, false, { reason: 'Too loud.' })
      const response = await under.ask({ input: [denial], tools, previous_response_id: first.id })
      expect(response.output).toMatchObject([{ type: 'message' }])
      expect(toldMessages(under).at(-1)).toMatchObject({ role: 'tool', content: expect.stringContaining('Too loud.') })
      expect(server.calls).toEqual([])
      const approval = { input: [answer(requestId, true)], tools, previous_response_id: first.id }
      expect(await under.refusal(approval)).toMatchObject({ status: 409, code: 'approval_used' })
    })
  })

  test('[B096] some calls of a turn are approved and some denied', async () => {
    await withServer({ door }, async (under, server) => {
      const tools = [approvalTool(server)]
      under.model.answers('Go', calls(echo('c1', 'one'), echo('c2', 'two'), echo('c3', 'one')), says('Done.'))
      const first = await under.ask({ input: 'Go', tools })
      const [one, two, three] = requestsOf(first)
      const input = [answer(three, false), answer(two, true), answer(one, true)]
      const response = await under.ask({ input, tools, previous_response_id: first.id })
      expect(response.output.map((item) => [item.type, item['approval_request_id']])).toEqual([
        ['mcp_call', two],
        ['mcp_call', one],
        ['message', undefined],
      ])
      expect(
        toldMessages(under)
          .slice(1)
          .map(({ tool_call_id: id }) => id)
          .toSorted((a, b) => (String(a) < String(b) ? -1 : 1)),
      ).toEqual(['c1', 'c2', 'c3'])
      expect(server.calls).toHaveLength(2)
    })
  })

  test('[B096] a call that was passed over is not made, and can be approved later', async () => {
    await withServer({ door }, async (under, server) => {
      const tools = [approvalTool(server)]
      under.model.answers('Go', calls(echo('c1', 'one'), echo('c2', 'two')), says('Done.'))
      const first = await under.ask({ input: 'Go', tools })
      const [one, two] = requestsOf(first)
      const next = await under.ask({ input: [answer(one, true)], tools, previous_response_id: first.id })
      const outputs = Object.fromEntries(
        toldMessages(under)
          .slice(1)
          .map(({ tool_call_id: id, content }) => [id, JSON.stringify(content)]),
      )
      expect(outputs).toMatchObject({ c1: expect.stringContaining('one'), c2: expect.stringContaining('not approved') })
      const later = await under.ask({ input: [answer(two, true)], tools, previous_response_id: next.id })
      expect(later.output[0]).toMatchObject({ type: 'mcp_call', output: '{"text":"two"}', approval_request_id: two })
      expect(server.calls).toHaveLength(2)
    })
  })

  test('[B096] a rule may be of some tools only', async () => {
    await withServer({ door }, async (under, server) => {
      const tools = [approvalTool(server, { never: { tool_names: ['add'] } })]
      under.model.answers(
        'Go',
        calls({ id: 'c0', name: 'add', arguments: { a: 1, b: 2 } }, echo('c1', 'one')),
        says('Done.'),
      )
      const first = await under.ask({ input: 'Go', tools })
      expect(first.output).toMatchObject([
        { type: 'mcp_list_tools' },
        { type: 'mcp_call', name: 'add', output: '3' },
        { type: 'mcp_approval_request', name: 'echo' },
      ])
      const [requestId] = requestsOf(first)
      await under.ask({ input: [answer(requestId, true)], tools, previous_response_id: first.id })
      expect(toldMessages(under)).toMatchObject([
        { role: 'assistant', tool_calls: [{ id: 'c0' }, { id: 'c1' }] },
        { role: 'tool', tool_call_id: 'c0' },
        { role: 'tool', tool_call_id: 'c1' },
      ])
    })
  })

  test('[B096] a client that keeps the conversation itself sends the request and the answer', async () => {
    await withServer({ door }, async (under, server) => {
      const tools = [approvalTool(server)]
      const { first, requestId } = await askFirst(under, tools, { store: false })
      const request = first.output.find(({ type }) => type === 'mcp_approval_request')
      const input = [{ role: 'user', content: 'Go' }, request, answer(requestId, true)] as never
      const response = await under.ask({ input, tools, store: false })
      expect(response.output).toMatchObject([
        { type: 'mcp_list_tools' },
        { type: 'mcp_call', output: '{"text":"one"}', approval_request_id: requestId },
        { type: 'message' },
      ])
      expect(toldMessages(under)).toMatchObject([
        { role: 'assistant', tool_calls: [{ function: { name: 'echo' } }] },
        { role: 'tool' },
      ])
    })
  })

  test('[B096] an approval within a conversation', async () => {
    await withServer({ door }, async (under, server) => {
      const tools = [approvalTool(server)]
      const { id: conversation } = (await (await under.call('POST /v1/conversations', {})).json()) as { id: string }
      const { requestId } = await askFirst(under, tools, { conversation })
      const response = await under.ask({ input: [answer(requestId, true)], tools, conversation })
      expect(response.output).toMatchObject([{ type: 'mcp_call', output: '{"text":"one"}' }, { type: 'message' }])
      expect(toldMessages(under)).toMatchObject([
        { role: 'assistant', tool_calls: [{ function: { name: 'echo' } }] },
        { role: 'tool' },
      ])
      under.model.answers('And now?', says('Nothing.'))
      await under.ask({ input: 'And now?', conversation, tools })
      expect(toldMessages(under).filter(({ tool_calls: made }) => made !== undefined)).toHaveLength(1)
    })
  })

  test('[B096] an answer that was given before may come with a new one', async () => {
    await withServer({ door }, async (under, server) => {
      const tools = [approvalTool(server)]
      const { first, requestId } = await askFirst(under, tools)
      const next = await under.ask({ input: [answer(requestId, true)], tools, previous_response_id: first.id })
      under.model.answers('More', calls(echo('c2', 'two')), says('Done.'))
      const second = await under.ask({ input: 'More', tools, previous_response_id: next.id })
      const input = [answer(requestId, true), answer(requestsOf(second)[0], true)]
      await under.ask({ input, tools, previous_response_id: second.id })
      expect(server.calls.map(({ arguments: args }) => args)).toEqual([{ text: 'one' }, { text: 'two' }])
    })
  })

  test('[B096] what was approved is not lost when the model fails after it', async () => {
    const reliability = { retries: 0 }
    await withServer({ door, config: { ...config, reliability } }, async (under, server) => {
      const tools = [approvalTool(server)]
      for (const stream of [false, true]) {
        const { first, requestId } = await askFirst(under, tools)
        under.model.answers('Go', calls(echo('c1', 'one')), { status: 500, json: { error: { message: 'No.' } } })
        const request = { input: [answer(requestId, true)], tools, previous_response_id: first.id }
        const failed = stream ? (await under.stream(request)).response : await under.ask(request)
        expect(failed).toMatchObject({ status: 'failed', output: [{ type: 'mcp_call', output: '{"text":"one"}' }] })
        under.model.answers('Well?', says('It was made.'))
        await under.ask({ input: 'Well?', tools, previous_response_id: failed.id })
        expect(toldMessages(under)).toMatchObject([
          { role: 'assistant', tool_calls: [{ id: 'c1' }] },
          { role: 'tool', tool_call_id: 'c1', content: [{ text: '{"text":"one"}' }] },
          { role: 'user' },
        ])
      }
      expect(server.calls).toHaveLength(2)
    })
  })

  test('[B096] an answer to nothing is not found', async () => {
    await withServer({ door }, async (under, server) => {
      const tools = [approvalTool(server)]
      const refused = await under.refusal({ input: [answer('mcpr_none', true)], tools })
      expect(refused).toMatchObject({ status: 400, code: 'approval_not_found' })
      const { first, requestId } = await askFirst(under, tools)
      const withoutServer = await under.ask({ input: [answer(requestId, true)], previous_response_id: first.id })
      expect(withoutServer).toMatchObject({ status: 'completed' })
      expect(server.calls).toEqual([])
    })
  })
})

test('[B096] another process on the same data approves, once', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'approvals-'))
  try {
    await using server = await startMcpServer({ era: 'both' })
    const tools = [approvalTool(server)]
    const where = { door: 'fetch', config, directory } as const
    let asked: Awaited<ReturnType<typeof askFirst>> | undefined
    await withResponses(where, async (under) => {
      asked = await askFirst(under, tools)
    })
    const request = { input: [answer(asked?.requestId, true)], tools, previous_response_id: asked?.first.id ?? '' }
    await withResponses(where, async (under) => {
      under.model.answers('Go', calls(echo('c1', 'one')), says('Done.'))
      expect((await under.ask(request)).output).toMatchObject([{ type: 'mcp_call' }, { type: 'message' }])
    })
    await withResponses(where, async (under) => {
      expect(await under.refusal(request)).toMatchObject({ status: 409, code: 'approval_used' })
    })
    expect(server.calls).toHaveLength(1)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})
