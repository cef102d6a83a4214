import { defineTool } from '@llama-stack/api'
import type { JsonObject, StackTool } from '@llama-stack/api'
import * as z from 'zod'
import { describe, expect, test } from 'vitest'
import { silentLog } from '../../../kernel/log.ts'
import { toRegisteredTools } from './registered-tools.ts'
import type { ToolOutcome } from './server-tool.ts'

const weather = defineTool({
  name: 'weather',
  description: 'The weather of a city.',
  parameters: z.object({ city: z.string(), days: z.int().min(1).default(1) }),
  execute: ({ city, days }) => `${city}: sunny for ${days}`,
})

async function openTool(tool: StackTool, { maxResultBytes = 1000, signal = new AbortController().signal } = {}) {
  const [registered] = await toRegisteredTools([tool], { log: silentLog, maxResultBytes })
  if (registered === undefined) throw new Error('nothing was registered')
  const caller = { principal: { id: 'me' }, requestId: 'req_1', signal, providerData: {}, callId: 'call_1' }
  return { registered, call: (args: JsonObject = {}): Promise<ToolOutcome> => registered.run(args, caller) }
}

const giving = (result: unknown): StackTool =>
  defineTool({ name: 'give', parameters: { type: 'object' }, execute: () => result })

const throwing = (error: unknown): StackTool =>
  defineTool({ name: 'fail', parameters: { type: 'object' }, execute: () => Promise.reject(error as Error) })

describe('what the model is offered', () => {
  test('is the schema of what it has to send, before defaults are filled in', async () => {
    const { registered } = await openTool(weather)
    expect(registered).toMatchObject({ name: 'weather', description: 'The weather of a city.', isRepeatable: false })
    expect(registered.parameters).toEqual({
      type: 'object',
      properties: {
        city: { type: 'string' },
        days: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER, default: 1 },
      },
      required: ['city'],
    })
  })

  test('is a JSON schema as it was given', async () => {
    const parameters = { type: 'object', properties: { n: { $ref: '#/$defs/n' } }, $defs: { n: { type: 'number' } } }
    const { registered } = await openTool(
      defineTool({ name: 'n', parameters, repeatable: true, execute: () => undefined }),
    )
    expect(registered.parameters).toBe(parameters)
    expect(registered.isRepeatable).toBe(true)
  })
})

describe('arguments', () => {
  test('reach the function as the schema makes them', async () => {
    const { call } = await openTool(weather)
    expect(await call({ city: 'Oslo' })).toEqual({
      content: 'Oslo: sunny for 1',
      isError: false,
      members: { output: 'Oslo: sunny for 1' },
    })
  })

  test('that do not follow a zod schema are told in words, and the function is not called', async () => {
    const { call } = await openTool(weather)
    const { content, isError, members } = await call({ city: 7, days: 0 })
    expect(isError).toBe(true)
    expect(members).toEqual({ error: content })
    expect(content).toMatch(/^The arguments are not as the tool wants them\. '\/city': .*string.*; '\/days': /)
  })

  test('that do not follow a JSON schema are told in words', async () => {
    const parameters = { type: 'object', properties: { n: { type: 'number' } }, required: ['n'] }
    const { call } = await openTool(defineTool({ name: 'n', parameters, execute: ({ n }) => n }))
    expect((await call({})).content).toContain("the value must have required property 'n'")
    expect((await call({ n: 'x' })).content).toContain("'/n' must be number")
    expect((await call({ n: 4 })).content).toBe('4')
  })
})

