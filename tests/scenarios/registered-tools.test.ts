import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { defineTool } from '../../packages/server/src/index.ts'
import type { StackTool } from '../../packages/server/src/index.ts'
import type { ScriptedRequest, ScriptedRoute } from '../../packages/server/src/testing/scripted-upstream.ts'
import { chatChunks, doors, withStack } from './stack-under-test.ts'
import type { Door, UnderTest } from './stack-under-test.ts'

interface Body {
  readonly messages: readonly Record<string, unknown>[]
  readonly tools?: readonly { readonly function: { readonly name: string } }[]
}

type Call = readonly [name: string, args: object | string]

/** A vendor whose model makes the calls in its first turn, and says what it was told in its second. */
function callsOnce(calls: readonly Call[]): ScriptedRoute {
  return (request) => {
    const told = messagesOf(request).filter(({ role }) => role === 'tool')
    if (told.length > 0) return { events: chatChunks([JSON.stringify(told.map(({ content }) => content))]) }
    const head = { id: 'chatcmpl-3', object: 'chat.completion.chunk', created: 1_700_000_000, model: 'm1' }
    const tool_calls = calls.map(([name, args], index) => ({
      index,
      id: `call_${index}`,
      type: 'function',
      function: { name, arguments: typeof args === 'string' ? args : JSON.stringify(args) },
    }))
    return {
      events: [
        { ...head, choices: [{ index: 0, delta: { role: 'assistant', tool_calls }, finish_reason: null }] },
        { ...head, choices: [{ index: 0, delta: {}, finish_reason: 'tool_calls' }] },
      ],
    }
  }
}

const bodyOf = (request: ScriptedRequest): Body => request.json() as Body
const messagesOf = (request: ScriptedRequest): Body['messages'] => bodyOf(request).messages

interface Scene {
  readonly door?: Door
  readonly tools: readonly StackTool[]
  readonly calls: readonly Call[]
}

function withTools(
  { door = 'fetch', tools, calls }: Scene,
  scenario: (under: UnderTest) => Promise<void>,
): Promise<void> {
  const routes = { 'POST /v1/chat/completions': callsOnce(calls) }
  return withStack({ door, routes, more: { tools } }, scenario)
}

interface Answered {
  readonly id: string
  readonly status: string
  readonly output: readonly Record<string, unknown>[]
}

async function respond(under: UnderTest, more: object = {}): Promise<Answered> {
  const response = await under.call('POST /v1/responses', { model: 'vendor/m1', input: 'Go on.', ...more })
  const body = (await response.json()) as Answered
  expect([response.status, body]).toEqual([200, body])
  return body
}

const add = defineTool({
  name: 'add',
  description: 'Adds two numbers.',
  parameters: z.object({ a: z.number(), b: z.number() }),
  execute: ({ a, b }) => a + b,
})

