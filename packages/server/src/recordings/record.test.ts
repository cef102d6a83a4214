import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import type { RecordingKey, Upstream, UpstreamRequest, UpstreamResponse } from '@llama-stack/api'
import { isStackError } from '@llama-stack/api'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readAll } from '../kernel/byte-stream.ts'
import { systemClock } from '../kernel/clock.ts'
import { silentLog } from '../kernel/log.ts'
import { createUpstream } from '../kernel/upstream.ts'
import { createScriptedUpstream } from '../testing/scripted-upstream.ts'
import type { ScriptedReply, ScriptedUpstream } from '../testing/scripted-upstream.ts'
import type { RecordingMode } from './environment.ts'
import { createRecordedUpstream } from './recorded-upstream.ts'

const apiKey = 'sk-proj-0123456789abcdef'
const testId = 'tests/integration/inference/test_chat.py::test_stream[x]'
// Computed with Python for `chat` below, without and with the test id.
const seedName = '3d124a0486a0'
const headName = '87e37cb5b386fa920a97dc55bcb8c7ba705970d065a7729b4d893874aafab42c'

const chunk = (delta: object, finish: string | null = null): object => ({
  id: 'chatcmpl-7',
  object: 'chat.completion.chunk',
  created: 1_700_000_000,
  model: 'm',
  choices: [{ index: 0, delta, finish_reason: finish }],
  vendor_extra: { '2': 1, '1': 0.1 },
})
const completion = {
  id: 'chatcmpl-7',
  object: 'chat.completion',
  created: 1_700_000_000,
  model: 'm',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Grüße 😀' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 },
}
const models = {
  object: 'list',
  data: ['b', 'a'].map((id) => ({ id, object: 'model', created: 1, owned_by: 'vendor' })),
}

type Inference = Extract<RecordingKey, { kind: 'inference' }>
const chat = { model: 'm', messages: [{ role: 'user', content: 'héllo' }], stream: true, temperature: 1 }
const inference = (more: Partial<Inference> = {}): Inference => ({
  kind: 'inference',
  baseUrl: 'https://api.example.com/v1',
  endpoint: '/v1/chat/completions',
  body: chat,
  testId,
  ...more,
})

/** Each exchange: what is asked and what the vendor says. */
const exchanges: readonly (readonly [string, (testId: string | null) => RecordingKey, ScriptedReply])[] = [
  [
    'a chat stream',
    (id) => inference({ testId: id }),
    { events: [chunk({ role: 'assistant' }), chunk({ content: 'é' }), chunk({}, 'stop')] },
  ],
  ['a chat completion', (id) => inference({ testId: id, body: { ...chat, stream: false } }), { json: completion }],
  [
    'a text completion with odd numbers',
    (id) => inference({ testId: id, endpoint: '/v1/completions', body: { model: 'm', prompt: 'p' } }),
    {
      headers: { 'content-type': 'application/json' },
      text: '{"id":"cmpl-1","choices":[{"text":"x","index":0,"finish_reason":"stop","logprobs":{"top_logprobs":[{"b":-0.10,"1":-1e-7}]}}],"created":1,"model":"m","object":"text_completion","seed":12345678901234567890}',
    },
  ],
  [
    'embeddings',
    (id) =>
      inference({
        testId: id,
        endpoint: '/v1/embeddings',
        body: { model: 'm', input: 'i', encoding_format: 'base64' },
      }),
    {
      json: {
        object: 'list',
        model: 'm',
        data: [{ object: 'embedding', index: 0, embedding: 'AAAAAA==' }],
        usage: { prompt_tokens: 1, total_tokens: 1 },
      },
    },
  ],
  ['a model list', (id) => inference({ testId: id, endpoint: '/v1/models', body: {} }), { json: models }],
  ['a bare model list', (id) => inference({ testId: id, endpoint: '/v1/models', body: {} }), { json: models.data }],
  [
    'an error',
    (id) => inference({ testId: id }),
    { status: 429, json: { error: { message: "it's late", type: 'rate_limit', param: null, code: 'x' } } },
  ],
  ['an error that is no JSON', (id) => inference({ testId: id }), { status: 503, text: 'try later' }],
  [
    "Ollama's stream",
    (id) => ({
      kind: 'ollama',
      endpoint: '/api/generate',
      body: { model: 'm', prompt: 'p', stream: true },
      testId: id,
    }),
    {
      headers: { 'content-type': 'application/x-ndjson' },
      text: '{"model":"m","created_at":"2026-01-01T00:00:00Z","response":"a","done":false}\n{"model":"m","created_at":"2026-01-01T00:00:01Z","response":"","done":true,"total_duration":5}\n',
    },
  ],
  [
    'a plain HTTP call',
    (id) => ({ kind: 'http', url: 'http://vendor.test/v1/rerank', body: { query: 'q' }, testId: id }),
    { json: { results: [{ index: 0, relevance_score: 0.5 }] } },
  ],
  [
    'a raw event stream',
    (id) => ({ kind: 'http', url: 'http://vendor.test/v1/messages', body: { stream: true }, testId: id }),
    {
      headers: { 'content-type': 'text/event-stream' },
      text: 'event: ping\ndata: {}\n\nevent: done\ndata: {"a":1}\n\n',
    },
  ],
  [
    'a search',
    (id) => ({ kind: 'tool', provider: 'tavily', toolName: 'web_search', arguments: { query: 'q' }, testId: id }),
    { json: { query: 'q', results: [] } },
  ],
]

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'recordings-'))
})
afterEach(() => rm(directory, { recursive: true }))

