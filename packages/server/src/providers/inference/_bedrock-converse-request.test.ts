import type { ChatCompletionRequest } from '@llama-stack/api'
import { isStackError } from '@llama-stack/api'
import { describe, expect, it, test } from 'vitest'
import { familyOf } from './_bedrock-families.ts'
import { toConverseRequest } from './_bedrock-converse-request.ts'
import type { FindThoughts } from './_bedrock-messages.ts'

const CLAUDE = 'us.anthropic.claude-sonnet-4-5-20250929-v1:0'
const LLAMA = 'meta.llama3-1-8b-instruct-v1:0'
const hello: ChatCompletionRequest = { model: CLAUDE, messages: [{ role: 'user', content: 'Hello' }] }
const noThoughts: FindThoughts = () => []

/** The translation of a request, some of whose fields no schema knows. */
function translate(more: Readonly<Record<string, unknown>>, findThoughts = noThoughts) {
  const request = { ...hello, ...more } as ChatCompletionRequest
  return toConverseRequest(request, familyOf(request.model), findThoughts)
}

const bodyOf = (more: Readonly<Record<string, unknown>>, findThoughts = noThoughts) =>
  translate(more, findThoughts).body

function problemOf(more: Readonly<Record<string, unknown>>): string {
  try {
    translate(more)
  } catch (error) {
    if (isStackError(error, 'invalid_value')) return `${error.param}: ${error.details.problem}`
    throw error
  }
  return 'none'
}

describe('messages', () => {
  it('take turns; system and developer messages stand apart; blank texts are left out', () => {
    const messages = [
      { role: 'system', content: 'Be brief.' },
      { role: 'developer', content: [{ type: 'text', text: 'In verse.' }] },
      { role: 'user', content: 'One' },
      {
        role: 'user',
        content: [
          { type: 'text', text: ' ' },
          { type: 'text', text: 'Two' },
        ],
      },
      { role: 'assistant', content: 'Three' },
      { role: 'assistant', content: '' },
      { role: 'user', content: 'Four' },
    ]
    expect(bodyOf({ messages })).toEqual({
      system: [{ text: 'Be brief.' }, { text: 'In verse.' }],
      messages: [
        { role: 'user', content: [{ text: 'One' }, { text: 'Two' }] },
        { role: 'assistant', content: [{ text: 'Three' }] },
        { role: 'user', content: [{ text: 'Four' }] },
      ],
    })
  })

  it('have the results of tools as one turn of the user', () => {
    const call = (id: string, text: string) => ({ id, type: 'function', function: { name: 'look', arguments: text } })
    const messages = [
      { role: 'user', content: 'Look' },
      { role: 'assistant', content: null, tool_calls: [call('a', '{"at":1}'), call('b', '')] },
      { role: 'tool', tool_call_id: 'a', content: 'A thing' },
      { role: 'tool', tool_call_id: 'b', content: '' },
      { role: 'user', content: 'And?' },
    ]
    expect(bodyOf({ messages })).toEqual({
      messages: [
        { role: 'user', content: [{ text: 'Look' }] },
        {
          role: 'assistant',
          content: [
            { toolUse: { toolUseId: 'a', name: 'look', input: { at: 1 } } },
            { toolUse: { toolUseId: 'b', name: 'look', input: {} } },
          ],
        },
        {
          role: 'user',
          content: [
            { toolResult: { toolUseId: 'a', content: [{ text: 'A thing' }] } },
            { toolResult: { toolUseId: 'b', content: [{ text: '(no output)' }] } },
            { text: 'And?' },
          ],
        },
      ],
      // The API refuses calls of tools that are not declared.
      toolConfig: {
        tools: [{ toolSpec: { name: 'look', inputSchema: { json: { type: 'object', properties: {} } } } }],
      },
    })
  })

  it('may have images, documents and marks of what is worth caching', () => {
    const content = [
      { type: 'text', text: 'Read', cache_control: { type: 'ephemeral' } },
      { type: 'image_url', image_url: { url: 'data:image/JPG;base64,aGk=' } },
      { type: 'file', file: { filename: 'a  b_c.v2.pdf', file_data: 'data:application/pdf;base64,aGk=' } },
      { type: 'file', file: { file_data: 'data:text/plain;charset=utf-8;base64,aGk=' } },
    ]
    expect(bodyOf({ messages: [{ role: 'user', content }] })['messages']).toEqual([
      {
        role: 'user',
        content: [
          { text: 'Read' },
          { cachePoint: { type: 'default' } },
          { image: { format: 'jpeg', source: { bytes: 'aGk=' } } },
          { document: { format: 'pdf', name: 'a b-c-v2', source: { bytes: 'aGk=' } } },
          { document: { format: 'txt', name: 'document', source: { bytes: 'aGk=' } } },
        ],
      },
    ])
  })

  test.each([
    [{ type: 'input_audio', input_audio: { data: '', format: 'wav' } }, 'messages[0].content[0].type: models of this'],
    [{ type: 'image_url', image_url: { url: 'data:image/tiff;base64,aGk=' } }, "image_url.url: the type 'image/tiff'"],
    [{ type: 'image_url', image_url: { url: 'data:image/png,plain' } }, 'image_url.url: it is no data URL'],
    [{ type: 'file', file: { file_id: 'file-1' } }, 'file: this provider keeps no files'],
    [{ type: 'file', file: { file_data: 'data:video/mp4;base64,aGk=' } }, "file_data: the type 'video/mp4'"],
  ])('%o are refused', (part, problem) => {
    expect(problemOf({ messages: [{ role: 'user', content: [part] }] })).toContain(problem)
  })

  it('are refused with arguments that are no object, and with results of the older form', () => {
    const call = { id: 'a', type: 'function', function: { name: 'look', arguments: '[1]' } }
    expect(problemOf({ messages: [{ role: 'assistant', content: null, tool_calls: [call] }] })).toBe(
      'messages[0].tool_calls[0].function.arguments: it is not a JSON object',
    )
    expect(problemOf({ messages: [{ role: 'function', name: 'look', content: '1' }] })).toContain('messages[0].role')
  })
})

