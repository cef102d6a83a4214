import {
  Agent,
  OpenAIConversationsSession,
  OpenAIProvider,
  Runner,
  hostedMcpTool,
  MCPServerStreamableHttp,
  tool,
} from '@openai/agents'
import type { RunStreamEvent } from '@openai/agents'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { startMcpServer, TINY_PNG } from '../../packages/server/src/testing/mcp-servers.ts'
import { doors } from '../scenarios/stack-under-test.ts'
import type { UnderTest } from '../scenarios/stack-under-test.ts'
import { MODEL, toOpenAi, withResponses } from './responses-rig.ts'

const add = tool({
  name: 'add',
  description: 'Adds two numbers.',
  parameters: z.object({ a: z.number(), b: z.number() }),
  execute: ({ a, b }) => Promise.resolve(String(a + b)),
})

/** Nothing is global, and nothing is traced: traces would leave for OpenAI. */
function toRunner(under: UnderTest): Runner {
  const modelProvider = new OpenAIProvider({ openAIClient: toOpenAi(under), useResponses: true })
  return new Runner({ modelProvider, tracingDisabled: true })
}

const loopback = { config: { server: { allowPrivateUrls: true } } }

describe.each(doors)('@openai/agents, through the %s [B111]', (door) => {
  test('runs functions until there is an answer', async () => {
    await withResponses({ door }, async (under) => {
      const agent = new Agent({ name: 'Adder', instructions: 'Add.', model: MODEL, tools: [add] })
      const result = await toRunner(under).run(agent, 'call add {"a":1,"b":2} call add {"a":3,"b":4}')
      expect(result.finalOutput).toBe('The tools said: 3 and 7')
      expect(result.newItems.map(({ type }) => type)).toEqual([
        'tool_call_item',
        'tool_call_item',
        'tool_call_output_item',
        'tool_call_output_item',
        'message_output_item',
      ])
      expect(result.runContext.usage).toMatchObject({ requests: 2, inputTokens: 20, outputTokens: 10 })
      expect(result.lastResponseId).toMatch(/^resp_/)
    })
  })

  test('streams a run with all its events', async () => {
    await withResponses({ door }, async (under) => {
      const agent = new Agent({ name: 'Adder', model: MODEL, tools: [add] })
      const result = await toRunner(under).run(agent, 'think, then call add {"a":1,"b":2}', { stream: true })
      const events: RunStreamEvent[] = []
      for await (const event of result) events.push(event)
      await result.completed
      const items = events.flatMap((event) => (event.type === 'run_item_stream_event' ? [event.name] : []))
      expect(items).toEqual(['reasoning_item_created', 'tool_called', 'tool_output', 'message_output_created'])
      const raw = events.flatMap((event) => (event.type === 'raw_model_stream_event' ? [event.data] : []))
      const text = raw.flatMap((data) => (data.type === 'output_text_delta' ? [data.delta] : [])).join('')
      expect(text).toBe('The tools said: 3')
      expect(raw.filter(({ type }) => type === 'response_done')).toHaveLength(2)
      expect(result.finalOutput).toBe('The tools said: 3')
    })
  })

  test('gives its reasoning back on the next turn', async () => {
    await withResponses({ door }, async (under) => {
      const agent = new Agent({ name: 'Thinker', model: MODEL })
      const runner = toRunner(under)
      const first = await runner.run(agent, 'think of it')
      expect(first.newItems.map(({ type }) => type)).toEqual(['reasoning_item', 'message_output_item'])
      const second = await runner.run(agent, [...first.history, { role: 'user', content: 'More' }])
      expect(second.finalOutput).toBe('I heard: think of it / More.')
      expect(under.chats()[1]?.messages[1]).toMatchObject({ role: 'assistant', reasoning_content: 'Let me see.' })
    })
  })

  test('gives an answer in the form of a schema', async () => {
    await withResponses({ door }, async (under) => {
      const outputType = z.object({ city: z.string(), days: z.number() })
      const agent = new Agent({ name: 'Planner', model: MODEL, outputType })
      const result = await toRunner(under).run(agent, 'write {"city":"Paris","days":2}')
      expect(result.finalOutput).toEqual({ city: 'Paris', days: 2 })
    })
  })

  test('hands over to another agent', async () => {
    await withResponses({ door }, async (under) => {
      const weather = new Agent({ name: 'weather', instructions: 'You know the weather.', model: MODEL })
      const triage = Agent.create({
        name: 'triage',
        instructions: 'Find who knows.',
        model: MODEL,
        handoffs: [weather],
      })
      const result = await toRunner(under).run(triage, 'call transfer_to_weather {}', { stream: true })
      const agents: string[] = []
      for await (const event of result) if (event.type === 'agent_updated_stream_event') agents.push(event.agent.name)
      expect(agents).toEqual(['weather'])
      expect(result.lastAgent?.name).toBe('weather')
      expect(result.finalOutput).toContain('weather')
      const systems = under.chats().map(({ messages }) => messages[0]?.content)
      expect(systems).toEqual(['Find who knows.', 'You know the weather.'])
    })
  })

  test('goes on from a previous response, with the outputs of functions too', async () => {
    await withResponses({ door }, async (under) => {
      const agent = new Agent({ name: 'Adder', model: MODEL, tools: [add] })
      const runner = toRunner(under)
      const first = await runner.run(agent, 'I am Ann')
      const previousResponseId = first.lastResponseId ?? ''
      const second = await runner.run(agent, 'call add {"a":1,"b":2}', { previousResponseId })
      expect(second.finalOutput).toBe('The tools said: 3')
      const third = await runner.run(agent, 'Bye', { previousResponseId: second.lastResponseId ?? '' })
      expect(third.finalOutput).toBe('I heard: I am Ann / call add {"a":1,"b":2} / Bye.')
    })
  })

  test('keeps its history in a conversation of the server', async () => {
    await withResponses({ door }, async (under) => {
      const agent = new Agent({ name: 'Adder', model: MODEL, tools: [add] })
      const runner = toRunner(under)
      const client = toOpenAi(under)
      const { id: conversationId } = await client.conversations.create({})
      await runner.run(agent, 'I am Ann', { conversationId })
      const called = await runner.run(agent, 'call add {"a":1,"b":2}', { conversationId, stream: true })
      await called.completed
      expect(called.finalOutput).toBe('The tools said: 3')
      const last = await runner.run(agent, 'Bye', { conversationId })
      expect(last.finalOutput).toBe('I heard: I am Ann / call add {"a":1,"b":2} / Bye.')
    })
  })

  test('keeps its history in a session of conversations', async () => {
    await withResponses({ door }, async (under) => {
      const agent = new Agent({ name: 'Adder', model: MODEL, tools: [add] })
      const runner = toRunner(under)
      const session = new OpenAIConversationsSession({ client: toOpenAi(under) })
      await runner.run(agent, 'think, I am Ann', { session })
      const called = await runner.run(agent, 'call add {"a":1,"b":2}', { session })
      expect(called.finalOutput).toBe('The tools said: 3')
      const last = await runner.run(agent, 'Bye', { session })
      expect(last.finalOutput).toBe('I heard: think, I am Ann / call add {"a":1,"b":2} / Bye.')
      const items = await session.getItems()
      expect(items.map((item) => item.type ?? 'message')).toEqual([
        'message',
        'reasoning',
        'message',
        'message',
        'function_call',
        'function_call_result',
        'message',
        'message',
        'message',
      ])
      expect(await session.popItem()).toMatchObject({ role: 'assistant' })
      await session.clearSession()
    })
  })

  test('shows images', async () => {
    await withResponses({ door }, async (under) => {
      const agent = new Agent({ name: 'Viewer', model: MODEL })
      const image = { type: 'input_image' as const, image: `data:image/png;base64,${TINY_PNG}` }
      const result = await toRunner(under).run(agent, [
        { role: 'user', content: [{ type: 'input_text', text: 'Look' }, image] },
      ])
      expect(result.finalOutput).toBe('I heard: Look. I saw 1 image.')
    })
  })
})

