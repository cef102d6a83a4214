import { AIMessage, HumanMessage, SystemMessage } from '@langchain/core/messages'
import type { AIMessageChunk, BaseMessage, ToolMessage } from '@langchain/core/messages'
import { tool } from '@langchain/core/tools'
import { ChatOpenAI } from '@langchain/openai'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { startMcpServer, TINY_PNG } from '../../packages/server/src/testing/mcp-servers.ts'
import { doors } from '../scenarios/stack-under-test.ts'
import type { UnderTest } from '../scenarios/stack-under-test.ts'
import { MODEL, searching, withResponses } from './responses-rig.ts'

const toModel = ({ url, fetch }: UnderTest, more: object = {}) =>
  new ChatOpenAI({
    model: MODEL,
    apiKey: 'none',
    useResponsesApi: true,
    maxRetries: 0,
    configuration: { baseURL: `${url}/v1`, fetch },
    ...more,
  })

const add = tool(({ a, b }) => String(a + b), {
  name: 'add',
  description: 'Adds two numbers.',
  schema: z.object({ a: z.number(), b: z.number() }),
})

/** Makes the calls of a message. */
function callAll({ tool_calls: calls = [] }: AIMessage): Promise<ToolMessage[]> {
  return Promise.all(calls.map(async (call): Promise<ToolMessage> => add.invoke({ ...call, type: 'tool_call' })))
}

function addUp([first, ...rest]: readonly AIMessageChunk[]): AIMessageChunk | undefined {
  return rest.reduce((sum, chunk) => sum?.concat(chunk), first)
}

