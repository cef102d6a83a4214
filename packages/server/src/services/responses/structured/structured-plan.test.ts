import { StackError } from '@llama-stack/api'
import type { ChatCompletionRequest, Clock, ResponseTextFormat } from '@llama-stack/api'
import { describe, expect, test } from 'vitest'
import { createSchemaValidators } from './schema-validators.ts'
import { StructuredModes } from './structured-modes.ts'
import type { ChosenMode, ModeQuestion, StructuredMode } from './structured-modes.ts'
import { createStructuredPlan } from './structured-plan.ts'
import type { StructuredPlan } from './structured-plan.ts'

const validators = createSchemaValidators()

const schema = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
const format: ResponseTextFormat = { type: 'json_schema', name: 'a place', schema, description: 'where it is' }

const request: ChatCompletionRequest = {
  model: 'm',
  messages: [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'Where is it?' },
  ],
  response_format: { type: 'json_schema', json_schema: { name: 'a place', schema } },
}
const weather = { type: 'function', function: { name: 'weather' } }

const untrusted = (mode: StructuredMode): ChosenMode => ({ mode, isTrusted: false })

async function plan(
  mode: StructuredMode | ChosenMode,
  more: { readonly format?: ResponseTextFormat; readonly toolNames?: readonly string[] } = {},
): Promise<StructuredPlan> {
  const chosen = typeof mode === 'string' ? untrusted(mode) : mode
  const made = await createStructuredPlan({ format, chosen, toolNames: [], validators, ...more })
  if (made === undefined) throw new TypeError('no plan')
  return made
}

test('plain text needs no plan', async () => {
  const chosen = untrusted('native')
  for (const plain of [undefined, null, { type: 'text' as const }]) {
    // eslint-disable-next-line no-await-in-loop -- three short ones
    expect(await createStructuredPlan({ format: plain, chosen, toolNames: [], validators })).toBeUndefined()
  }
})

describe('native', () => {
  test('leaves the request as it is and lets the text stream', async () => {
    const native = await plan({ mode: 'native', isTrusted: true })
    expect(native.apply(request)).toBe(request)
    expect(native).toMatchObject({ mode: 'native', streams: true, adjustment: undefined })
    expect(native.read({ text: 'a', toolCalls: [] })).toBe('a')
    expect(native.check('anything')).toEqual([])
  })

  test('takes any schema where the vendor is trusted, and checks where it is not', async () => {
    const odd: ResponseTextFormat = { type: 'json_schema', name: 'x', schema: { type: 'odd' } }
    await expect(plan({ mode: 'native', isTrusted: true }, { format: odd })).resolves.toMatchObject({ mode: 'native' })
    await expect(plan('native', { format: odd })).rejects.toMatchObject({ code: 'invalid_value' })
    expect((await plan('native')).check('{}')).toEqual(["the value must have required property 'city'"])
  })
})

describe('native, from a vendor that nobody knows', () => {
  const fenced = '```json\n{"city":"Oslo"}\n```'

  test('what is shown as it comes has to be the JSON itself', async () => {
    const shown = await plan('native')
    expect(shown.streams).toBe(true)
    expect(shown.check('{"city":"Oslo"}\n')).toEqual([])
    expect(shown.check(fenced)).toEqual(['there is text around the JSON'])
    expect(shown.check('Oslo')).toEqual(['the reply is not valid JSON'])
  })

  test('what nobody hears is read to its end, and what is around the JSON taken off', async () => {
    const chosen = untrusted('native')
    const unheard = await createStructuredPlan({ format, chosen, toolNames: [], validators, isHeard: false })
    expect(unheard).toMatchObject({ mode: 'native', streams: false, adjustment: undefined })
    expect(unheard?.read({ text: fenced, toolCalls: [] })).toBe('{"city":"Oslo"}')
    expect(unheard?.check(fenced)).toEqual([])
    expect(unheard?.apply(request)).toBe(request)
  })
})

describe('by a tool', () => {
  test('the schema becomes the parameters of a tool that has to be called', async () => {
    const { tools, tool_choice, ...others } = (await plan('tool')).apply(request)
    expect(others).toEqual({ model: 'm', messages: request.messages })
    expect(tools).toEqual([
      {
        type: 'function',
        function: { name: 'a_place', description: expect.stringContaining('where it is'), parameters: schema },
      },
    ])
    expect(tool_choice).toEqual({ type: 'function', function: { name: 'a_place' } })
  })

  test.each([
    [undefined, 'required'],
    ['auto', 'required'],
    ['required', 'required'],
    ['none', { type: 'function', function: { name: 'a_place' } }],
    [weather, weather],
  ] as const)('with other tools and the choice %j, the choice is %j', async (asked, given) => {
    const tooled = { ...request, tools: [weather], ...(asked !== undefined && { tool_choice: asked }) }
    const applied = (await plan('tool', { toolNames: ['weather'] })).apply(tooled)
    expect(applied.tools?.map((tool) => tool.function?.name)).toEqual(['weather', 'a_place'])
    expect(applied.tool_choice).toEqual(given)
  })

  test('the answer is in the arguments, or in the text of a model that did not call', async () => {
    const tool = await plan('tool', { toolNames: ['a_place'] })
    expect([tool.isAnswer('a_place'), tool.isAnswer('a_place_answer')]).toEqual([false, true])
    const call = { name: 'a_place_answer', arguments: '{"city":"Oslo"}' }
    expect(tool.read({ text: 'Here:', toolCalls: [{ name: 'weather', arguments: '{}' }, call] })).toBe(
      '{"city":"Oslo"}',
    )
    expect(tool.read({ text: 'It is {"city":"Oslo"}.', toolCalls: [] })).toBe('{"city":"Oslo"}')
    expect(tool.streams).toBe(false)
    expect(tool.adjustment).toMatchObject({ kind: 'emulated', param: 'text.format=tool' })
  })

  test('what is no object is wrapped into one and unwrapped again', async () => {
    const list = { type: 'array', items: { $ref: '#/$defs/name' }, $defs: { name: { type: 'string' } } }
    const tool = await plan('tool', { format: { type: 'json_schema', name: 'names', schema: list } })
    const { parameters } = tool.apply(request).tools?.[0]?.function ?? {}
    const { $defs, ...value } = list
    expect(parameters).toMatchObject({ type: 'object', properties: { value }, $defs })
    const answer = tool.read({ text: '', toolCalls: [{ name: 'names', arguments: '{"value":["a", "b"]}' }] })
    expect(answer).toBe('["a","b"]')
    expect(tool.check(answer)).toEqual([])
  })
})

