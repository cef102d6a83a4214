import { createOpenAI } from '@ai-sdk/openai'
import type { OpenAIProvider } from '@ai-sdk/openai'
import { generateText, isStepCount, Output, streamText, tool } from 'ai'
import type { ModelMessage } from 'ai'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { startMcpServer, TINY_PNG } from '../../packages/server/src/testing/mcp-servers.ts'
import { doors } from '../scenarios/stack-under-test.ts'
import type { UnderTest } from '../scenarios/stack-under-test.ts'
import { MODEL, searching, withResponses } from './responses-rig.ts'

const toProvider = ({ url, fetch }: Pick<UnderTest, 'url' | 'fetch'>): OpenAIProvider =>
  createOpenAI({ baseURL: `${url}/v1`, apiKey: 'none', fetch })

const add = tool({
  description: 'Adds two numbers.',
  inputSchema: z.object({ a: z.number(), b: z.number() }),
  execute: ({ a, b }) => String(a + b),
})
const once = { maxRetries: 0 }

describe.each(doors)('the AI SDK, through the %s [B113]', (door) => {
  test('generates and streams text, with usage', async () => {
    await withResponses({ door }, async (under) => {
      const model = toProvider(under).responses(MODEL)
      const generated = await generateText({ model, prompt: 'Hi', system: 'Be kind.', ...once })
      expect(generated.text).toBe('I heard: Hi.')
      expect(generated.finishReason).toBe('stop')
      expect(generated.usage).toMatchObject({ inputTokens: 10, outputTokens: 5 })
      const streamed = streamText({ model, prompt: 'Hi', ...once })
      let text = ''
      for await (const piece of streamed.textStream) text += piece
      expect(text).toBe('I heard: Hi.')
      expect(await streamed.finishReason).toBe('stop')
      expect(generated.warnings).toEqual([])
    })
  })

  test('calls functions until there is an answer, streamed and not', async () => {
    await withResponses({ door }, async (under) => {
      const asked = {
        model: toProvider(under).responses(MODEL),
        prompt: 'call add {"a":1,"b":2} call add {"a":3,"b":4}',
        tools: { add },
        stopWhen: isStepCount(5),
        ...once,
      }
      const generated = await generateText(asked)
      expect(generated.text).toBe('The tools said: 3 and 7')
      expect(generated.steps).toHaveLength(2)
      const streamed = streamText(asked)
      const parts: string[] = []
      for await (const { type } of streamed.fullStream) parts.push(type)
      expect(parts).toContain('tool-input-delta')
      expect(parts.filter((type) => type === 'tool-result')).toHaveLength(2)
      expect(await streamed.text).toBe('The tools said: 3 and 7')
    })
  })

  test('gives an answer in the form of a schema', async () => {
    await withResponses({ door }, async (under) => {
      const output = Output.object({ schema: z.object({ city: z.string(), days: z.number() }) })
      const model = toProvider(under).responses(MODEL)
      const generated = await generateText({ model, prompt: 'write {"city":"Paris","days":2}', output, ...once })
      expect(generated.output).toEqual({ city: 'Paris', days: 2 })
      expect(under.chats()[0]?.response_format).toMatchObject({ type: 'json_schema' })
    })
  })

  // Where the SDK takes a model for one that reasons, it refers to reasoning; else to messages.
  test.each([
    ['reasoning', true, /"type":"item_reference","id":"rs_\w+"/],
    ['messages', false, /"type":"item_reference","id":"msg_\w+"/],
  ])('refers to the %s of earlier turns', async (_kind, forceReasoning, reference) => {
    await withResponses({ door }, async (under) => {
      const sent: unknown[] = []
      const watched: typeof fetch = (target, init) => {
        sent.push(init?.body)
        return under.fetch(target, init)
      }
      const model = toProvider({ url: under.url, fetch: watched }).responses(MODEL)
      const providerOptions = { openai: { store: true, forceReasoning } }
      const asked = { model, tools: { add }, providerOptions, stopWhen: isStepCount(5), ...once }
      const messages: ModelMessage[] = [{ role: 'user', content: 'think, then call add {"a":1,"b":2}' }]
      const first = await generateText({ ...asked, messages })
      expect(first.text).toBe('The tools said: 3')
      messages.push(...first.responseMessages, { role: 'user', content: 'And then?' })
      const second = await generateText({ ...asked, messages })
      expect(second.text).toBe('I heard: think, then call add {"a":1,"b":2} / And then?.')
      expect(sent.at(-1)).toMatch(reference)
      expect(
        under
          .chats()
          .at(-1)
          ?.messages.map(({ role }) => role),
      ).toEqual(['user', 'assistant', 'tool', 'assistant', 'user'])
    })
  })

  test('sends everything again where nothing is stored, its sealed reasoning too', async () => {
    await withResponses({ door }, async (under) => {
      const model = toProvider(under).responses(MODEL)
      const providerOptions = {
        openai: { store: false, forceReasoning: true, include: ['reasoning.encrypted_content' as const] },
      }
      const messages: ModelMessage[] = [{ role: 'user', content: 'think of it' }]
      const first = await generateText({ model, messages, providerOptions, ...once })
      messages.push(...first.responseMessages, { role: 'user', content: 'And then?' })
      const second = await generateText({ model, messages, providerOptions, ...once })
      expect(second.text).toBe('I heard: think of it / And then?.')
      expect(under.chats()[1]?.messages[1]).toMatchObject({ role: 'assistant', reasoning_content: 'Let me see.' })
    })
  })

  test('goes on from a previous response and in a conversation', async () => {
    await withResponses({ door }, async (under) => {
      const openai = toProvider(under)
      const model = openai.responses(MODEL)
      const first = await generateText({ model, prompt: 'I am Ann', ...once })
      const { id: previousResponseId } = first.response
      const providerOptions = { openai: { previousResponseId } }
      const second = await generateText({
        model,
        prompt: 'call add {"a":1,"b":2}',
        tools: { add },
        stopWhen: isStepCount(5),
        providerOptions,
        ...once,
      })
      expect(second.text).toBe('The tools said: 3')
      expect(under.chats().at(-1)?.messages[0]).toMatchObject({ role: 'user', content: [{ text: 'I am Ann' }] })
      const created = await under.call('POST /v1/conversations', {})
      // The route's own answer.
      const { id: conversation } = (await created.json()) as { id: string }
      const inConversation = { model, providerOptions: { openai: { conversation } }, ...once }
      await generateText({ ...inConversation, prompt: 'I am Ann' })
      const last = await generateText({ ...inConversation, prompt: 'Who am I?' })
      expect(last.text).toBe('I heard: I am Ann / Who am I?.')
    })
  })

  // The package reads summaries only: of a model's own words it shows that there are some.
  test('shows that the model reasoned', async () => {
    await withResponses({ door }, async (under) => {
      const model = toProvider(under).responses(MODEL)
      const providerOptions = { openai: { reasoningSummary: 'auto' as const, forceReasoning: true } }
      const streamed = streamText({ model, prompt: 'think of it', providerOptions, ...once })
      const parts: string[] = []
      for await (const { type } of streamed.fullStream) parts.push(type)
      expect(parts).toContain('reasoning-start')
      expect(await streamed.text).toBe('I heard: think of it.')
    })
  })

  test('shows images', async () => {
    await withResponses({ door }, async (under) => {
      const model = toProvider(under).responses(MODEL)
      const image = { type: 'file' as const, mediaType: 'image/png', data: TINY_PNG }
      const messages: ModelMessage[] = [{ role: 'user', content: [{ type: 'text', text: 'Look' }, image] }]
      const { text } = await generateText({ model, messages, ...once })
      expect(text).toBe('I heard: Look. I saw 1 image.')
    })
  })
})