describe.each(doors)('@langchain/openai, through the %s [B112]', (door) => {
  test('answers, with usage and the id of the response', async () => {
    await withResponses({ door }, async (under) => {
      const answer = await toModel(under).invoke([new SystemMessage('Be kind.'), new HumanMessage('Hi')])
      expect(answer.text).toBe('I heard: Hi.')
      expect(answer.usage_metadata).toMatchObject({ input_tokens: 10, output_tokens: 5, total_tokens: 15 })
      expect(answer.response_metadata).toMatchObject({ id: expect.stringMatching(/^resp_/), status: 'completed' })
      expect(under.chats()[0]?.messages[0]).toMatchObject({ role: 'system', content: 'Be kind.' })
    })
  })

  test('streams, and adds its chunks up', async () => {
    await withResponses({ door }, async (under) => {
      const chunks = await Array.fromAsync(await toModel(under).stream('think of it'))
      expect(chunks.map(({ text }) => text).join('')).toBe('I heard: think of it.')
      const whole = addUp(chunks)
      expect(whole?.text).toBe('I heard: think of it.')
      expect(whole?.response_metadata['id']).toMatch(/^resp_/)
      expect(whole?.usage_metadata).toMatchObject({ total_tokens: 15, output_token_details: { reasoning: 1 } })
    })
  })

  test('calls its tools, streamed and not, with all that was said or with the id of the response', async () => {
    await withResponses({ door }, async (under) => {
      const model = toModel(under).bindTools([add])
      const asked: BaseMessage[] = [new HumanMessage('call add {"a":1,"b":2} call add {"a":3,"b":4}')]
      const called = await model.invoke(asked)
      expect(called.tool_calls).toMatchObject([
        { name: 'add', args: { a: 1, b: 2 } },
        { name: 'add', args: { a: 3, b: 4 } },
      ])
      const outputs = await callAll(called)
      const answered = await model.invoke([...asked, called, ...outputs])
      expect(answered.text).toBe('The tools said: 3 and 7')
      const id = String(called.response_metadata['id'])
      expect((await model.invoke(outputs, { previous_response_id: id })).text).toBe('The tools said: 3 and 7')

      const streamed = addUp(await Array.fromAsync(await model.stream(asked)))
      expect(streamed?.tool_calls).toMatchObject(called.tool_calls ?? [])
      const message = streamed ?? new AIMessage('')
      expect((await model.invoke([...asked, message, ...(await callAll(message))])).text).toBe(
        'The tools said: 3 and 7',
      )
    })
  })

  test('goes on from a previous response', async () => {
    await withResponses({ door }, async (under) => {
      const model = toModel(under)
      const first = await model.invoke('I am Ann')
      const second = await model.invoke('Who am I?', { previous_response_id: String(first.response_metadata['id']) })
      expect(second.text).toBe('I heard: I am Ann / Who am I?.')
    })
  })

  test('gives an answer in the form of a schema', async () => {
    await withResponses({ door }, async (under) => {
      const schema = z.object({ city: z.string(), days: z.number() })
      const model = toModel(under).withStructuredOutput(schema, { name: 'trip', method: 'jsonSchema' })
      expect(await model.invoke('write {"city":"Paris","days":2}')).toEqual({ city: 'Paris', days: 2 })
      expect(under.chats()[0]?.response_format).toMatchObject({ type: 'json_schema' })
    })
  })

  test('gives its reasoning back where nothing is stored', async () => {
    await withResponses({ door }, async (under) => {
      const model = toModel(under, { zdrEnabled: true, reasoning: { effort: 'low' } })
      const first = await model.invoke('think of it')
      const second = await model.invoke([new HumanMessage('think of it'), first, new HumanMessage('More')])
      expect(second.text).toBe('I heard: think of it / More.')
      expect(under.chats()[1]?.messages[1]).toMatchObject({ role: 'assistant', reasoning_content: 'Let me see.' })
    })
  })

  test('shows images', async () => {
    await withResponses({ door }, async (under) => {
      const url = `data:image/png;base64,${TINY_PNG}`
      const look = new HumanMessage({
        content: [
          { type: 'text', text: 'Look' },
          { type: 'image_url', image_url: { url } },
        ],
      })
      expect((await toModel(under).invoke([look])).text).toBe('I heard: Look. I saw 1 image.')
    })
  })

  test('has the server call the tools of an MCP server', async () => {
    await using mcp = await startMcpServer({ era: 'both' })
    await withResponses({ door, config: { server: { allowPrivateUrls: true } } }, async (under) => {
      const sums = {
        type: 'mcp' as const,
        server_label: 'sums',
        server_url: mcp.url,
        require_approval: 'never' as const,
      }
      const model = toModel(under).bindTools([sums])
      const asked = new HumanMessage('call add {"a":1,"b":2}')
      const answer = await model.invoke([asked])
      expect(answer.text).toBe('The tools said: 3')
      const streamed = addUp(await Array.fromAsync(await model.stream([asked])))
      expect(streamed?.text).toBe('The tools said: 3')
      const next = await model.invoke([asked, answer, new HumanMessage('Thanks')])
      expect(next.text).toBe('I heard: call add {"a":1,"b":2} / Thanks.')
    })
  })

  test('streams the events of its own protocol', async () => {
    await withResponses({ door }, async (under) => {
      const names = new Set<string>()
      for await (const { event } of toModel(under).streamEvents('think of it', { version: 'v2' })) names.add(event)
      expect([...names]).toEqual(['on_chat_model_start', 'on_chat_model_stream', 'on_chat_model_end'])
    })
  })

  test('searches the web, and keeps what is cited', async () => {
    await withResponses(searching(door), async (under) => {
      const model = toModel(under).bindTools([{ type: 'web_search' }])
      const answer = await model.invoke('call web_search {"query":"llamas"}')
      expect(answer.text).toContain('They hum.')
      expect(JSON.stringify(answer.content)).toContain('"url":"https://llamas.example/a"')
    })
  })

  test('hears refusals and errors', async () => {
    await withResponses({ door }, async (under) => {
      const refused = await toModel(under).invoke('refuse')
      expect(refused.additional_kwargs['refusal']).toBe('I must not.')
      const failed = toModel(under, { model: 'nobody' }).invoke('Hi')
      await expect(failed).rejects.toMatchObject({ status: 404, code: 'model_not_found' })
    })
  })

  test('approves calls that the server makes', async () => {
    await using mcp = await startMcpServer({ era: 'both' })
    await withResponses({ door, config: { server: { allowPrivateUrls: true } } }, async (under) => {
      const sums = {
        type: 'mcp' as const,
        server_label: 'sums',
        server_url: mcp.url,
        require_approval: 'always' as const,
      }
      const model = toModel(under).bindTools([sums])
      const asked = await model.invoke('call add {"a":1,"b":2}')
      // What the package hands on of items that it does not know.
      const outputs = asked.additional_kwargs['tool_outputs'] as { type: string; id: string }[]
      const request = outputs.find(({ type }) => type === 'mcp_approval_request')
      const approval = { type: 'mcp_approval_response', approve: true, approval_request_id: request?.id }
      const answer = await model.invoke([new HumanMessage({ content: [approval] })], {
        previous_response_id: String(asked.response_metadata['id']),
      })
      expect(answer.text).toBe('The tools said: 3')
    })
  })
})
