import { createOpenAI } from '@ai-sdk/openai'
import type { OpenAIProvider } from '@ai-sdk/openai'
import {
  convertToModelMessages,
  createAgentUIStream,
  generateText,
  isStepCount,
  readUIMessageStream,
  streamText,
  tool,
  ToolLoopAgent,
} from 'ai'
import type { ModelMessage, UIMessage } from 'ai'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { startMcpServer } from '../../packages/server/src/testing/mcp-servers.ts'
import { doors } from '../scenarios/stack-under-test.ts'
import type { UnderTest } from '../scenarios/stack-under-test.ts'
import { MODEL, withResponses } from './responses-rig.ts'

const toProvider = ({ url, fetch }: UnderTest): OpenAIProvider =>
  createOpenAI({ baseURL: `${url}/v1`, apiKey: 'none', fetch })

const add = tool({
  description: 'Adds two numbers.',
  inputSchema: z.object({ a: z.number(), b: z.number() }),
  execute: ({ a, b }) => String(a + b),
})
const once = { maxRetries: 0 }

describe.each(doors)('the AI SDK, through the %s [B113]', (door) => {
  test('shows the messages of an agent, and takes them back', async () => {
    await withResponses({ door }, async (under) => {
      const agent = new ToolLoopAgent({ model: toProvider(under).responses(MODEL), tools: { add }, ...once })
      const asked: UIMessage = {
        id: '1',
        role: 'user',
        parts: [{ type: 'text', text: 'think, then call add {"a":1,"b":2}' }],
      }
      const stream = await createAgentUIStream({ agent, uiMessages: [asked] })
      const shown = await Array.fromAsync(readUIMessageStream({ stream }))
      const last = shown.at(-1)
      expect(last?.parts.map(({ type }) => type)).toEqual(['step-start', 'reasoning', 'tool-add', 'step-start', 'text'])
      const next: UIMessage = { id: '2', role: 'user', parts: [{ type: 'text', text: 'Thanks' }] }
      const messages = await convertToModelMessages([asked, ...(last === undefined ? [] : [last]), next])
      const { text } = await agent.generate({ messages })
      expect(text).toBe('I heard: think, then call add {"a":1,"b":2} / Thanks.')
    })
  })

  test('asks for approval of calls that the server makes', async () => {
    await using mcp = await startMcpServer({ era: 'both' })
    await withResponses({ door, config: { server: { allowPrivateUrls: true } } }, async (under) => {
      const openai = toProvider(under)
      const sums = openai.tools.mcp({ serverLabel: 'sums', serverUrl: mcp.url, requireApproval: 'always' })
      const asked = { model: openai.responses(MODEL), tools: { sums }, ...once }
      for (const approved of [true, false]) {
        const messages: ModelMessage[] = [{ role: 'user', content: 'call add {"a":1,"b":2}' }]
        const first = await generateText({ ...asked, messages })
        const request = first.content.find((part) => part.type === 'tool-approval-request')
        messages.push(...first.responseMessages, {
          role: 'tool',
          content: [
            { type: 'tool-approval-response', approvalId: request?.approvalId ?? '', approved, providerExecuted: true },
          ],
        })
        const second = streamText({ ...asked, messages })
        expect(await second.text).toContain(approved ? 'The tools said: 3' : 'not approve')
      }
      expect(mcp.calls).toHaveLength(1)
    })
  })

  test('calls its custom tools with free text', async () => {
    await withResponses({ door }, async (under) => {
      const openai = toProvider(under)
      const shout = {
        ...openai.tools.customTool({ description: 'Shouts.' }),
        execute: (input: unknown) => String(input).toUpperCase(),
      }
      const { text } = await generateText({
        model: openai.responses(MODEL),
        prompt: 'call shout {"input":"hello"}',
        tools: { shout },
        stopWhen: isStepCount(3),
        ...once,
      })
      expect(text).toBe('The tools said: HELLO')
    })
  })

  test('reads log probabilities, and hears of what fails', async () => {
    await withResponses({ door }, async (under) => {
      const openai = toProvider(under)
      const model = openai.responses(MODEL)
      const weighed = await generateText({ model, prompt: 'Hi', providerOptions: { openai: { logprobs: 1 } }, ...once })
      expect(weighed.providerMetadata?.['openai']?.['logprobs']).toMatchObject([
        [{ token: 'I heard:' }, { token: ' Hi.' }],
      ])
      const unknown = generateText({ model: openai.responses('nobody'), prompt: 'Hi', ...once })
      await expect(unknown).rejects.toMatchObject({ statusCode: 404, data: { error: { code: 'model_not_found' } } })
      const tools = { code: openai.tools.codeInterpreter() }
      const refused = generateText({ model, prompt: 'Hi', tools, ...once })
      await expect(refused).rejects.toMatchObject({
        statusCode: 400,
        message: expect.stringContaining('code_interpreter'),
      })
    })
  })

  test('is stopped in the middle of a stream', async () => {
    await withResponses({ door }, async (under) => {
      const controller = new AbortController()
      const model = toProvider(under).responses(MODEL)
      const providerOptions = { openai: { store: false } }
      const streamed = streamText({ model, prompt: 'slowly', providerOptions, abortSignal: controller.signal, ...once })
      for await (const { type } of streamed.fullStream) if (type === 'text-delta') controller.abort()
      await expect.poll(() => under.upstream.requests.at(-1)?.aborted).toBe(true)
    })
  })
})