describe.each(doors)('the AI SDK and tools of the server, through the %s [B113]', (door) => {
  test('searches the web, and names its sources', async () => {
    await withResponses(searching(door), async (under) => {
      const openai = toProvider(under)
      const asked = {
        model: openai.responses(MODEL),
        prompt: 'call web_search {"query":"llamas"}',
        tools: { web_search: openai.tools.webSearch() },
        ...once,
      }
      const generated = await generateText(asked)
      expect(generated.text).toContain('They hum.')
      expect(generated.sources).toMatchObject([{ sourceType: 'url', url: 'https://llamas.example/a' }])
      const said = generated.content.flatMap((part) => (part.type === 'text' ? [part.providerMetadata] : []))
      expect(said[0]?.['openai']?.['annotations']).toMatchObject([
        { type: 'url_citation', url: 'https://llamas.example/a', title: 'Llamas' },
      ])
      const streamed = streamText(asked)
      const types = new Set<string>()
      for await (const { type } of streamed.fullStream) types.add(type)
      expect([...types]).toEqual(expect.arrayContaining(['tool-call', 'tool-result', 'source']))
      expect(await streamed.sources).toHaveLength(1)
      const messages: ModelMessage[] = [
        { role: 'user', content: asked.prompt },
        ...generated.responseMessages,
        { role: 'user', content: 'Thanks' },
      ]
      const { prompt: _prompt, ...rest } = asked
      const second = await generateText({ ...rest, messages })
      expect(second.text).toBe('I heard: call web_search {"query":"llamas"} / Thanks.')
    })
  })

  test('has the server call the tools of an MCP server', async () => {
    await using mcp = await startMcpServer({ era: 'both' })
    await withResponses({ door, config: { server: { allowPrivateUrls: true } } }, async (under) => {
      const openai = toProvider(under)
      const sums = openai.tools.mcp({ serverLabel: 'sums', serverUrl: mcp.url, requireApproval: 'never' })
      const model = openai.responses(MODEL)
      const prompt = 'call add {"a":1,"b":2}'
      const streamed = streamText({ model, prompt, tools: { sums }, ...once })
      expect(await streamed.text).toBe('The tools said: 3')
      expect((await streamed.toolResults).map(({ output }) => output)).toMatchObject([{ name: 'add', output: '3' }])
      const messages: ModelMessage[] = [
        { role: 'user', content: prompt },
        ...(await streamed.responseMessages),
        { role: 'user', content: 'Thanks' },
      ]
      const second = await generateText({ model, messages, tools: { sums }, ...once })
      expect(second.text).toBe('I heard: call add {"a":1,"b":2} / Thanks.')
    })
  })
})
