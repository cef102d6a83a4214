import type { ChatCompletionRequest, ChatMessage, StackError } from '@llama-stack/api'
import { ChatCompletionRequest as RequestSchema } from '@llama-stack/api'
import { isStackError } from '@llama-stack/api'
import { describe, expect, test } from 'vitest'
import { toGeminiRequest } from './_gemini-request.ts'

const hello: ChatMessage = { role: 'user', content: 'Hello.' }

/** Parsed as the edge does, so that unknown fields are there as they are in life. */
function translate(more: Record<string, unknown>, model = 'gemini-2.5-flash', signatures: Record<string, string> = {}) {
  const request: ChatCompletionRequest = RequestSchema.parse({ model: 'ignored', messages: [hello], ...more })
  return toGeminiRequest(request, { model, findSignature: (callId) => signatures[callId] })
}

function contentsOf(messages: readonly unknown[], model?: string, signatures?: Record<string, string>): unknown {
  return translate({ messages }, model, signatures).contents
}

function failureOf(run: () => unknown): StackError {
  try {
    run()
  } catch (error) {
    if (isStackError(error)) return error
  }
  expect.unreachable('it did not fail')
}

describe('messages', () => {
  test('a plain one is all there is', () => {
    expect(translate({})).toEqual({ contents: [{ role: 'user', parts: [{ text: 'Hello.' }] }] })
  })

  test('instructions stand apart, from wherever they are', () => {
    const messages = [
      { role: 'system', content: 'Be brief.' },
      hello,
      {
        role: 'developer',
        content: [
          { type: 'text', text: 'Be ' },
          { type: 'text', text: 'kind.' },
        ],
      },
    ]
    expect(translate({ messages })).toEqual({
      systemInstruction: { parts: [{ text: 'Be brief.' }, { text: 'Be kind.' }] },
      contents: [{ role: 'user', parts: [{ text: 'Hello.' }] }],
    })
  })

  test('instructions alone are what the user says', () => {
    expect(translate({ messages: [{ role: 'system', content: 'Write a poem.' }] })).toEqual({
      contents: [{ role: 'user', parts: [{ text: 'Write a poem.' }] }],
    })
  })

  test('the assistant is called model; its refusal is what it said', () => {
    const messages = [
      hello,
      { role: 'assistant', content: 'Hi.', reasoning_content: 'They greet me.' },
      { role: 'assistant', content: [{ type: 'refusal', refusal: 'No.' }] },
      { role: 'assistant', content: null },
    ]
    expect(contentsOf(messages)).toEqual([
      { role: 'user', parts: [{ text: 'Hello.' }] },
      { role: 'model', parts: [{ text: 'Hi.' }] },
      { role: 'model', parts: [{ text: 'No.' }] },
    ])
  })
})

describe('media', () => {
  const partOf = (part: unknown): unknown => {
    const [turn] = translate({ messages: [{ role: 'user', content: [part] }] }).contents
    return turn?.parts[0]
  }

  test.each<readonly [string, unknown, unknown]>([
    [
      'an image',
      { type: 'image_url', image_url: { url: 'data:image/PNG;base64,AAAA', detail: 'high' } },
      { inlineData: { mimeType: 'image/png', data: 'AAAA' } },
    ],
    [
      'a text that is only escaped',
      { type: 'image_url', image_url: { url: 'data:image/svg+xml;charset=utf-8,%3Csvg/%3E' } },
      { inlineData: { mimeType: 'image/svg+xml', data: btoa('<svg/>') } },
    ],
    [
      'an image in a bucket',
      { type: 'image_url', image_url: { url: 'gs://bucket/a.b/cat.JPG' } },
      { fileData: { mimeType: 'image/jpeg', fileUri: 'gs://bucket/a.b/cat.JPG' } },
    ],
    [
      'audio',
      { type: 'input_audio', input_audio: { data: 'AAAA', format: 'mp3' } },
      { inlineData: { mimeType: 'audio/mp3', data: 'AAAA' } },
    ],
    [
      'a file',
      { type: 'file', file: { file_data: 'data:application/pdf;base64,AAAA', filename: 'a.pdf' } },
      { inlineData: { mimeType: 'application/pdf', data: 'AAAA' } },
    ],
    [
      'a file that only its name explains',
      { type: 'file', file: { file_data: 'AAAA', filename: 'a.csv' } },
      { inlineData: { mimeType: 'text/csv', data: 'AAAA' } },
    ],
    [
      'a file in a bucket',
      { type: 'file', file: { file_id: 'gs://bucket/film', filename: 'film.mp4' } },
      { fileData: { mimeType: 'video/mp4', fileUri: 'gs://bucket/film' } },
    ],
  ])('%s', (_, part, translated) => {
    expect(partOf(part)).toEqual(translated)
  })

  test.each<readonly [unknown, string, string]>([
    [{ type: 'image_url', image_url: { url: 'ftp://a/b.png' } }, 'messages[0].content[0].image_url.url', 'gs://'],
    [{ type: 'file', file: { file_id: 'file-123' } }, 'messages[0].content[0].file.file_id', 'gs://'],
    [{ type: 'file', file: { file_data: 'AAAA' } }, 'messages[0].content[0].file.filename', 'type of the file'],
    [{ type: 'file', file: {} }, 'messages[0].content[0].file.file_data', 'data URL'],
  ])('%j is refused', (part, param, words) => {
    const failure = failureOf(() => partOf(part))
    expect(failure.param).toBe(param)
    expect(failure.message).toContain(words)
  })
})

