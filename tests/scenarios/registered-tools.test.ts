import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { defineTool } from '../../packages/server/src/index.ts'
import type { StackTool } from '../../packages/server/src/index.ts'
import { withResponses } from './responses-scene.ts'
import type { ResponsesScene } from './responses-scene.ts'
import { calls, says } from './scripted-model.ts'
import type { ScriptedCall } from './scripted-model.ts'
import { doors } from './stack-under-test.ts'
import type { Door } from './stack-under-test.ts'

interface Scene {
  readonly door?: Door
  readonly tools: readonly StackTool[]
  /** What the model calls in its first turn. In its second it says what it was told. */
  readonly calls: readonly ScriptedCall[]
}

function withTools(
  { door = 'fetch', tools, calls: made }: Scene,
  scenario: (scene: ResponsesScene) => Promise<void>,
): Promise<void> {
  return withResponses({ door, more: { tools } }, async (scene) => {
    scene.model.answers('Go on.', calls(...made), () => says(JSON.stringify(toldIn(scene))))
    await scenario(scene)
  })
}

/** What the tools have told the model in its last turn. */
function toldIn({ model }: ResponsesScene): unknown[] {
  const messages = model.asked.at(-1)?.messages ?? []
  return messages.filter(({ role }) => role === 'tool').map(({ content }) => content)
}

const ask = { input: 'Go on.' }

const add = defineTool({
  name: 'add',
  description: 'Adds two numbers.',
  parameters: z.object({ a: z.number(), b: z.number() }),
  execute: ({ a, b }) => a + b,
})

describe.each(doors)('through the %s', (door) => {
  test('[B140] a function of the program runs for a client that knows nothing of it', async () => {
    await withTools({ door, tools: [add], calls: [{ name: 'add', arguments: { a: 2, b: 3 } }] }, async (scene) => {
      const { status, output } = await scene.ask(ask)
      expect(status).toBe('completed')
      expect(output).toMatchObject([
        { type: 'mcp_call', server_label: 'stack', name: 'add', arguments: '{"a":2,"b":3}', output: '5', error: null },
        { type: 'message', content: [{ text: '["5"]' }] },
      ])
      expect(scene.model.asked[0]?.tools).toEqual([
        {
          type: 'function',
          function: {
            name: 'add',
            description: 'Adds two numbers.',
            parameters: {
              type: 'object',
              properties: { a: { type: 'number' }, b: { type: 'number' } },
              required: ['a', 'b'],
            },
          },
        },
      ])
    })
  })

  test('the stream tells of it as of the call of a server', async () => {
    await withTools({ door, tools: [add], calls: [{ name: 'add', arguments: { a: 1, b: 1 } }] }, async (scene) => {
      const { events, response } = await scene.stream(ask)
      expect(events.map(({ type }) => type).filter((type) => type.includes('mcp_call'))).toEqual([
        'response.mcp_call.in_progress',
        'response.mcp_call_arguments.delta',
        'response.mcp_call_arguments.done',
        'response.mcp_call.completed',
      ])
      expect(response.output[0]).toMatchObject({ type: 'mcp_call', output: '2' })
    })
  })
})

test('calls of one turn run at once, unless the request says otherwise', async () => {
  let running = 0
  let most = 0
  const slow = defineTool({
    name: 'slow',
    parameters: z.object({ n: z.number() }),
    async execute({ n }) {
      running += 1
      most = Math.max(most, running)
      await sleep(20)
      running -= 1
      return n
    },
  })
  const made = [1, 2, 3].map((n) => ({ name: 'slow', arguments: { n } }))
  await withTools({ tools: [slow], calls: made }, async (scene) => {
    expect((await scene.ask(ask)).output.at(-1)).toMatchObject({ content: [{ text: '["1","2","3"]' }] })
    expect(most).toBe(3)
    most = 0
    await scene.ask({ ...ask, parallel_tool_calls: false })
    expect(most).toBe(1)
  })
})