describe('tools', () => {
  const look = { type: 'function', function: { name: 'look', description: 'Looks.', parameters: { type: 'object' } } }
  const toolSpec = { name: 'look', description: 'Looks.', inputSchema: { json: { type: 'object' } } }

  test.each<[string, unknown, unknown]>([
    ['auto', 'auto', undefined],
    ['required', 'required', { any: {} }],
    ['one', { type: 'function', function: { name: 'look' } }, { tool: { name: 'look' } }],
  ])('are declared, with the choice %s', (_name, choice, toolChoice) => {
    const { toolConfig } = bodyOf({ tools: [look], tool_choice: choice })
    expect(toolConfig).toEqual({ tools: [{ toolSpec }], ...(toolChoice === undefined ? {} : { toolChoice }) })
  })

  it('without a description or a schema get what the API needs', () => {
    const bare = { type: 'function', function: { name: 'look', description: '', parameters: null } }
    expect(bodyOf({ tools: [bare] })['toolConfig']).toEqual({
      tools: [{ toolSpec: { name: 'look', inputSchema: { json: { type: 'object', properties: {} } } } }],
    })
  })

  it('that are no functions, and choices of such, are refused', () => {
    expect(problemOf({ tools: [{ type: 'web_search' }] })).toContain(
      'tools[0].type: this provider does not have tools of',
    )
    expect(problemOf({ tools: [look], tool_choice: { type: 'allowed_tools' } })).toContain('tool_choice')
  })
})

describe('the form of the answer', () => {
  const schema = { type: 'object', properties: { rain: { type: 'boolean' } } }
  const format = { type: 'json_schema', json_schema: { name: 'forecast', schema } }
  const look = { type: 'function', function: { name: 'look' } }

  it('is the input of a tool, where a model can be made to call one', () => {
    const { body, answerTool } = translate({ response_format: format })
    expect(answerTool).toBe('forecast')
    expect(body['toolConfig']).toEqual({
      tools: [{ toolSpec: { name: 'forecast', description: expect.any(String), inputSchema: { json: schema } } }],
      toolChoice: { tool: { name: 'forecast' } },
    })
  })

  it('leaves the choice among the other tools', () => {
    const { body } = translate({ response_format: format, tools: [look] })
    expect(body['toolConfig']).toMatchObject({
      tools: [{ toolSpec: { name: 'look' } }, { toolSpec: { name: 'forecast' } }],
      toolChoice: { any: {} },
    })
  })

  it('is asked for in words elsewhere, and where there is no schema', () => {
    const inWords = translate({ model: LLAMA, response_format: format })
    expect(inWords.answerTool).toBeUndefined()
    expect(inWords.body['system']).toEqual([{ text: expect.stringContaining(JSON.stringify(schema)) }])
    const object = translate({ response_format: { type: 'json_object' }, messages: hello.messages })
    expect(object.body['system']).toEqual([{ text: 'Answer with one JSON object and nothing else.' }])
    expect(translate({ response_format: { type: 'text' } }).body).toEqual(bodyOf({}))
  })

  it('has a name that the API takes', () => {
    const odd = { type: 'json_schema', json_schema: { name: 'the forecast!', schema } }
    expect(translate({ response_format: odd }).answerTool).toBe('json_answer')
  })
})

