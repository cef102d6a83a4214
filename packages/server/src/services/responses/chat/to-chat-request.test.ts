import { StackError } from '@llama-stack/api'
import type { McpListedTool, ResponseTool, ResponseToolChoice } from '@llama-stack/api'
import { describe, expect, test } from 'vitest'
import { planTools } from './chat-tool-choice.ts'
import { toChatRequest, toSystemMessages } from './to-chat-request.ts'
import { toChatTools } from './to-chat-tools.ts'

const look: ResponseTool = {
  type: 'function',
  name: 'look',
  description: 'Looks.',
  parameters: { $defs: { b: {} }, a: {} },
  strict: null,
}
const shell: ResponseTool = {
  type: 'custom',
  name: 'shell',
  format: { type: 'grammar', syntax: 'lark', definition: 'start: "a"' },
}
const web: ResponseTool = { type: 'web_search_preview' }
const files: ResponseTool = { type: 'file_search', vector_store_ids: ['vs_1'] }
const mcp: ResponseTool = { type: 'mcp', server_label: 's' }
const listed = (name: string): McpListedTool => ({ name, description: '', input_schema: { type: 'object' } })
const listings = [{ serverLabel: 's', tools: [listed('ping'), listed('pong')] }]
const everything = ['look', 'shell', 'ping', 'pong', 'web_search', 'file_search', 'own']
const all = toChatTools([look, shell, mcp, web, files], { listings, registered: [listed('own')] })
const names = (set: { readonly tools: readonly { function?: { name: string } | undefined }[] }) =>
  set.tools.map((tool) => tool.function?.name)

function refusal(attempt: () => unknown): StackError {
  try {
    attempt()
  } catch (error) {
    if (error instanceof StackError) return error
  }
  return expect.unreachable('nothing was refused')
}

describe('tools', () => {
  test('stand in the order of the request, schemas untouched, without what is null', () => {
    expect(names(all)).toEqual(everything)
    expect(JSON.stringify(all.tools[0])).toBe(
      '{"type":"function","function":{"type":"function","name":"look","description":"Looks.","parameters":{"$defs":{"b":{}},"a":{}}}}',
    )
    expect(JSON.stringify(all.tools[2])).toBe(
      '{"type":"function","function":{"name":"ping","parameters":{"type":"object"}}}',
    )
  })

  test('know what a name stands for', () => {
    expect([...all.bindings].map(([name, { kind }]) => `${name}: ${kind}`)).toEqual([
      'look: function',
      'shell: custom',
      'ping: mcp',
      'pong: mcp',
      'web_search: web_search',
      'file_search: file_search',
      'own: registered',
    ])
  })

  test('of a listing that came with the previous response stay before all others', () => {
    const reused = [{ serverLabel: 's', tools: [listed('ping')], reused: true }]
    expect(names(toChatTools([look, mcp], { listings: reused }))).toEqual(['ping', 'look'])
  })

  test('a custom tool is a function with one text, told of its grammar', () => {
    const { description, parameters } = all.tools[1]?.function ?? {}
    expect(description).toContain('Lark grammar:\nstart: "a"')
    expect(parameters).toMatchObject({ required: ['input'], properties: { input: { type: 'string' } } })
  })

  test.each([
    ['two functions', [look, { ...look }], 'tools[1].name'],
    ['two searches', [web, web], 'tools[1]'],
    ['a server’s tool and a function', [{ ...look, name: 'ping' }, mcp], 'tools[1]'],
  ])('%s of one name are refused', (_about, tools: ResponseTool[], param) => {
    const error = refusal(() => toChatTools(tools, { listings }))
    expect([error.status, error.param]).toEqual([400, param])
  })

  test('that nobody here can run are refused by name', () => {
    const error = refusal(() => toChatTools([look, { type: 'local_shell' }]))
    expect([error.param, error.message]).toEqual(['tools[1].type', expect.stringContaining("'local_shell'")])
  })
})