describe('tool calls and their results', () => {
  const call = (id: string, name: string, args: string): object => ({
    id,
    type: 'function',
    function: { name, arguments: args },
  })
  const signed = (signature: string): object => ({ extra_content: { google: { thought_signature: signature } } })

  test('results of one turn are one turn, in the order of the calls', () => {
    const messages = [
      hello,
      {
        role: 'assistant',
        content: 'Wait.',
        tool_calls: [call('a', 'weather', '{"city":"Rome"}'), call('b', 'time', '')],
      },
      { role: 'tool', tool_call_id: 'b', content: '12:00' },
      { role: 'tool', tool_call_id: 'a', content: [{ type: 'text', text: '{"sky":"blue"}' }] },
      { role: 'user', content: 'Thanks.' },
    ]
    expect(contentsOf(messages)).toEqual([
      { role: 'user', parts: [{ text: 'Hello.' }] },
      {
        role: 'model',
        parts: [
          { text: 'Wait.' },
          { functionCall: { name: 'weather', args: { city: 'Rome' } } },
          { functionCall: { name: 'time', args: {} } },
        ],
      },
      {
        role: 'user',
        parts: [
          { functionResponse: { name: 'weather', response: { sky: 'blue' } } },
          { functionResponse: { name: 'time', response: { output: '12:00' } } },
        ],
      },
      { role: 'user', parts: [{ text: 'Thanks.' }] },
    ])
  })

  test.each([
    ['[1]', { output: '[1]' }],
    ['{oops', { output: '{oops' }],
    ['', { output: '' }],
  ])('the result %j becomes an object', (content, response) => {
    const messages = [
      { role: 'assistant', tool_calls: [call('a', 'f', '{}')] },
      { role: 'tool', tool_call_id: 'a', content },
    ]
    expect(contentsOf(messages)).toMatchObject([{}, { parts: [{ functionResponse: { name: 'f', response } }] }])
  })

  test('arguments that are no object are kept as a text', () => {
    const messages = [{ role: 'assistant', tool_calls: [call('a', 'f', '{"half":')] }]
    expect(contentsOf(messages)).toMatchObject([{ parts: [{ functionCall: { args: { arguments: '{"half":' } } }] }])
  })

  test('a result without its call is refused by name', () => {
    const failure = failureOf(() => contentsOf([hello, { role: 'tool', tool_call_id: 'x', content: '' }]))
    expect(failure.param).toBe('messages[1].tool_call_id')
  })

  test('OpenAI’s first functions are calls too', () => {
    const messages = [
      { role: 'assistant', content: null, function_call: { name: 'f', arguments: '{"a":1}' } },
      { role: 'function', name: 'f', content: '2' },
    ]
    expect(contentsOf(messages)).toEqual([
      { role: 'model', parts: [{ functionCall: { name: 'f', args: { a: 1 } } }] },
      { role: 'user', parts: [{ functionResponse: { name: 'f', response: { output: '2' } } }] },
    ])
  })

  test('signatures go back, from the message or from memory', () => {
    const messages = [
      { role: 'assistant', content: 'So.', ...signed('of the text') },
      { role: 'assistant', tool_calls: [{ ...call('a', 'f', '{}'), ...signed('of the call') }, call('b', 'f', '{}')] },
      { role: 'assistant', tool_calls: [call('c', 'f', '{}')] },
    ]
    expect(contentsOf(messages, 'gemini-3-flash', { c: 'remembered' })).toMatchObject([
      { parts: [{ text: 'So.', thoughtSignature: 'of the text' }] },
      { parts: [{ thoughtSignature: 'of the call' }, { functionCall: { name: 'f' } }] },
      { parts: [{ thoughtSignature: 'remembered' }] },
    ])
  })

  test('the calls of another model are marked as such, where the model asks for signatures', () => {
    const messages = [{ role: 'assistant', tool_calls: [call('a', 'f', '{}'), call('b', 'f', '{}')] }]
    const plain = { functionCall: { name: 'f', args: {} } }
    const marked = { ...plain, thoughtSignature: 'skip_thought_signature_validator' }
    expect(contentsOf(messages, 'gemini-3-pro-preview')).toEqual([{ role: 'model', parts: [marked, plain] }])
    expect(contentsOf(messages, 'gemini-2.5-pro')).toEqual([{ role: 'model', parts: [plain, plain] }])
  })
})

