import type { ResponseCreateParamsNonStreaming, ResponseInput } from 'openai/resources/responses/responses'
import { describe, expect, test } from 'vitest'
import { startMcpServer } from '../../packages/server/src/testing/mcp-servers.ts'
import { doors } from '../scenarios/stack-under-test.ts'
import { MODEL, openAiClients, searching, withResponses } from './responses-rig.ts'

const loopback = { config: { server: { allowPrivateUrls: true } } }

describe.each(doors)('through the %s [B110]', (door) => {
  describe.each(openAiClients)('%s', (_name, createClient) => {
    test('calls its custom tools with free text', async () => {
      await withResponses({ door }, async (under) => {
        const client = createClient(under)
        const input: ResponseInput = [{ role: 'user', content: 'call shout {"input":"hello \\"you\\""}' }]
        const tools = [{ type: 'custom' as const, name: 'shout', description: 'Shouts.' }]
        const stream = client.responses.stream({ model: MODEL, input, tools })
        let told = ''
        for await (const event of stream) {
          if (event.type === 'response.custom_tool_call_input.delta') told += event.delta
        }
        const called = await stream.finalResponse()
        const call = called.output[0]
        if (call?.type !== 'custom_tool_call') throw new Error('there is no call')
        expect([call.name, call.input, told]).toEqual(['shout', 'hello "you"', 'hello "you"'])
        input.push(call, { type: 'custom_tool_call_output', call_id: call.call_id, output: 'HELLO' })
        expect((await client.responses.create({ model: MODEL, input, tools })).output_text).toBe(
          'The tools said: HELLO',
        )
      })
    })

    test('keeps calls apart that a model has given the same id', async () => {
      await withResponses({ door }, async (under) => {
        const turn = (a: number, output: string): ResponseInput => [
          { role: 'user', content: 'Add' },
          { type: 'function_call', call_id: 'functions.add:0', name: 'add', arguments: `{"a":${a}}` },
          { type: 'function_call_output', call_id: 'functions.add:0', output },
        ]
        await createClient(under).responses.create({ model: MODEL, input: [...turn(1, 'one'), ...turn(2, 'two')] })
        const told = under.chats()[0]?.messages.filter(({ role }) => role === 'tool')
        expect(told).toMatchObject([{ content: 'one' }, { content: 'two' }])
      })
    })

    test('has the server call the tools of an MCP server, and hears of it', async () => {
      await using mcp = await startMcpServer({ era: 'both' })
      await withResponses({ door, ...loopback }, async (under) => {
        const client = createClient(under)
        const sums = {
          type: 'mcp' as const,
          server_label: 'sums',
          server_url: mcp.url,
          require_approval: 'never' as const,
        }
        const input = 'call add {"a":1,"b":2} call fail {}'
        const stream = client.responses.stream({ model: MODEL, input, tools: [sums] })
        const heard = new Set<string>()
        for await (const { type } of stream) if (type.includes('mcp')) heard.add(type)
        expect([...heard]).toEqual([
          'response.mcp_list_tools.in_progress',
          'response.mcp_list_tools.completed',
          'response.mcp_call.in_progress',
          'response.mcp_call_arguments.delta',
          'response.mcp_call_arguments.done',
          'response.mcp_call.completed',
          'response.mcp_call.failed',
        ])
        const final = await stream.finalResponse()
        expect(final.output_text).toBe('The tools said: 3 and the disk is full')
        expect(final.output).toMatchObject([
          { type: 'mcp_list_tools', server_label: 'sums' },
          { type: 'mcp_call', name: 'add', arguments: '{"a":1,"b":2}', output: '3', status: 'completed' },
          { type: 'mcp_call', name: 'fail', status: 'failed' },
          { type: 'message' },
        ])
        const next = await client.responses.create({
          model: MODEL,
          previous_response_id: final.id,
          input: 'call add {"a":3,"b":4}',
          tools: [sums],
        })
        expect(next.output.map(({ type }) => type)).toEqual(['mcp_call', 'message'])
        expect(mcp.lists).toBe(1)
      })
    })

    test('approves a call once', async () => {
      await using mcp = await startMcpServer({ era: 'both' })
      await withResponses({ door, ...loopback }, async (under) => {
        const { responses } = createClient(under)
        const sums = {
          type: 'mcp' as const,
          server_label: 'sums',
          server_url: mcp.url,
          require_approval: 'always' as const,
        }
        const asked = await responses.create({ model: MODEL, input: 'call add {"a":1,"b":2}', tools: [sums] })
        const request = asked.output.find(({ type }) => type === 'mcp_approval_request')
        const answer = (id: string): ResponseCreateParamsNonStreaming => ({
          model: MODEL,
          previous_response_id: asked.id,
          input: [{ type: 'mcp_approval_response', approval_request_id: id, approve: true }],
          tools: [sums],
        })
        const approved = await responses.create(answer(request?.id ?? ''))
        expect(approved.output_text).toBe('The tools said: 3')
        expect(approved.output[0]).toMatchObject({ type: 'mcp_call', approval_request_id: request?.id })
        await expect(responses.create(answer(request?.id ?? ''))).rejects.toMatchObject({ code: 'approval_used' })
        await expect(responses.create(answer('mcpr_none'))).rejects.toMatchObject({ code: 'approval_not_found' })
        expect(mcp.calls).toHaveLength(1)
      })
    })

    test('searches the web, and shows what is cited', async () => {
      await withResponses(searching(door), async (under) => {
        const stream = createClient(under).responses.stream({
          model: MODEL,
          input: 'call web_search {"query":"llamas"}',
          tools: [{ type: 'web_search' }],
          include: ['web_search_call.action.sources'],
        })
        const heard = new Set<string>()
        for await (const { type } of stream) if (/web_search|annotation/.test(type)) heard.add(type)
        expect([...heard]).toEqual([
          'response.web_search_call.in_progress',
          'response.web_search_call.searching',
          'response.web_search_call.completed',
          'response.output_text.annotation.added',
        ])
        const final = await stream.finalResponse()
        const url = 'https://llamas.example/a'
        expect(final.output).toMatchObject([
          { type: 'web_search_call', action: { type: 'search', query: 'llamas', sources: [{ type: 'url', url }] } },
          { type: 'message', content: [{ annotations: [{ type: 'url_citation', url, title: 'Llamas' }] }] },
        ])
      })
    })

    test('reads refusals and log probabilities', async () => {
      await withResponses({ door }, async (under) => {
        const { responses } = createClient(under)
        const refused: string[] = []
        const stream = responses
          .stream({ model: MODEL, input: 'refuse' })
          .on('response.refusal.delta', ({ delta }) => refused.push(delta))
        const final = await stream.finalResponse()
        expect(final.output).toMatchObject([{ content: [{ type: 'refusal', refusal: 'I must not.' }] }])
        expect(refused.join('')).toBe('I must not.')
        const include: ResponseCreateParamsNonStreaming['include'] = ['message.output_text.logprobs']
        const weighed = await responses.create({ model: MODEL, input: 'Hi', include, top_logprobs: 1 })
        expect(weighed.output).toMatchObject([{ content: [{ logprobs: [{ token: 'I heard:' }, { token: ' Hi.' }] }] }])
      })
    })

    test('gives files', async () => {
      await withResponses({ door }, async (under) => {
        const file_data = `data:application/pdf;base64,${Buffer.from('%PDF-1.4').toString('base64')}`
        await createClient(under).responses.create({
          model: MODEL,
          input: [{ role: 'user', content: [{ type: 'input_file', filename: 'a.pdf', file_data }] }],
        })
        expect(under.chats()[0]?.messages[0]?.content).toEqual([
          { type: 'file', file: { filename: 'a.pdf', file_data } },
        ])
      })
    })

    test('chooses tools', async () => {
      await withResponses({ door }, async (under) => {
        const { responses } = createClient(under)
        const tools = [{ type: 'function' as const, name: 'add', parameters: {}, strict: false }]
        const asked = { model: MODEL, input: 'Hi', tools }
        await responses.create({ ...asked, tool_choice: 'required' })
        await responses.create({ ...asked, tool_choice: { type: 'function', name: 'add' } })
        await responses.create({ ...asked, tool_choice: 'none' })
        const [required, named, none] = under.chats()
        expect(required?.tool_choice).toBe('required')
        expect(named?.tool_choice).toEqual({ type: 'function', function: { name: 'add' } })
        // A model that may not call anything is offered nothing.
        expect([none?.tools, none?.tool_choice]).toEqual([undefined, undefined])
      })
    })

    test('finds everything under the older base path too', async () => {
      await withResponses({ door }, async (under) => {
        const { responses, conversations } = createClient({ ...under, url: `${under.url}/v1/openai` })
        const { id } = await conversations.create({})
        const final = await responses.stream({ model: MODEL, input: 'Hi', conversation: id }).finalResponse()
        expect((await responses.retrieve(final.id)).output_text).toBe('I heard: Hi.')
      })
    })
  })
})