const request = (recording: RecordingKey, vendor: ScriptedUpstream): UpstreamRequest => ({
  method: 'POST',
  url: `${vendor.url}/anything`,
  headers: { authorization: `Bearer ${apiKey}` },
  body: '{}',
  chosenBy: 'operator',
  provider: 'vendor',
  recording,
})

const upstreamOf = (mode: RecordingMode, upstream: Upstream): Upstream =>
  createRecordedUpstream({ mode, directory, upstream, clock: systemClock, log: silentLog })

const contentOf = async ({ status, headers, body }: UpstreamResponse): Promise<object> => ({
  status,
  contentType: headers['content-type'],
  text: Buffer.from(await readAll(body, 1_000_000, 'vendor')).toString(),
})

const filesBelow = async (): Promise<string[]> =>
  (await readdir(directory, { recursive: true })).filter((file) => file.includes('.')).sort()

const onlyFile = async (): Promise<{ file: string; text: string }> => {
  const [file = '', ...others] = await filesBelow()
  expect(others).toEqual([])
  return { file, text: await readFile(join(directory, file), 'utf8') }
}

describe.each([testId, null])('what is recorded is what is replayed, for test %s', (id) => {
  test.each(exchanges)('%s', async (_, keyFor, reply) => {
    await using vendor = await createScriptedUpstream({ handler: () => reply })
    await using transport = createUpstream()
    const call = request(keyFor(id), vendor)
    const recorded = await contentOf(await upstreamOf('record', transport).send(call))
    const again = await contentOf(await upstreamOf('record-if-missing', transport).send(call))
    const replayed = await contentOf(await upstreamOf('replay', transport).send(call))
    expect(vendor.requests).toHaveLength(1)
    expect(again).toEqual(recorded)
    expect(replayed).toEqual(recorded)
    expect(JSON.stringify(recorded)).not.toContain('not_found')
  })
})