describe('tools', () => {
  const parameters = { type: 'object', properties: { a: { $ref: '#/$defs/a' } }, $defs: { a: { type: 'string' } } }
  const f = { type: 'function', function: { name: 'f', description: 'Does f.', parameters, strict: true } }
  const g = { type: 'function', function: { name: 'g' } }

  test('their schemas travel as they are', () => {
    expect(translate({ tools: [f, g] })['tools']).toEqual([
      {
        functionDeclarations: [{ name: 'f', description: 'Does f.', parametersJsonSchema: parameters }, { name: 'g' }],
      },
    ])
  })

  test('of Gemini itself travel as they are', () => {
    const tools = [{ type: 'google_search' }, { type: 'url_context', url_context: { a: 1 } }, g]
    expect(translate({ tools })['tools']).toEqual([
      { functionDeclarations: [{ name: 'g' }] },
      { google_search: {} },
      { url_context: { a: 1 } },
    ])
  })

  test.each<readonly [unknown, unknown]>([
    ['auto', undefined],
    ['none', { functionCallingConfig: { mode: 'NONE' } }],
    ['required', { functionCallingConfig: { mode: 'ANY' } }],
    [
      { type: 'function', function: { name: 'g' } },
      { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['g'] } },
    ],
  ])('the choice %j', (choice, config) => {
    expect(translate({ tools: [g], tool_choice: choice })['toolConfig']).toEqual(config)
  })

  test('a choice that cannot be made is refused', () => {
    expect(failureOf(() => translate({ tools: [g], tool_choice: { type: 'allowed_tools' } })).param).toBe('tool_choice')
  })

  test('of OpenAI’s first kind are tools too', () => {
    expect(translate({ functions: [{ name: 'g' }], function_call: { name: 'g' } })).toMatchObject({
      tools: [{ functionDeclarations: [{ name: 'g' }] }],
      toolConfig: { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['g'] } },
    })
  })

  test('the caller’s own tool_config is joined with the choice', () => {
    const translated = translate({ tools: [g], tool_choice: 'required', tool_config: { retrievalConfig: { a: 1 } } })
    expect(translated['toolConfig']).toEqual({ functionCallingConfig: { mode: 'ANY' }, retrievalConfig: { a: 1 } })
  })
})