test('what goes wrong is told to the model, and the run goes on', async () => {
  const broken = defineTool({
    name: 'broken',
    parameters: z.object({}),
    execute: () => Promise.reject(new Error('the disk is full')),
  })
  const late = defineTool({
    name: 'late',
    parameters: z.object({}),
    timeoutMs: 20,
    execute: () => sleep(5000, undefined, { ref: false }),
  })
  const made = [
    { name: 'broken' },
    { name: 'late' },
    { name: 'add', arguments: { a: 'two', b: 3 } },
    { name: 'add', arguments: '{"a": 2, ' },
    { name: 'subtract' },
  ]
  await withTools({ tools: [broken, late, add], calls: made }, async (scene) => {
    const { status, output } = await scene.ask(ask)
    expect(status).toBe('completed')
    expect(output.filter(({ type }) => type === 'mcp_call')).toMatchObject([
      { name: 'broken', status: 'failed', error: 'the disk is full', output: null },
      { name: 'late', status: 'failed', error: expect.stringContaining('within 20 ms') as string },
      { name: 'add', status: 'failed', error: expect.stringContaining("'/a'") as string },
      { name: 'add', status: 'failed', error: expect.stringContaining('not valid JSON') as string },
    ])
    expect(toldIn(scene)).toEqual([
      'the disk is full',
      expect.stringMatching(/^The tool did not answer within 20 ms/),
      expect.stringMatching(/^The arguments are not as the tool wants them/),
      expect.stringMatching(/^The arguments of the call are not valid JSON/),
      expect.stringMatching(/^There is no tool named 'subtract'/),
    ])
  })
})

test('each call has an id of its own, whatever the model names its calls', async () => {
  const seen: string[] = []
  const note = defineTool({
    name: 'note',
    parameters: z.object({ n: z.number() }),
    execute: (_args, { callId }) => void seen.push(callId),
  })
  await withResponses({ more: { tools: [note] } }, async (scene) => {
    const turns = [1, 2].map((n) => calls({ id: 'call_0', name: 'note', arguments: { n } }))
    scene.model.answers('Go on.', ...turns, says('Done.'))
    const { output } = await scene.ask(ask)
    expect(output.map(({ type }) => type)).toEqual(['mcp_call', 'mcp_call', 'message'])
  })
  expect(new Set(seen).size).toBe(2)
})

test('[R018] cancelling the response fires the signal of a function that is under way', async () => {
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
  const { promise: stopped, resolve: stop } = Promise.withResolvers<void>()
  const endless = defineTool({
    name: 'endless',
    parameters: z.object({}),
    async execute(_args, { signal }) {
      signal.addEventListener('abort', () => stop())
      begin()
      await stopped
    },
  })
  await withTools({ tools: [endless], calls: [{ name: 'endless' }] }, async (scene) => {
    const { id, status } = await scene.ask({ ...ask, background: true })
    expect(status).toBe('queued')
    await begun
    const cancelled = await (await scene.call(`POST /v1/responses/${id}/cancel`)).json()
    await stopped
    expect(cancelled).toMatchObject({ status: 'cancelled' })
  })
})

test('an image that a function gives is shown to the model', async () => {
  const image_url = 'data:image/png;base64,iVBORw0KGgo='
  const draw = defineTool({
    name: 'draw',
    parameters: z.object({}),
    execute: () => [
      { type: 'input_text', text: 'A dot:' },
      { type: 'input_image', image_url },
    ],
  })
  await withResponses({ more: { tools: [draw] } }, async (scene) => {
    scene.model.answers('Go on.', calls({ name: 'draw' }))
    scene.model.answers('', says('I see.'))
    const { output } = await scene.ask(ask)
    expect(output).toMatchObject([{ type: 'mcp_call', output: 'A dot:' }, { content: [{ text: 'I see.' }] }])
    expect(scene.model.asked.at(-1)?.messages.slice(-2)).toMatchObject([
      { role: 'tool', content: [{ type: 'text', text: 'A dot:' }] },
      { role: 'user', content: [{ type: 'image_url', image_url: { url: image_url } }] },
    ])
  })
})

test("a client's own function of the same name wins, and the client makes the call", async () => {
  const tools = [{ type: 'function' as const, name: 'add', parameters: { type: 'object', properties: {} } }]
  await withTools({ tools: [add], calls: [{ name: 'add', arguments: { a: 2, b: 3 } }] }, async (scene) => {
    const { output } = await scene.ask({ ...ask, tools })
    expect(output).toMatchObject([{ type: 'function_call', name: 'add', arguments: '{"a":2,"b":3}' }])
  })
})

test('two functions of one name do not start', async () => {
  await expect(withTools({ tools: [add, add], calls: [] }, () => Promise.resolve())).rejects.toMatchObject({
    code: 'config_invalid',
    message: expect.stringContaining("'add'") as string,
  })
})