describe('a recording', () => {
  const record = async (
    reply: ScriptedReply,
    key: RecordingKey = inference(),
    mode: RecordingMode = 'record',
  ): Promise<object> => {
    await using vendor = await createScriptedUpstream({ handler: () => reply })
    await using transport = createUpstream()
    return contentOf(await upstreamOf(mode, transport).send(request(key, vendor)))
  }
  const documentOf = async (): Promise<Record<string, unknown>> =>
    JSON.parse((await onlyFile()).text) as Record<string, unknown>

  test("of a test lies and reads as HEAD's own", async () => {
    await record({ events: [chunk({ role: 'assistant', content: 'x' })] })
    const { file, text } = await onlyFile()
    expect(file).toBe(`tests/integration/inference/recordings/${headName}.json`)
    expect(text).toBe(
      `${JSON.stringify(JSON.parse(text), null, 2)
        .replaceAll('é', String.raw`\u00e9`)
        .replace('"temperature": 1', '"temperature": 1.0')}\n`,
    )
    expect(JSON.parse(text)).toEqual({
      test_id: testId,
      request: {
        method: 'POST',
        url: 'https://api.example.com/v1/v1/chat/completions',
        headers: {},
        body: chat,
        endpoint: '/v1/chat/completions',
        model: 'm',
      },
      response: {
        body: [
          {
            __type__: 'openai.types.chat.chat_completion_chunk.ChatCompletionChunk',
            __data__: {
              id: `rec-${headName.slice(0, 12)}`,
              choices: [
                {
                  delta: { content: 'x', function_call: null, refusal: null, role: 'assistant', tool_calls: null },
                  finish_reason: null,
                  index: 0,
                  logprobs: null,
                },
              ],
              created: 0,
              model: 'm',
              object: 'chat.completion.chunk',
              service_tier: null,
              system_fingerprint: null,
              usage: null,
              vendor_extra: { '1': 0.1, '2': 1 },
            },
          },
        ],
        is_streaming: true,
      },
      id_normalization_mapping: {},
    })
  })

  test("of no test lies and reads as the seed's own, the vendor's ids included", async () => {
    await record({ json: completion }, inference({ testId: null, body: chat }))
    const { file } = await onlyFile()
    expect(file).toBe(`responses/${seedName}.json`)
    const document = await documentOf()
    expect(Object.keys(document)).toEqual(['request', 'response'])
    expect(document['response']).toMatchObject({
      is_streaming: false,
      body: {
        __type__: 'openai.types.chat.chat_completion.ChatCompletion',
        __data__: { id: 'chatcmpl-7', created: 1_700_000_000, service_tier: null },
      },
    })
  })

  test('of a list is named by its ids too', async () => {
    await record({ json: models }, inference({ endpoint: '/v1/models', body: {} }))
    // sha256("a|b") begins so.
    expect(basename((await onlyFile()).file)).toMatch(/^models-[0-9a-f]{64}-0eab8a0a\.json$/)
  })

  test('of an error is the exception that the SDK raises', async () => {
    const error = { message: 'it\'s "late"\n', type: 'invalid_request_error', param: null, code: 7 }
    await record({ status: 400, json: { error } })
    const message = String.raw`Error code: 400 - {'error': {'message': 'it\'s "late"\n', 'type': 'invalid_request_error', 'param': None, 'code': 7}}`
    expect((await documentOf())['response']).toEqual({
      body: null,
      is_streaming: false,
      is_exception: true,
      exception_data: {
        category: 'provider_sdk',
        provider: 'openai',
        type: 'BadRequestError',
        message,
        status_code: 400,
        body: error,
      },
      exception_message: message,
    })
  })

  test('of a search holds what the tool made of the reply, and that is what the caller gets', async () => {
    const key: RecordingKey = {
      kind: 'tool',
      provider: 'brave',
      toolName: 'web_search',
      arguments: { query: 'q' },
      testId,
      toResult: (text) => `{"query": "q", "top_k": ${text}}`,
    }
    const reply = await record({ json: [] }, key)
    expect(reply).toMatchObject({ text: '{"query": "q", "top_k": []}' })
    expect((await documentOf())['response']).toMatchObject({
      body: { __data__: { content: '{"query": "q", "top_k": []}' } },
    })
  })

  test('holds no secret, wherever the vendor repeats it', async () => {
    const key = inference({ body: { ...chat, api_key: 'another-secret', extra_body: { 'x-auth-token': 'a third' } } })
    const error = { message: `Incorrect API key provided: ${apiKey}` }
    const reply = JSON.stringify(await record({ status: 401, json: { error } }, key))
    const { text } = await onlyFile()
    for (const secret of [apiKey, 'another-secret', 'a third']) expect(text).not.toContain(secret)
    expect(reply).not.toContain(apiKey)
    expect(text).toContain('Incorrect API key provided: __REDACTED__')
  })

  test('stays below the directory whatever the test id says', async () => {
    for (const [at, hostile] of [
      '../../escape/test_a.py::t',
      '/etc/cron.d/x.py::t',
      'a/../../b/c.py::t',
      `${'x'.repeat(300)}/c.py`,
    ].entries()) {
      await record({ json: completion }, inference({ testId: hostile }))
      const files = await filesBelow()
      expect(files).toHaveLength(at + 1)
      expect(files.every((file) => /^recordings\/[0-9a-f]{64}\.json$/.test(file))).toBe(true)
    }
  })

  test('is replaced in record mode, and all or nothing is written', async () => {
    await record({ json: completion })
    await record({ json: { ...completion, model: 'newer' } })
    expect((await onlyFile()).text).toContain('"model": "newer"')
  })

  test('is not made of a reply that the format cannot hold', async () => {
    const broken = { status: 200, headers: { 'content-type': 'application/json' }, text: 'oops' } as const
    expect(await record(broken)).toEqual({ status: 200, contentType: 'application/json', text: 'oops' })
    await record({ events: [chunk({ content: 'x' }), { error: { message: 'overloaded' } }] })
    expect(await filesBelow()).toEqual([])
  })

  test('is not made of a stream that broke off', async () => {
    const thrown = await record({ events: [chunk({ content: 'x' }), chunk({})], resetAfter: 1 }).catch(
      (error: unknown) => error,
    )
    expect(isStackError(thrown, 'provider_stream_broken')).toBe(true)
    expect(await filesBelow()).toEqual([])
  })

  test('that cannot be written is an error, and nothing is left of it', async () => {
    await mkdir(join(directory, `responses/${seedName}.json/in/the/way`), { recursive: true })
    const thrown = await record({ json: completion }, inference({ testId: null })).catch((error: unknown) => error)
    expect(isStackError(thrown, 'storage_failed')).toBe(true)
    expect(await readdir(join(directory, 'responses'))).toEqual([`${seedName}.json`])
  })

  test('is served at once to a store that has already looked', async () => {
    await using vendor = await createScriptedUpstream({ handler: () => ({ json: completion }) })
    await using transport = createUpstream()
    const upstream = upstreamOf('record-if-missing', transport).with({})
    const first = await contentOf(await upstream.send(request(inference(), vendor)))
    expect(await contentOf(await upstream.send(request(inference(), vendor)))).toEqual(first)
    expect(vendor.requests).toHaveLength(1)
  })
})