describe('the choice of tools', () => {
  const named = (name: string) => ({ toolChoice: { type: 'function', function: { name } }, names: everything })

  test.each<[string, ResponseToolChoice, { toolChoice: unknown; names: readonly string[] }]>([
    ['a mode', 'required', { toolChoice: 'required', names: everything }],
    ['a function', { type: 'function', name: 'look' }, named('look')],
    ['a function of the program', { type: 'function', name: 'own' }, named('own')],
    ['a search by any of its names', { type: 'web_search' }, named('web_search')],
    ['a tool of a server', { type: 'mcp', server_label: 's', name: 'pong' }, named('pong')],
    ['a server', { type: 'mcp', server_label: 's' }, { toolChoice: 'required', names: ['ping', 'pong'] }],
    [
      'those allowed',
      {
        type: 'allowed_tools',
        mode: 'auto',
        tools: [
          { type: 'mcp', server_label: 's' },
          { type: 'custom', name: 'shell' },
        ],
      },
      { toolChoice: 'auto', names: ['shell', 'ping', 'pong'] },
    ],
  ])('%s', (_about, choice, expected) => {
    const { first, later } = planTools(all, choice)
    expect({ toolChoice: first.toolChoice, names: names(first) }).toEqual(expected)
    expect(later).toEqual({ ...first, toolChoice: 'auto' })
  })

  test('none stays none, and no choice no choice', () => {
    expect(planTools(all, 'none').later.toolChoice).toBe('none')
    expect(planTools(all, null).first).toEqual({ tools: all.tools })
  })

  test('of what is not there is refused', () => {
    expect(refusal(() => planTools(all, { type: 'function', name: 'ping' })).param).toBe('tool_choice')
    const allowed: ResponseToolChoice = {
      type: 'allowed_tools',
      mode: 'auto',
      tools: [{ type: 'function', name: 'x' }],
    }
    expect(refusal(() => planTools(all, allowed)).param).toBe('tool_choice.tools[0]')
  })
})

describe('the body', () => {
  const messages = [{ role: 'user' as const, content: 'Q' }]
  const none = planTools(toChatTools([]), 'auto').first
  const base = { model: 'm', settings: {}, messages, tools: none }

  test('has only what has a value', () => {
    expect(toChatRequest({ ...base, settings: { temperature: null, parallel_tool_calls: true } })).toEqual({
      model: 'm',
      messages,
      stream: true,
      stream_options: { include_usage: true },
    })
  })

  test('of equal requests has equal bytes', () => {
    const bytes = () =>
      JSON.stringify(
        toChatRequest({
          ...base,
          tools: planTools(toChatTools([look, shell, mcp, web], { listings }), 'auto').first,
          settings: {
            temperature: 0.5,
            include: ['message.output_text.logprobs'],
            prompt_cache_key: 'k',
            prompt_cache_retention: '24h',
            user: 'u',
            text: { verbosity: 'low' },
          },
          remainingOutputTokens: 100,
          extra: { top_k: 5 },
        }),
      )
    expect(bytes()).toBe(bytes())
    expect(Object.keys(JSON.parse(bytes()) as object)).toEqual([
      'model',
      'messages',
      'stream',
      'stream_options',
      'tools',
      'tool_choice',
      'parallel_tool_calls',
      'temperature',
      'logprobs',
      'verbosity',
      'max_completion_tokens',
      'prompt_cache_key',
      'prompt_cache_retention',
      'user',
      'top_k',
    ])
  })

  test('lets the request’s stream options win', () => {
    const settings = { stream_options: { include_obfuscation: false } }
    expect(toChatRequest({ ...base, settings }).stream_options).toEqual({
      include_usage: true,
      include_obfuscation: false,
    })
  })

  test('asks for the tier of the request first, and for the tier that served it then', () => {
    const tier = (servedTier: string | null | undefined, asRecorded = false) =>
      toChatRequest({ ...base, settings: { service_tier: 'flex' }, servedTier, asRecorded }).service_tier
    expect([tier(undefined), tier('priority'), tier(null), tier(null, true)]).toEqual([
      'flex',
      'priority',
      'flex',
      'default',
    ])
  })

  test('has the format of the answer; upstream’s recordings lack its strictness', () => {
    const format = {
      type: 'json_schema' as const,
      name: 'n',
      schema: { type: 'object' },
      strict: true,
      description: 'd',
    }
    const sent = (asRecorded: boolean) =>
      toChatRequest({ ...base, settings: { text: { format } }, asRecorded }).response_format
    const schema = { name: 'n', schema: { type: 'object' } }
    expect(sent(false)).toEqual({ type: 'json_schema', json_schema: { ...schema, description: 'd', strict: true } })
    expect(sent(true)).toEqual({ type: 'json_schema', json_schema: schema })
    expect(toChatRequest({ ...base, settings: { text: { format: { type: 'text' } } } })).not.toHaveProperty(
      'response_format',
    )
  })

  test('begins with the prompt, then the instructions', () => {
    expect(toSystemMessages('P', 'I').map(({ content }) => content)).toEqual(['P', 'I'])
    expect(toSystemMessages(null, undefined)).toEqual([])
  })
})