describe('fields', () => {
  it('of sampling have their places', () => {
    const said = { max_tokens: 5, temperature: 0.5, top_p: 0.9, stop: 'END' }
    expect(bodyOf(said)['inferenceConfig']).toEqual({
      maxTokens: 5,
      temperature: 0.5,
      topP: 0.9,
      stopSequences: ['END'],
    })
    expect(bodyOf({ max_tokens: 5, max_completion_tokens: 7 })['inferenceConfig']).toEqual({ maxTokens: 7 })
  })

  it('that nobody here knows are the model’s own; those of Converse keep their names', () => {
    const guardrailConfig = { guardrailIdentifier: 'g', guardrailVersion: '1' }
    const own = { top_k: 5, vendor: { deep: null }, nothing: null, additionalModelRequestFields: { top_a: 1 } }
    expect(bodyOf({ ...own, guardrailConfig, service_tier: 'flex' })).toEqual({
      messages: [{ role: 'user', content: [{ text: 'Hello' }] }],
      additionalModelRequestFields: { top_a: 1, top_k: 5, vendor: { deep: null } },
      guardrailConfig,
      serviceTier: { type: 'flex' },
    })
  })

  it('that change nothing are left out', () => {
    const dropped = { user: 'u', seed: 1, parallel_tool_calls: false, prompt_cache_key: 'k', safety_identifier: 's' }
    const harmless = {
      n: 1,
      logprobs: false,
      frequency_penalty: 0,
      logit_bias: {},
      service_tier: 'auto',
      functions: [],
    }
    expect(bodyOf({ ...dropped, ...harmless })).toEqual(bodyOf({}))
  })

  test.each([
    ['n', 2],
    ['logprobs', true],
    ['top_logprobs', 1],
    ['frequency_penalty', 0.1],
    ['presence_penalty', -1],
    ['logit_bias', { 50: 1 }],
    ['functions', [{ name: 'f' }]],
    ['audio', {}],
  ])('that would change the result are refused: %s', (field, value) => {
    expect(problemOf({ [field]: value })).toBe(`${field}: models of this provider do not have it`)
  })
})

describe('thinking', () => {
  const signed = [{ reasoningContent: { reasoningText: { text: 'hm', signature: 'sig' } } }]
  const call = { id: 'a', type: 'function', function: { name: 'look', arguments: '{}' } }
  const called = [
    ...hello.messages,
    { role: 'assistant', content: null, tool_calls: [call] },
    { role: 'tool', tool_call_id: 'a', content: 'A thing' },
  ]

  test.each([
    [{ reasoning_effort: 'low' }, { type: 'enabled', budget_tokens: 1024 }, 5120],
    [{ reasoning_effort: 'medium', max_tokens: 3000 }, { type: 'enabled', budget_tokens: 2999 }, 3000],
    [{ reasoning_effort: 'high', max_tokens: 1000 }, undefined, 1000],
    [{ reasoning_effort: 'none' }, undefined, undefined],
    [{ reasoning_effort: null }, undefined, undefined],
  ])('%o has a budget', (said, thinking, maxTokens) => {
    const body = bodyOf(said)
    expect(body['additionalModelRequestFields']).toEqual(thinking === undefined ? undefined : { thinking })
    expect(body['inferenceConfig']).toEqual(maxTokens === undefined ? undefined : { maxTokens })
  })

  it('is asked for in words of OpenAI’s models, and of others not at all', () => {
    const effort = { reasoning_effort: 'low' }
    expect(bodyOf({ ...effort, model: 'openai.gpt-oss-20b-1:0' })['additionalModelRequestFields']).toEqual(effort)
    expect(bodyOf({ ...effort, model: LLAMA })['additionalModelRequestFields']).toBeUndefined()
  })

  it('goes back with the call that it led to', () => {
    const find: FindThoughts = (id) => (id === 'a' ? signed : [])
    const body = bodyOf({ messages: called, reasoning_effort: 'low' }, find)
    expect(body['messages']).toMatchObject([{}, { content: [...signed, { toolUse: { toolUseId: 'a' } }] }, {}])
    expect(body['additionalModelRequestFields']).toMatchObject({ thinking: {} })
  })

  it('rests while a call waits whose thoughts were lost: the model would refuse the conversation', () => {
    const waiting = { messages: called, reasoning_effort: 'low' }
    expect(bodyOf(waiting)['additionalModelRequestFields']).toBeUndefined()
    const over = { ...waiting, messages: [...called, { role: 'assistant', content: 'So.' }, ...hello.messages] }
    expect(bodyOf(over)['additionalModelRequestFields']).toMatchObject({ thinking: {} })
  })

  it('rests where the answer has a schema: a model that thinks cannot be made to call a tool', () => {
    const format = { type: 'json_schema', json_schema: { name: 'a', schema: { type: 'object' } } }
    const body = bodyOf({ response_format: format, reasoning_effort: 'low' })
    expect(body['additionalModelRequestFields']).toBeUndefined()
  })
})

test.each([
  ['anthropic.claude-v2:1', 'converse', 'budget'],
  ['global.anthropic.claude-opus-4-5', 'converse', 'budget'],
  ['arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-x', 'converse', 'budget'],
  ['arn:aws:bedrock:us-east-1:1:application-inference-profile/abc', 'converse', 'none'],
  ['openai.gpt-oss-120b-1:0', 'openai', 'effort'],
  ['meta.llama3-3-70b-instruct-v1:0', 'converse', 'none'],
])('the family of %s', (model, wire, thinking) => {
  expect(familyOf(model)).toMatchObject({ wire, thinking })
})