describe.each(doors)('@openai/agents and MCP, through the %s [B111]', (door) => {
  test('has the server call the tools of an MCP server', async () => {
    await using mcp = await startMcpServer({ era: 'both' })
    await withResponses({ door, ...loopback }, async (under) => {
      const hosted = hostedMcpTool({ serverLabel: 'sums', serverUrl: mcp.url, requireApproval: 'never' })
      const agent = new Agent({ name: 'Adder', model: MODEL, tools: [hosted] })
      const runner = toRunner(under)
      const result = await runner.run(agent, 'call add {"a":1,"b":2}', { stream: true })
      await result.completed
      expect(result.finalOutput).toBe('The tools said: 3')
      const next = await runner.run(agent, [...result.history, { role: 'user', content: 'call add {"a":3,"b":4}' }])
      expect(next.finalOutput).toBe('The tools said: 7')
      expect(mcp.calls).toHaveLength(2)
    })
  })

  test('asks for approval, and goes on when it is given or not', async () => {
    await using mcp = await startMcpServer({ era: 'both' })
    await withResponses({ door, ...loopback }, async (under) => {
      const hosted = hostedMcpTool({ serverLabel: 'sums', serverUrl: mcp.url, requireApproval: 'always' })
      const agent = new Agent({ name: 'Adder', model: MODEL, tools: [hosted] })
      const runner = toRunner(under)
      const asked = await runner.run(agent, 'call add {"a":1,"b":2}')
      expect(asked.interruptions).toHaveLength(1)
      for (const interruption of asked.interruptions) asked.state.approve(interruption)
      const approved = await runner.run(agent, asked.state)
      expect(approved.finalOutput).toBe('The tools said: 3')
      expect(mcp.calls).toHaveLength(1)
      const again = await runner.run(agent, 'call add {"a":5,"b":6}')
      for (const interruption of again.interruptions) again.state.reject(interruption)
      const refused = await runner.run(agent, again.state)
      expect(refused.finalOutput).toContain('not approve')
      expect(mcp.calls).toHaveLength(1)
    })
  })

  test('asks for approval in a conversation of the server', async () => {
    await using mcp = await startMcpServer({ era: 'both' })
    await withResponses({ door, ...loopback }, async (under) => {
      const hosted = hostedMcpTool({ serverLabel: 'sums', serverUrl: mcp.url, requireApproval: 'always' })
      const agent = new Agent({ name: 'Adder', model: MODEL, tools: [hosted] })
      const runner = toRunner(under)
      const { id: conversationId } = await toOpenAi(under).conversations.create({})
      const asked = await runner.run(agent, 'call add {"a":1,"b":2}', { conversationId })
      for (const interruption of asked.interruptions) asked.state.approve(interruption)
      const approved = await runner.run(agent, asked.state, { conversationId, stream: true })
      await approved.completed
      expect(approved.finalOutput).toBe('The tools said: 3')
      const last = await runner.run(agent, 'Bye', { conversationId })
      expect(last.finalOutput).toBe('I heard: call add {"a":1,"b":2} / Bye.')
    })
  })

  test('approves by a function of its own', async () => {
    await using mcp = await startMcpServer({ era: 'both' })
    await withResponses({ door, ...loopback }, async (under) => {
      const hosted = hostedMcpTool({
        serverLabel: 'sums',
        serverUrl: mcp.url,
        requireApproval: { always: { toolNames: ['add'] } },
        onApproval: () => Promise.resolve({ approve: true }),
      })
      const agent = new Agent({ name: 'Adder', model: MODEL, tools: [hosted] })
      const result = await toRunner(under).run(agent, 'call add {"a":1,"b":2}')
      expect(result.finalOutput).toBe('The tools said: 3')
    })
  })

  test('calls an MCP server of its own', async () => {
    await using mcp = await startMcpServer({ era: '2025' })
    await withResponses({ door }, async (under) => {
      const server = new MCPServerStreamableHttp({ url: mcp.url, name: 'sums' })
      await server.connect()
      try {
        const agent = new Agent({ name: 'Adder', model: MODEL, mcpServers: [server] })
        const result = await toRunner(under).run(agent, 'call add {"a":1,"b":2}')
        expect(result.finalOutput).toContain('3')
        expect(mcp.calls).toHaveLength(1)
      } finally {
        await server.close()
      }
    })
  })
})

test('@openai/agents runs over a WebSocket [B111]', async () => {
  await withResponses({ door: 'socket' }, async (under) => {
    const modelProvider = new OpenAIProvider({ openAIClient: toOpenAi(under), useResponsesWebSocket: true })
    const runner = new Runner({ modelProvider, tracingDisabled: true })
    try {
      const agent = new Agent({ name: 'Adder', model: MODEL, tools: [add] })
      const result = await runner.run(agent, 'call add {"a":1,"b":2}', { stream: true })
      await result.completed
      expect(result.finalOutput).toBe('The tools said: 3')
    } finally {
      await modelProvider.close()
    }
  })
})
