/** Calls that only Ollama's own API understands, from the request to the reply. */
import type { ChatCompletionRequest, JsonObject } from '@llama-stack/api'
import { expect, describe, test } from 'vitest'
import { bodyOf, createRig, failureOf } from '../../testing/inference-conformance.ts'
import type { ProviderRig, RigOptions } from '../../testing/inference-conformance.ts'
import type { ScriptedRoute } from '../../testing/scripted-upstream.ts'
import { provider as definition } from './ollama.ts'

const suite = {
  definition,
  config: (url: string): JsonObject => ({ base_url: `${url}/v1` }),
  credential: { setting: 'api_key', header: (key: string) => ['authorization', `Bearer ${key}`] as const },
}
const rigOf = (answer: ScriptedRoute, options: RigOptions = {}): Promise<ProviderRig> =>
  createRig(suite, answer, { accounting: true, ...options })

const about = { model: 'qwen3:8b', created_at: '2026-11-22T10:00:00.5Z' }
const counts = { done: true, prompt_eval_count: 9, eval_count: 4 }
const whole = { ...about, message: { role: 'assistant', content: 'Rain.' }, done_reason: 'stop', ...counts }
const ask = (more: object = {}): ChatCompletionRequest =>
  // Fields that OpenAI's protocol does not have are what is tested.
  ({ model: 'qwen3:8b', messages: [{ role: 'user', content: 'Will it rain?' }], ...more }) as ChatCompletionRequest
const lines = (...of: readonly object[]): ScriptedRoute => ({
  frames: of.map((line) => `${JSON.stringify(line)}\n`),
  headers: { 'content-type': 'application/x-ndjson' },
})

async function chat(rig: ProviderRig, more: object): Promise<string> {
  return bodyOf(await rig.provider.chatCompletion?.(ask(more), rig.call()))
}
async function events(rig: ProviderRig, more: object): Promise<unknown[]> {
  const text = await chat(rig, { stream: true, ...more })
  return text
    .split('\n\n')
    .filter((event) => event !== '')
    .map((event) => (event === 'data: [DONE]' ? 'done' : JSON.parse(event.slice('data: '.length))))
}

describe('which API is called', () => {
  test.each([
    [{}, {}, '/v1/chat/completions'],
    [{ keep_alive: '30m' }, {}, '/api/chat'],
    [{ keep_alive: 0 }, {}, '/api/chat'],
    [{ num_ctx: 32_768 }, {}, '/api/chat'],
    [{ options: { top_k: 5 } }, {}, '/api/chat'],
    [{}, { keep_alive: -1 }, '/api/chat'],
    [{}, { num_ctx: 8192 }, '/api/chat'],
    [{}, { options: { num_gpu: 1 } }, '/api/chat'],
    [{ keep_alive: null }, { keep_alive: null, num_ctx: null, options: null }, '/v1/chat/completions'],
  ])('with %j asked and %j configured: %s', async (more, config, path) => {
    await using rig = await rigOf({ json: whole }, { config })
    await chat(rig, more)
    expect(rig.vendor.requests.map((request) => request.path)).toEqual([path])
  })

  test('while recording and replaying it is OpenAI’s, with the fields where recordings have them', async () => {
    await using rig = await rigOf({ json: whole }, { accounting: false, config: { num_ctx: 8192 } })
    await chat(rig, { keep_alive: '30m' })
    expect(rig.vendor.requests[0]?.path).toBe('/v1/chat/completions')
    expect(rig.sent[0]?.recording).toMatchObject({ body: { extra_body: { keep_alive: '30m' } } })
  })
})