describe('by instruction', () => {
  test('the schema is told in the first system message', async () => {
    const told = (await plan('instruction')).apply(request)
    expect(told.response_format).toBeUndefined()
    expect(told.messages[0]).toMatchObject({ role: 'system', content: expect.stringMatching(/^Be brief\.\n\nAnswer/) })
    expect(told.messages[0]?.content).toContain(JSON.stringify(schema))
    expect(told.messages).toHaveLength(2)
  })

  test('or in one of its own', async () => {
    const asked = { ...request, messages: [{ role: 'user' as const, content: 'Where?' }] }
    const told = (await plan('instruction', { format: { type: 'json_object' } })).apply(asked)
    expect(told.messages.map(({ role }) => role)).toEqual(['system', 'user'])
  })

  test('the answer is taken out of its words, checked, and repaired', async () => {
    const told = await plan('instruction')
    expect(told.read({ text: '```json\n{"city":"Oslo"}\n```', toolCalls: [] })).toBe('{"city":"Oslo"}')
    const wrong = told.read({ text: 'Sure: {"town":"Oslo"}', toolCalls: [] })
    expect(wrong).toBe('{"town":"Oslo"}')
    const faults = told.check(wrong)
    const repair = told.repair(request.messages, wrong, faults)
    expect(repair.slice(0, 3)).toEqual([...request.messages, { role: 'assistant', content: wrong }])
    expect(repair[3]).toMatchObject({ role: 'user', content: expect.stringContaining("required property 'city'") })
  })
})

describe('the mode', () => {
  const clock: Clock & { nowMs: number } = {
    nowMs: 0,
    now() {
      return this.nowMs
    },
    monotonic: () => 0,
  }
  const question = (facts: ModeQuestion['facts'] = {}, isReplaying = false): ModeQuestion => ({
    model: 'vllm/m',
    facts,
    isReplaying,
  })
  const refused = (reason: string, vendorParam?: string): StackError =>
    new StackError('provider_invalid_request', { provider: 'p', reason, ...(vendorParam && { vendorParam }) })

  test.each([
    [{}, 'native', false],
    [{ structured_output: true }, 'native', true],
    [{ structured_output: false }, 'tool', false],
    [{ structured_output: false, tools: false }, 'instruction', false],
  ] as const)('of a model with the facts %j is %s', (facts, mode, isTrusted) => {
    expect(new StructuredModes(clock).choose(question(facts))).toEqual({ mode, isTrusted })
  })

  test('is native in replay, whatever is known', () => {
    const chosen = new StructuredModes(clock).choose(question({ structured_output: false }, true))
    expect(chosen).toEqual({ mode: 'native', isTrusted: true })
  })

  test('changes when the vendor refuses it, and stays so for a while', () => {
    const modes = new StructuredModes(clock)
    const asked = question()
    const first = modes.choose(asked)
    const second = modes.findNext(asked, first, refused('Unsupported parameter', 'response_format'))
    expect(second?.mode).toBe('tool')
    expect(second && modes.findNext(asked, second, refused('tool_choice "required" is not supported'))?.mode).toBe(
      'instruction',
    )
    expect(modes.choose(asked).mode).toBe('instruction')
    expect(modes.choose({ ...asked, model: 'vllm/other' }).mode).toBe('native')
    clock.nowMs += 60 * 60 * 1000
    expect(modes.choose(asked).mode).toBe('native')
  })

  test('does not change for what is the client’s own fault, or about something else', () => {
    const modes = new StructuredModes(clock)
    const first = modes.choose(question())
    const others = [
      refused("Invalid schema for response_format 'x': schema must have a 'type' key"),
      refused('The prompt is too long'),
      new StackError('provider_timeout', { provider: 'p', reason: 'response_format' }),
      new TypeError('response_format'),
    ]
    for (const error of others) expect(modes.findNext(question(), first, error)).toBeUndefined()
    const trusted = { mode: 'native', isTrusted: true } as const
    expect(modes.findNext(question(), trusted, refused('response_format is not supported'))).toBeUndefined()
  })
})