describe('generationConfig', () => {
  const configOf = (more: Record<string, unknown>, model?: string): unknown => translate(more, model).generationConfig

  test('has OpenAI’s fields under Gemini’s names', () => {
    const fields = {
      temperature: 0.5,
      top_p: 0.9,
      n: 2,
      stop: 'END',
      seed: 7,
      max_tokens: 10,
      max_completion_tokens: 20,
      presence_penalty: 0.1,
      frequency_penalty: 0.2,
      logprobs: true,
      top_logprobs: 3,
      modalities: ['text'],
      user: 'u',
      stream: true,
      stream_options: { include_usage: true },
      store: false,
      service_tier: 'auto',
      parallel_tool_calls: true,
    }
    expect(configOf(fields)).toEqual({
      temperature: 0.5,
      topP: 0.9,
      candidateCount: 2,
      stopSequences: ['END'],
      seed: 7,
      maxOutputTokens: 20,
      presencePenalty: 0.1,
      frequencyPenalty: 0.2,
      responseLogprobs: true,
      logprobs: 3,
      responseModalities: ['TEXT'],
    })
  })

  test('max_completion_tokens goes first wherever it stands', () => {
    expect(configOf({ max_completion_tokens: 20, max_tokens: 10 })).toEqual({ maxOutputTokens: 20 })
  })

  test.each<readonly [unknown, unknown]>([
    [{ type: 'text' }, undefined],
    [{ type: 'json_object' }, { responseMimeType: 'application/json' }],
    [
      { type: 'json_schema', json_schema: { name: 'a', strict: true, schema: { type: 'object' } } },
      { responseMimeType: 'application/json', responseJsonSchema: { type: 'object' } },
    ],
  ])('the format %j', (format, config) => {
    expect(configOf({ response_format: format })).toEqual(config)
  })

  test.each<readonly [string, string, unknown]>([
    ['none', 'gemini-2.5-flash', { thinkingBudget: 0, includeThoughts: false }],
    ['low', 'gemini-2.5-flash', { thinkingBudget: 1024, includeThoughts: true }],
    ['high', 'gemini-2.5-pro', { thinkingBudget: 24_576, includeThoughts: true }],
    ['none', 'gemini-3-flash-preview', { thinkingLevel: 'MINIMAL', includeThoughts: false }],
    ['minimal', 'gemini-3.1-pro-preview', { thinkingLevel: 'LOW', includeThoughts: true }],
    ['medium', 'gemini-flash-latest', { thinkingLevel: 'MEDIUM', includeThoughts: true }],
    ['xhigh', 'gemini-10-pro', { thinkingLevel: 'HIGH', includeThoughts: true }],
  ])('effort %s of %s', (effort, model, thinkingConfig) => {
    expect(configOf({ reasoning_effort: effort }, model)).toEqual({ thinkingConfig })
  })

  test('an effort that nobody knows is refused', () => {
    expect(failureOf(() => configOf({ reasoning_effort: 'much' })).param).toBe('reasoning_effort')
  })

  test('fields that nobody knows travel, those with a place beside it to their place', () => {
    expect(
      translate({
        top_k: 40,
        mediaResolution: 'MEDIA_RESOLUTION_LOW',
        generation_config: { audioTimestamp: true },
        safety_settings: [{ category: 'a' }],
        cachedContent: 'c',
        labels: { team: 'x' },
        vendor_field: null,
      }),
    ).toEqual({
      contents: [{ role: 'user', parts: [{ text: 'Hello.' }] }],
      safetySettings: [{ category: 'a' }],
      cachedContent: 'c',
      labels: { team: 'x' },
      generationConfig: { topK: 40, mediaResolution: 'MEDIA_RESOLUTION_LOW', audioTimestamp: true },
    })
  })

  test.each(['google', 'extra_body'])('what Google’s OpenAI endpoint takes in %s is taken', (field) => {
    const google = { thinking_config: { thinking_budget: 5 }, cached_content: 'c' }
    const translated = translate({ reasoning_effort: 'high', [field]: field === 'google' ? google : { google } })
    expect(translated).toMatchObject({
      cachedContent: 'c',
      generationConfig: { thinkingConfig: { thinking_budget: 5 } },
    })
    expect(translated.generationConfig?.['thinkingConfig']).toEqual({ thinking_budget: 5 })
  })

  test('a bias is refused, an empty one is none', () => {
    expect(failureOf(() => translate({ logit_bias: { '5': 1 } })).param).toBe('logit_bias')
    expect(configOf({ logit_bias: {} })).toBeUndefined()
  })
})