describe('what is asked', () => {
  const bodyFor = async (more: object, config: JsonObject = {}): Promise<unknown> => {
    await using rig = await rigOf({ json: whole }, { config })
    await chat(rig, more)
    return rig.vendor.requests[0]?.json()
  }

  test('the request goes before the configuration, and OpenAI’s defaults stay', async () => {
    const config = { keep_alive: '5m', num_ctx: 2048, options: { top_k: 1, min_p: 0.1 } }
    const more = { keep_alive: 0, num_ctx: 4096, options: { top_k: 40 }, max_completion_tokens: 7, stop: 'x', seed: 3 }
    expect(await bodyFor(more, config)).toEqual({
      model: 'qwen3:8b',
      messages: [{ role: 'user', content: 'Will it rain?' }],
      keep_alive: 0,
      options: { temperature: 1, top_p: 1, seed: 3, num_predict: 7, stop: ['x'], top_k: 40, min_p: 0.1, num_ctx: 4096 },
      stream: false,
    })
  })

  test('options say more than the fields of OpenAI', async () => {
    expect(await bodyFor({ temperature: 0.2, options: { temperature: 0.5 } })).toMatchObject({
      options: { temperature: 0.5 },
    })
  })

  test('tools, their results, images and earlier thoughts', async () => {
    const call = { id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{"city":"Bern"}' } }
    const messages = [
      { role: 'developer', content: 'Be brief.' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'And here?' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw==' } },
        ],
      },
      { role: 'assistant', content: null, tool_calls: [call], reasoning: 'Look it up.' },
      { role: 'tool', tool_call_id: 'call_1', content: 'wet' },
    ]
    const tools = [{ type: 'function', function: { name: 'weather', parameters: { type: 'object' } } }]
    expect(await bodyFor({ messages, tools, keep_alive: 1 })).toMatchObject({
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'And here?', images: ['iVBORw=='] },
        {
          role: 'assistant',
          content: '',
          thinking: 'Look it up.',
          tool_calls: [{ id: 'call_1', function: { name: 'weather', arguments: { city: 'Bern' } } }],
        },
        { role: 'tool', content: 'wet', tool_name: 'weather', tool_call_id: 'call_1' },
      ],
      tools,
    })
  })

  test.each([
    [{ response_format: { type: 'json_object' } }, { format: 'json' }],
    [
      { response_format: { type: 'json_schema', json_schema: { name: 's', schema: { type: 'object' } } } },
      { format: { type: 'object' } },
    ],
    [{ reasoning_effort: 'none' }, { think: false }],
    [{ reasoning_effort: 'high' }, { think: 'high' }],
    [
      { logprobs: true, top_logprobs: 2 },
      { logprobs: true, top_logprobs: 2 },
    ],
  ])('%j is asked as %j', async (more, expected) => {
    expect(await bodyFor({ ...more, keep_alive: 1 })).toMatchObject(expected)
  })

  test.each([
    [
      { messages: [{ role: 'assistant', content: '', tool_calls: [{ function: { name: 'f', arguments: '{' } }] }] },
      'messages[0].tool_calls',
    ],
    [
      { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'ftp://x' } }] }] },
      'messages[0].content[0]',
    ],
  ])('%j is refused', async (more, param) => {
    await using rig = await rigOf({ json: whole })
    const failure = await failureOf(rig.provider.chatCompletion?.(ask({ ...more, keep_alive: 1 }), rig.call()))
    expect(failure).toMatchObject({ code: 'invalid_value', param })
    expect(rig.vendor.requests).toHaveLength(0)
  })
})