describe.each(doors)('through the %s', (door) => {
  test('[B095] a function of the program runs for a client that knows nothing of it', async () => {
    await withTools({ door, tools: [add], calls: [['add', { a: 2, b: 3 }]] }, async (under) => {
      const { status, output } = await respond(under)
      expect(status).toBe('completed')
      expect(output).toMatchObject([
        { type: 'mcp_call', server_label: 'stack', name: 'add', arguments: '{"a":2,"b":3}', output: '5', error: null },
        { type: 'message', content: [{ text: '["5"]' }] },
      ])
      const [first] = under.upstream.requests.filter(({ path }) => path.endsWith('/chat/completions'))
      expect(first && bodyOf(first).tools).toEqual([
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
    await withTools({ door, tools: [add], calls: [['add', { a: 1, b: 1 }]] }, async (under) => {
      const ask = { model: 'vendor/m1', input: 'Go on.', stream: true }
      const text = await (await under.call('POST /v1/responses', ask)).text()
      const types = [...text.matchAll(/^event: (.*)$/gm)].map(([, type]) => type)
      expect(types.filter((type) => type?.includes('mcp_call'))).toEqual([
        'response.mcp_call.in_progress',
        'response.mcp_call_arguments.delta',
        'response.mcp_call_arguments.done',
        'response.mcp_call.completed',
      ])
      expect(types.at(-1)).toBe('response.completed')
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
  const calls: Call[] = [1, 2, 3].map((n) => ['slow', { n }])
  await withTools({ tools: [slow], calls }, async (under) => {
    expect((await respond(under)).output.at(-1)).toMatchObject({ content: [{ text: '["1","2","3"]' }] })
    expect(most).toBe(3)
    most = 0
    await respond(under, { parallel_tool_calls: false })
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
    ...broken,
    name: 'late',
    timeoutMs: 20,
    execute: () => sleep(5000, undefined, { ref: false }),
  })
  const calls: Call[] = [
    ['broken', {}],
    ['late', {}],
    ['add', { a: 'two', b: 3 }],
    ['add', '{"a": 2, '],
    ['subtract', {}],
  ]
  await withTools({ tools: [broken, late, add], calls }, async (under) => {
    const { status, output } = await respond(under)
    expect(status).toBe('completed')
    expect(output.filter(({ type }) => type === 'mcp_call')).toMatchObject([
      { name: 'broken', status: 'failed', error: 'the disk is full', output: null },
      { name: 'late', status: 'failed', error: expect.stringContaining('within 20 ms') as string },
      { name: 'add', status: 'failed', error: expect.stringContaining("'/a'") as string },
      { name: 'add', status: 'failed', error: expect.stringContaining('not valid JSON') as string },
    ])
    expect(JSON.stringify(output)).not.toContain('.ts:')
    const second = under.upstream.requests.at(-1)
    const told = second === undefined ? [] : messagesOf(second).filter(({ role }) => role === 'tool')
    expect(told.map(({ content }) => String(content).slice(0, 24))).toEqual([
      'the disk is full',
      'The tool did not answer ',
      'The arguments are not as',
      'The arguments of the cal',
      "There is no tool named '",
    ])
  })
})

test('cancelling the response fires the signal of a function that is under way', async () => {
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
  await withTools({ tools: [endless], calls: [['endless', {}]] }, async (under) => {
    const { id, status } = await respond(under, { background: true })
    expect(status).toBe('queued')
    await begun
    const cancelled = (await (await under.call(`POST /v1/responses/${id}/cancel`)).json()) as Answered
    await stopped
    expect(cancelled.status).toBe('cancelled')
  })
})

test('an image that a function gives is shown to the model', async () => {
  const draw = defineTool({
    name: 'draw',
    parameters: z.object({}),
    execute: () => [
      { type: 'input_text', text: 'A dot:' },
      { type: 'input_image', image_url: 'data:image/png;base64,iVBORw0KGgo=' },
    ],
  })
  await withTools({ tools: [draw], calls: [['draw', {}]] }, async (under) => {
    const { output } = await respond(under)
    expect(output[0]).toMatchObject({ type: 'mcp_call', output: 'A dot:' })
    const last = under.upstream.requests.at(-1)
    expect(last && messagesOf(last).slice(-2)).toMatchObject([
      { role: 'tool', content: [{ type: 'text', text: 'A dot:' }] },
      { role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } }] },
    ])
  })
})

test("a client's own function of the same name wins, and the client makes the call", async () => {
  const tools = [{ type: 'function', name: 'add', parameters: { type: 'object', properties: {} } }]
  await withTools({ tools: [add], calls: [['add', { a: 2, b: 3 }]] }, async (under) => {
    const { output } = await respond(under, { tools })
    expect(output).toMatchObject([{ type: 'function_call', name: 'add', arguments: '{"a":2,"b":3}' }])
  })
})

test('two functions of one name do not start', async () => {
  await expect(withTools({ tools: [add, add], calls: [] }, () => Promise.resolve())).rejects.toMatchObject({
    code: 'config_invalid',
    message: expect.stringContaining("'add'") as string,
  })
})
