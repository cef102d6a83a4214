import {
  Agent,
  codeInterpreterTool,
  InputGuardrailTripwireTriggered,
  MemorySession,
  OpenAIProvider,
  OpenAIResponsesCompactionSession,
  Runner,
  RunState,
  tool,
  webSearchTool,
} from '@openai/agents'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { doors } from '../scenarios/stack-under-test.ts'
import type { UnderTest } from '../scenarios/stack-under-test.ts'
import { MODEL, searching, toOpenAi, withResponses } from './responses-rig.ts'

const adding = {
  name: 'add',
  description: 'Adds two numbers.',
  parameters: z.object({ a: z.number(), b: z.number() }),
  execute: ({ a, b }: { a: number; b: number }) => Promise.resolve(String(a + b)),
}
const add = tool(adding)

/** Nothing is global, and nothing is traced: traces would leave for OpenAI. */
function toRunner(under: UnderTest): Runner {
  const modelProvider = new OpenAIProvider({ openAIClient: toOpenAi(under), useResponses: true })
  return new Runner({ modelProvider, tracingDisabled: true })
}

describe.each(doors)('@openai/agents, through the %s [B111]', (door) => {
  test('uses an agent as a tool of another', async () => {
    await withResponses({ door }, async (under) => {
      const runner = toRunner(under)
      const adder = new Agent({ name: 'adder', instructions: 'Add.', model: MODEL, tools: [add] })
      const asTool = adder.asTool({
        toolName: 'ask_adder',
        toolDescription: 'Adds.',
        runConfig: runner.config,
      })
      const boss = new Agent({ name: 'boss', model: MODEL, tools: [asTool] })
      const result = await runner.run(boss, 'call ask_adder {"input":"Hi"}')
      expect(result.finalOutput).toBe('The tools said: I heard: Hi.')
    })
  })

  test('asks for approval of its own functions, and goes on from a state that was written down', async () => {
    await withResponses({ door }, async (under) => {
      const careful = tool({ ...adding, needsApproval: true })
      const agent = new Agent({ name: 'Adder', model: MODEL, tools: [careful] })
      const runner = toRunner(under)
      const asked = await runner.run(agent, 'think, then call add {"a":1,"b":2}')
      expect(asked.interruptions).toHaveLength(1)
      const state = await RunState.fromString(agent, asked.state.toString())
      for (const interruption of state.getInterruptions()) state.approve(interruption)
      expect((await runner.run(agent, state)).finalOutput).toBe('The tools said: 3')
    })
  })

  test('keeps a session short by compaction', async () => {
    // The client compacts for models with OpenAI's names only.
    const routes = { 'GET /v1/models': { json: { object: 'list', data: [{ id: 'gpt-5', object: 'model' }] } } }
    await withResponses({ door, routes }, async (under) => {
      const agent = new Agent({ name: 'Talker', model: 'gpt-5' })
      const runner = toRunner(under)
      const session = new OpenAIResponsesCompactionSession({
        client: toOpenAi(under),
        underlyingSession: new MemorySession(),
        model: 'gpt-5',
        shouldTriggerCompaction: ({ sessionItems }) => sessionItems.length >= 4,
      })
      await runner.run(agent, 'One', { session })
      await runner.run(agent, 'Two', { session })
      const items = await session.getItems()
      expect(items.map(({ type }) => type)).toContain('compaction')
      const last = await runner.run(agent, 'Three', { session })
      expect(last.finalOutput).toContain('Three')
    })
  })

  test('takes its instructions from a prompt of the server', async () => {
    await withResponses({ door }, async (under) => {
      const created = await under.call('POST /v1/prompts', { prompt: 'Speak {{ tongue }}.', variables: ['tongue'] })
      // The route's own answer.
      const { prompt_id: promptId } = (await created.json()) as { prompt_id: string }
      const agent = new Agent({
        name: 'Speaker',
        model: MODEL,
        prompt: { promptId, version: '1', variables: { tongue: 'Latin' } },
      })
      await toRunner(under).run(agent, 'Hi')
      expect(under.chats()[0]?.messages[0]).toMatchObject({ role: 'system', content: 'Speak Latin.' })
    })
  })

  test('stores nothing where it is told to, and gives sealed reasoning back', async () => {
    await withResponses({ door }, async (under) => {
      const agent = new Agent({
        name: 'Thinker',
        model: MODEL,
        tools: [add],
        modelSettings: { store: false, providerData: { include: ['reasoning.encrypted_content'] } },
      })
      const result = await toRunner(under).run(agent, 'think, then call add {"a":1,"b":2}')
      expect(result.finalOutput).toBe('The tools said: 3')
      expect(under.chats()[1]?.messages[1]).toMatchObject({ role: 'assistant', reasoning_content: 'Let me see.' })
      const listed = await under.call('GET /v1/responses')
      expect(await listed.json()).toMatchObject({ data: [] })
    })
  })

  test('forces a tool and is guarded', async () => {
    await withResponses({ door }, async (under) => {
      const guard = {
        name: 'no secrets',
        execute: ({ input }: { input: unknown }) =>
          Promise.resolve({ outputInfo: null, tripwireTriggered: JSON.stringify(input).includes('secret') }),
      }
      const agent = new Agent({
        name: 'Adder',
        model: MODEL,
        tools: [add],
        modelSettings: { toolChoice: 'required', parallelToolCalls: false },
        inputGuardrails: [guard],
      })
      const runner = toRunner(under)
      const result = await runner.run(agent, 'call add {"a":1,"b":2}')
      expect(result.finalOutput).toBe('The tools said: 3')
      expect(under.chats().map(({ tool_choice: choice }) => choice)).toEqual(['required', undefined])
      await expect(runner.run(agent, 'a secret')).rejects.toBeInstanceOf(InputGuardrailTripwireTriggered)
    })
  })

  test('has the server search the web', async () => {
    await withResponses(searching(door), async (under) => {
      const agent = new Agent({ name: 'Searcher', model: MODEL, tools: [webSearchTool()] })
      const result = await toRunner(under).run(agent, 'call web_search {"query":"llamas"}', { stream: true })
      const names: string[] = []
      for await (const event of result) if (event.type === 'run_item_stream_event') names.push(event.name)
      await result.completed
      expect(names).toEqual(['tool_called', 'message_output_created'])
      expect(result.finalOutput).toContain('They hum.')
    })
  })

  test('is told by name what the server has not', async () => {
    await withResponses({ door }, async (under) => {
      const agent = new Agent({ name: 'Coder', model: MODEL, tools: [codeInterpreterTool()] })
      const refused = toRunner(under).run(agent, 'Hi')
      await expect(refused).rejects.toMatchObject({ status: 400, message: expect.stringContaining('code_interpreter') })
    })
  })

  test('is stopped in the middle of a stream', async () => {
    await withResponses({ door }, async (under) => {
      const agent = new Agent({ name: 'Talker', model: MODEL, modelSettings: { store: false } })
      const controller = new AbortController()
      const result = await toRunner(under).run(agent, 'slowly', { stream: true, signal: controller.signal })
      for await (const event of result) {
        if (event.type === 'raw_model_stream_event' && event.data.type === 'output_text_delta') controller.abort()
      }
      await result.completed.catch(() => undefined)
      await expect.poll(() => under.upstream.requests.at(-1)?.aborted).toBe(true)
    })
  })
})