describe('results', () => {
  test.each([
    ['a text', 'words', 'words'],
    ['a value', { a: [1, null] }, '{"a":[1,null]}'],
    ['a list that is no list of parts', [{ type: 'input_text' }], '[{"type":"input_text"}]'],
    ['an empty list', [], '[]'],
    ['null', null, 'null'],
    ['nothing', undefined, '(no output)'],
    ['an empty text', '', '(no output)'],
  ])('%s', async (_what, result, told) => {
    const { call } = await openTool(giving(result))
    expect(await call()).toEqual({ content: told, isError: false, members: { output: told } })
  })

  test('parts are shown as parts', async () => {
    const image = 'data:image/png;base64,iVBORw0KGgo='
    const parts = [
      { type: 'input_text', text: 'A chart:' },
      { type: 'input_image', image_url: image },
    ]
    const { call } = await openTool(giving(parts))
    expect(await call()).toEqual({
      content: [
        { type: 'text', text: 'A chart:' },
        { type: 'image_url', image_url: { url: image, detail: 'auto' } },
      ],
      isError: false,
      members: { output: 'A chart:' },
    })
  })

  test('text beyond the limit is cut, and says so', async () => {
    const { call } = await openTool(giving('ä'.repeat(100)), { maxResultBytes: 5 })
    expect((await call()).content).toBe(
      'ää\n[The result was cut: it has 200 bytes of text, and the first 5 are shown.]',
    )
  })

  test('what JSON cannot hold is a failure', async () => {
    const { call } = await openTool(giving(1n))
    expect(await call()).toMatchObject({ isError: true, content: expect.stringContaining('BigInt') as string })
  })
})

describe('failures', () => {
  test('are told by their message, without the stack', async () => {
    const { call } = await openTool(throwing(new Error('no such city')))
    expect(await call()).toEqual({ content: 'no such city', isError: true, members: { error: 'no such city' } })
  })

  test('of a function that does not even return a promise are told too', async () => {
    const execute = (): never => {
      throw new TypeError('at once')
    }
    const { call } = await openTool(defineTool({ name: 'fail', parameters: { type: 'object' }, execute }))
    expect(await call()).toMatchObject({ content: 'at once', isError: true })
  })

  test.each([
    ['a text', 'gone', 'gone'],
    ['an error without words', new Error(''), 'The tool failed.'],
  ])('that are %s have words', async (_what, error, told) => {
    const { call } = await openTool(throwing(error))
    expect((await call()).content).toBe(told)
  })
})

describe('time', () => {
  test('that is over ends the waiting, and fires the signal of the function', async () => {
    let reason: unknown
    const slow = defineTool({
      name: 'slow',
      parameters: z.object({}),
      timeoutMs: 20,
      execute: (_args, { signal }) =>
        new Promise(() => signal.addEventListener('abort', () => (reason = (signal.reason as Error).name))),
    })
    const { call } = await openTool(slow)
    expect(await call()).toMatchObject({
      isError: true,
      content: 'The tool did not answer within 20 ms. It may still have taken effect.',
    })
    expect(reason).toBe('TimeoutError')
  })

  test('is not spent on a call that is aborted: it rejects with the reason', async () => {
    const stopping = new AbortController()
    const never = defineTool({ name: 'never', parameters: z.object({}), execute: () => new Promise(() => undefined) })
    const { call } = await openTool(never, { signal: stopping.signal })
    const calling = call()
    const reason = new Error('cancelled')
    stopping.abort(reason)
    await expect(calling).rejects.toBe(reason)
  })
})

test('a function is told who calls, and by which call', async () => {
  const told = defineTool({
    name: 'told',
    parameters: z.object({}),
    execute: (_args, { principal, requestId, callId }) => ({ principal, requestId, callId }),
  })
  const { call } = await openTool(told)
  expect((await call()).content).toBe('{"principal":{"id":"me"},"requestId":"req_1","callId":"call_1"}')
})

test.each([
  ['the same name twice', [weather, weather], /'weather' .* twice/],
  ['a name that no model can call', [{ ...weather, name: 'the weather' }], /'the weather' .* name/],
  ['parameters of no object', [{ ...weather, parameters: z.string() }], /not those of an object/],
  ['parameters that JSON has not', [{ ...weather, parameters: z.object({ at: z.date() }) }], /Date/],
  ['a schema of no object', [{ ...weather, parameters: { type: 'array' } }], /not those of an object/],
  ['a schema that is none', [{ ...weather, parameters: { type: 'object', properties: 7 } }], /cannot be read/],
])('%s is refused', async (_what, tools, problem) => {
  await expect(
    // Programs in JavaScript can give anything.
    toRegisteredTools(tools as unknown as readonly StackTool[], { log: silentLog, maxResultBytes: 1000 }),
  ).rejects.toMatchObject({ code: 'config_invalid', message: expect.stringMatching(problem) as string })
})