describe('what is answered', () => {
  test('a whole chat', async () => {
    await using rig = await rigOf({ json: whole })
    expect(JSON.parse(await chat(rig, { keep_alive: 1 }))).toEqual({
      id: expect.any(String),
      object: 'chat.completion',
      created: 1_795_341_600,
      model: 'qwen3:8b',
      system_fingerprint: 'fp_ollama',
      choices: [{ index: 0, message: { role: 'assistant', content: 'Rain.' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 9, completion_tokens: 4, total_tokens: 13 },
    })
  })

  test('tool calls, thoughts and a length', async () => {
    const tool = { function: { name: 'weather', arguments: { city: 'Bern' } } }
    const message = { content: '', thinking: 'Hm.', tool_calls: [tool, { id: 'call_x', ...tool }] }
    await using rig = await rigOf({ json: { ...whole, message, prompt_eval_count: undefined } })
    expect(JSON.parse(await chat(rig, { keep_alive: 1 }))).toMatchObject({
      choices: [
        {
          finish_reason: 'tool_calls',
          message: {
            reasoning: 'Hm.',
            tool_calls: [
              { id: 'call_0', type: 'function', function: { name: 'weather', arguments: '{"city":"Bern"}' } },
              { id: 'call_x' },
            ],
          },
        },
      ],
      usage: { prompt_tokens: 0, total_tokens: 4 },
    })
    await using cut = await rigOf({ json: { ...whole, done_reason: 'length' } })
    expect(JSON.parse(await chat(cut, { keep_alive: 1 }))).toMatchObject({ choices: [{ finish_reason: 'length' }] })
  })

  test('a streamed chat, with thoughts, calls of several lines, and usage where it was asked for', async () => {
    const tool = { function: { name: 'weather', arguments: {} } }
    const answer = lines(
      { ...about, message: { role: 'assistant', content: '', thinking: 'Hm.' }, done: false },
      { ...about, message: { role: 'assistant', content: 'Rain.' }, done: false },
      { ...about, message: { content: '', tool_calls: [tool] }, done: false },
      { ...about, message: { content: '', tool_calls: [tool] }, done: false },
      { ...about, message: { content: '' }, done_reason: 'stop', ...counts },
    )
    await using rig = await rigOf(answer)
    const got = await events(rig, { keep_alive: 1, stream_options: { include_usage: true } })
    expect(rig.vendor.requests[0]?.json()).toMatchObject({ stream: true })
    expect(got).toMatchObject([
      {
        object: 'chat.completion.chunk',
        choices: [{ delta: { role: 'assistant', reasoning: 'Hm.' }, finish_reason: null }],
      },
      { choices: [{ delta: { content: 'Rain.' } }] },
      { choices: [{ delta: { tool_calls: [{ index: 0, id: 'call_0', function: { arguments: '{}' } }] } }] },
      { choices: [{ delta: { tool_calls: [{ index: 1, id: 'call_1' }] } }] },
      { choices: [{ delta: {}, finish_reason: 'tool_calls' }] },
      { choices: [], usage: { prompt_tokens: 9, completion_tokens: 4, total_tokens: 13 } },
      'done',
    ])
  })

  test('usage that nobody asked for is marked to be taken out', async () => {
    await using rig = await rigOf(lines({ ...whole }))
    const reply = await rig.provider.chatCompletion?.(ask({ stream: true, keep_alive: 1 }), rig.call())
    expect(reply).toMatchObject({ quirks: { overwriteId: true, stripUsageChunk: true } })
    expect(await bodyOf(reply)).toContain('"usage"')
  })

  test('an error within the stream, and a stream without an end', async () => {
    await using rig = await rigOf(
      lines({ ...about, message: { content: 'Ra' }, done: false }, { error: 'out of memory' }),
    )
    expect(await events(rig, { keep_alive: 1 })).toMatchObject([{}, { error: { message: 'out of memory' } }])
    await using broken = await rigOf({ frames: ['<html>\n'] })
    expect((await failureOf(events(broken, { keep_alive: 1 }))).code).toBe('provider_bad_reply')
  })

  test('a failure is the vendor’s', async () => {
    await using rig = await rigOf({ status: 404, json: { error: "model 'qwen3:8b' not found" } })
    const failure = await failureOf(chat(rig, { keep_alive: 1 }))
    expect(failure).toMatchObject({ code: 'provider_invalid_request', details: { status: 404 } })
    expect(failure.message).toContain("model 'qwen3:8b' not found")
  })

  test('a text completion', async () => {
    await using rig = await rigOf({ json: { ...about, response: ' blue', done_reason: 'length', ...counts } })
    const request = { model: 'm', prompt: ['The sky is'], suffix: '.', num_ctx: 512 }
    const reply = await rig.provider.completion?.(request, rig.call())
    expect(JSON.parse(await bodyOf(reply))).toMatchObject({
      object: 'text_completion',
      choices: [{ index: 0, text: ' blue', finish_reason: 'length' }],
    })
    expect(rig.vendor.requests[0]).toMatchObject({ path: '/api/generate' })
    expect(rig.vendor.requests[0]?.json()).toMatchObject({
      prompt: 'The sky is',
      suffix: '.',
      options: { num_ctx: 512 },
    })
    const several = rig.provider.completion?.({ ...request, prompt: ['a', 'b'] }, rig.call())
    expect(await failureOf(several)).toMatchObject({ code: 'invalid_value', param: 'prompt' })
  })

  test('embeddings', async () => {
    await using rig = await rigOf({ json: { model: 'm', embeddings: [[0.5, 1]], prompt_eval_count: 3 } })
    const request = { model: 'm', input: ['a'], dimensions: 2, keep_alive: '1h', truncate: false }
    const reply = await rig.provider.embeddings?.(request, rig.call())
    expect(reply?.kind === 'upstream' && JSON.parse(await bodyOf(reply))).toEqual({
      object: 'list',
      data: [{ object: 'embedding', index: 0, embedding: [0.5, 1] }],
      model: 'm',
      usage: { prompt_tokens: 3, total_tokens: 3 },
    })
    expect(rig.vendor.requests[0]).toMatchObject({ path: '/api/embed' })
    expect(rig.vendor.requests[0]?.json()).toEqual({
      model: 'm',
      input: ['a'],
      dimensions: 2,
      truncate: false,
      keep_alive: '1h',
    })
  })
})
