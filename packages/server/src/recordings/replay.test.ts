import { existsSync, readFileSync } from 'node:fs'
import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isStackError } from '@llama-stack/api'
import type {
  JsonObject,
  RecordingKey,
  StackError,
  Upstream,
  UpstreamRequest,
  UpstreamResponse,
} from '@llama-stack/api'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readAll } from '../kernel/byte-stream.ts'
import { systemClock } from '../kernel/clock.ts'
import { silentLog } from '../kernel/log.ts'
import { createSseParser } from '../kernel/sse.ts'
import { createUpstream } from '../kernel/upstream.ts'
import { createScriptedUpstream } from '../testing/scripted-upstream.ts'
import { createRecordedUpstream } from './recorded-upstream.ts'
import type { RecordedUpstreamOptions } from './recorded-upstream.ts'
import { readRecordingIndex } from './recording-index.ts'

const corpus = fileURLToPath(new URL('../../../../../shared/recordings', import.meta.url))
const isAbsent = !existsSync(corpus)

/** A transport whose use would fail the test: a replay needs no network. */
const noNetwork: Upstream = {
  send: (request) => Promise.reject(new TypeError(`a replay called ${request.url}`)),
  with: () => noNetwork,
}

function replay(directory: string, options: Partial<RecordedUpstreamOptions> = {}): Upstream & AsyncDisposable {
  const world = { upstream: noNetwork, clock: systemClock, log: silentLog }
  return createRecordedUpstream({ mode: 'replay', directory, ...world, ...options })
}

function call(recording: RecordingKey): UpstreamRequest {
  const at = { method: 'POST', url: 'https://vendor.test/', headers: {} } as const
  return { ...at, chosenBy: 'operator', provider: 'vendor', recording }
}

const bodyText = async (response: UpstreamResponse): Promise<string> =>
  Buffer.from(await readAll(response.body, 100_000_000, 'vendor')).toString()

const failure = async (promise: Promise<unknown>): Promise<StackError> => {
  const thrown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (!isStackError(thrown)) throw new TypeError(`expected a StackError, got ${String(thrown)}`)
  return thrown
}

const together = (
  endpoint: '/v1/chat/completions' | '/v1/completions' | '/v1/embeddings',
  body: JsonObject,
): UpstreamRequest => call({ kind: 'inference', baseUrl: 'https://api.together.xyz/v1', endpoint, body, testId: null })

/** The data lines of an event stream. */
function eventData(text: string): string[] {
  const data: string[] = []
  const parser = createSseParser((event) => data.push(event.data))
  parser.push(Buffer.from(text))
  parser.end()
  return data
}

interface StoredRecording {
  readonly test_id?: string | null
  readonly request: Record<string, unknown> & { readonly url: string; readonly endpoint: string }
  readonly response: {
    readonly body: unknown
    readonly is_streaming: boolean
    readonly is_exception?: boolean
    readonly exception_data?: { readonly status_code: number; readonly body: unknown }
    readonly status?: number
  }
}

const stored = (file: string): StoredRecording =>
  JSON.parse(readFileSync(join(corpus, file), 'utf8')) as StoredRecording

const dataOf = (wrapped: unknown): unknown => (wrapped as { readonly __data__: unknown }).__data__

/** The key that our providers would give the recorded call, or undefined for endpoints that they do not have. */
function keyOf({ request, ...recorded }: StoredRecording): RecordingKey | undefined {
  const testId = recorded.test_id ?? null
  const object = (name: string): JsonObject => request[name] as JsonObject
  if ('payload' in request) return { kind: 'http', url: request.url, body: object('payload'), testId }
  if ('kwargs' in request) {
    const [provider, toolName] = [String(request['provider']), String(request['tool_name'])]
    return { kind: 'tool', provider, toolName, arguments: object('kwargs'), testId }
  }
  const { url, endpoint } = request
  if (endpoint.startsWith('/api/')) return { kind: 'ollama', endpoint, body: object('body'), testId }
  if (!isInference(endpoint)) return undefined
  return { kind: 'inference', baseUrl: url.slice(0, -endpoint.length), endpoint, body: object('body'), testId }
}

type InferenceEndpoint = Extract<RecordingKey, { kind: 'inference' }>['endpoint']
const isInference = (endpoint: string): endpoint is InferenceEndpoint =>
  ['/v1/chat/completions', '/v1/completions', '/v1/embeddings', '/v1/models'].includes(endpoint)

/** What a client has to receive, computed from the file without any of our renderers. */
function expectedReply({ request, response }: StoredRecording): { status: number; content: unknown } {
  const { exception_data: exception } = response
  if (exception !== undefined) return { status: exception.status_code, content: { error: exception.body } }
  if ('payload' in request) return { status: response.status ?? 200, content: response.body }
  if ('kwargs' in request) {
    const { content } = dataOf(response.body) as { readonly content: string }
    return { status: 200, content: JSON.parse(content) as unknown }
  }
  const content = Array.isArray(response.body) ? response.body.map(dataOf) : dataOf(response.body)
  return { status: 200, content }
}

async function received(response: UpstreamResponse): Promise<unknown> {
  const text = await bodyText(response)
  const type = response.headers['content-type']
  if (type === 'application/json') return JSON.parse(text)
  const data = type === 'text/event-stream' ? eventData(text) : text.trimEnd().split('\n')
  return data.flatMap((json) => (json === '[DONE]' ? [] : [JSON.parse(json) as unknown]))
}

/**
 * The rename rewrote the requests of the first two after their names were made. The others are text completions that
 * were recorded again, with the empty `extra_body` that the seed generation ended up sending; and a list of Ollama's, that
 * now answers together with others.
 */
const SHADOWED = /(?:^|\/)(?:474dbc86db4d|871e5a11e67d|41e27b9b5d09|84cab42e1f5c|9e7a83d3d596|4a3a4447b16b)/

describe.skipIf(isAbsent)("replay of upstream's recordings (needs ../shared)", () => {
  test.each([
    // Without the model lists, two calls of an endpoint that we do not have, and what SHADOWED names.
    ['llama-stack', 272 - 3 - 2 - 4],
    ['ogx', 457 - 29 - 2],
  ])('every file of %s answers its request', async (generation, count) => {
    const upstream = replay(join(corpus, generation))
    const index = await readRecordingIndex(join(corpus, generation), true)
    const files = index.files().filter((file) => !SHADOWED.test(file))
    let answered = 0
    for (const file of files) {
      const recording = stored(`${generation}/${file}`)
      const key = keyOf(recording)
      if (key === undefined) continue
      const response = await upstream.send(call(key))
      const { status, content } = expectedReply(recording)
      expect({ file, status: response.status, content: await received(response) }).toEqual({ file, status, content })
      answered += 1
    }
    expect(answered).toBe(count)
  })

  test('the weather in Tokyo streams chunk for chunk, with every other recording at hand', async () => {
    const messages = [{ role: 'user', content: "What's the weather in Tokyo?" }]
    const model = 'meta-llama/Llama-3.3-70B-Instruct-Turbo-Free'
    const body = { model, messages, stream: true, response_format: { type: 'text' } }
    const response = await replay(corpus).send(together('/v1/chat/completions', body))
    const chunks = eventData(await bodyText(response)).slice(0, -1)
    const contents = chunks.map((chunk) => {
      const { choices } = JSON.parse(chunk) as { choices: { delta: { content: string | null } }[] }
      return choices[0]?.delta.content ?? ''
    })
    expect(contents.join('')).toBe('{"type": "function", "name": "get_weather", "parameters": {"city": "Tokyo"}}')
    expect(contents.length).toBeGreaterThan(10)
    expect(chunks[0]).toMatch(
      /^\{"id":"oCfxg3w-4Yz4kd-984c2d684c778f6d","choices":\[\{"delta":\{"content":"\{\\"","function_call":null/,
    )
  })

  test("text completions are found under the seed's empty extra_body", async () => {
    const body = { model: 'meta-llama/Llama-3.3-70B-Instruct-Turbo-Free', prompt: 'Say completions', max_tokens: 20 }
    const response = await replay(join(corpus, 'llama-stack')).send(together('/v1/completions', body))
    expect(await received(response)).toEqual(dataOf(stored('llama-stack/c8a59b661fd5.json').response.body))
  })

  test('number lexemes come back as they were recorded', async () => {
    const model = 'togethercomputer/m2-bert-80M-32k-retrieval'
    const body = { model, input: 'Hello, world!', encoding_format: 'float' }
    const text = await bodyText(await replay(corpus).send(together('/v1/embeddings', body)))
    const lexemes = (json: string): string[] => json.match(/-?\d+\.\d+(?:e-?\d+)?/g) ?? []
    const file = readFileSync(join(corpus, 'llama-stack/d5971b8fdb94.json'), 'utf8')
    expect(lexemes(text)).toEqual(lexemes(file.slice(file.indexOf('"response"'))))
  })

  test.each([
    ['http://localhost:11434/v1', 198],
    ['https://any.openai.azure.com/openai/v1', 180],
    ['https://generativelanguage.googleapis.com/v1beta/openai', 80],
  ])('the model lists of one path answer together: %s', async (baseUrl, count) => {
    const key = { kind: 'inference', baseUrl, endpoint: '/v1/models', body: {} } as const
    const upstream = replay(join(corpus, 'ogx'))
    for (const testId of [null, 'tests/integration/inference/test_models.py::test_list']) {
      const { data } = (await received(await upstream.send(call({ ...key, testId })))) as { data: { id: string }[] }
      const ids = data.map(({ id }) => id)
      expect(ids).toHaveLength(count)
      expect(ids).toEqual([...new Set(ids)].sort())
    }
  })

  test("watsonx's list is found whatever the project", async () => {
    const body = { extra_query: { project_id: 'another' } }
    const key = {
      kind: 'inference',
      baseUrl: 'https://us-south.ml.cloud.ibm.com/ml/v1',
      endpoint: '/v1/models',
    } as const
    const response = await replay(join(corpus, 'ogx')).send(call({ ...key, body, testId: null }))
    expect(((await received(response)) as { data: unknown[] }).data).toHaveLength(27)
  })

  test('a miss shows the request and where the nearest recording differs', async () => {
    const messages = [{ role: 'user', content: "What's the weather in Kyoto?" }]
    const model = 'meta-llama/Llama-3.3-70B-Instruct-Turbo-Free'
    const body = { model, messages, stream: true, response_format: { type: 'text' } }
    const error = await failure(replay(corpus).send(together('/v1/chat/completions', body)))
    expect(error.code).toBe('recording_not_found')
    expect(error.message).toContain('Recording not found for /v1/v1/chat/completions without a test id')
    expect(error.message).toContain('{"messages": [{"content": "What\'s the weather in Kyoto?", "role": "user"}]')
    expect(error.message).toContain('The nearest recorded request, llama-stack/33b71fb85bfb.json, differs:')
    expect(error.message).toContain(
      'messages[0].content: requested "What\'s the weather in Kyoto?", recorded "What\'s the weather in Tokyo?"',
    )
  })
})

describe('replay', () => {
  let directory: string
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'recordings-'))
  })
  afterEach(() => rm(directory, { recursive: true }))

  const testId = 'tests/integration/inference/test_chat.py::test_stream[x]'
  const key = (more: Partial<Extract<RecordingKey, { kind: 'inference' }>> = {}): RecordingKey => ({
    kind: 'inference',
    baseUrl: 'https://api.example.com/v1',
    endpoint: '/v1/chat/completions',
    body: { model: 'm', messages: [{ role: 'user', content: 'héllo' }], stream: true, temperature: 1 },
    testId: null,
    ...more,
  })
  // Both names were computed with Python for this request, the second with the test id above.
  const seedName = '3d124a0486a0'
  const headName = '87e37cb5b386fa920a97dc55bcb8c7ba705970d065a7729b4d893874aafab42c'

  const put = async (file: string, document: unknown): Promise<void> => {
    await mkdir(dirname(join(directory, file)), { recursive: true })
    await writeFile(join(directory, file), JSON.stringify(document, null, 2))
  }
  const answer = (text: string): unknown => ({
    request: {
      url: 'https://api.example.com/v1/v1/chat/completions',
      endpoint: '/v1/chat/completions',
      body: { model: 'x' },
    },
    response: { body: { __type__: 't', __data__: { text } }, is_streaming: false },
  })

  test("the request's own test comes first, then nobody's name, then the seed's", async () => {
    await put(`deep/below/${seedName}.json`, answer('seed'))
    expect(await bodyText(await replay(directory).send(call(key({ testId }))))).toBe('{"text":"seed"}')
    await put(`elsewhere/${headName}.json`, answer('head'))
    expect(await bodyText(await replay(directory).send(call(key({ testId }))))).toBe('{"text":"head"}')
    expect(await bodyText(await replay(directory).send(call(key())))).toBe('{"text":"seed"}')
  })

  test("of two files of one name, the one in the test's own directory answers", async () => {
    await put(`a/${headName}.json`, answer('a copy'))
    await put(`tests/integration/inference/recordings/${headName}.json`, answer('its own'))
    expect(await bodyText(await replay(directory).send(call(key({ testId }))))).toBe('{"text":"its own"}')
  })

  test("a background call is found under the first background test's id", async () => {
    await put(`${headName}.json`, answer('queued'))
    const upstream = replay(directory, { backgroundTestId: () => testId })
    expect(await bodyText(await upstream.send(call(key({ testId: 'other.py::test' }))))).toBe('{"text":"queued"}')
    expect((await failure(replay(directory).send(call(key({ testId: 'other.py::test' }))))).code).toBe(
      'recording_not_found',
    )
  })

  test('shortened ids are put back', async () => {
    await put(`${seedName}.json`, {
      ...(answer('call id-1') as object),
      id_normalization_mapping: { 'chatcmpl-"ä"': 'id-1' },
    })
    expect(await bodyText(await replay(directory).send(call(key())))).toBe(String.raw`{"text":"call chatcmpl-\"ä\""}`)
  })

  test('a raw event stream comes back line by line', async () => {
    const body = ['event: a', 'data: {"x":1}', '', 'data: b', '']
    const http: RecordingKey = { kind: 'http', url: 'http://vendor/v1/messages', body: { stream: true }, testId: null }
    // sha256 of the canonical request, computed with Python.
    const name = 'd886457b08c2ea408b5afb125ed899efb053b9ddd51708c562b99699d4894e92'
    await put(`${name}.json`, { request: { payload: {} }, response: { status: 200, body, is_streaming: true } })
    const response = await replay(directory).send(call(http))
    expect(response.headers['content-type']).toBe('text/event-stream')
    expect(await bodyText(response)).toBe('event: a\ndata: {"x":1}\n\ndata: b\n\n')
  })

  test('a recorded list of exceptions and a tool failure keep their status', async () => {
    const exception = { status_code: 429, message: 'slow down', body: null }
    await put(`${seedName}.json`, { request: {}, response: { is_exception: true, exception_data: exception } })
    const response = await replay(directory).send(call(key()))
    expect(response.status).toBe(429)
    expect(await bodyText(response)).toBe('{"error":{"message":"slow down"}}')
  })

  test('calls without a key are live, all others never are', async () => {
    await using vendor = await createScriptedUpstream({ handler: () => ({ text: 'live' }) })
    await using transport = createUpstream()
    const upstream = replay(directory, { upstream: transport }).with({ timeout: 5 })
    const { recording: _, ...live } = call(key())
    expect(await bodyText(await upstream.send({ ...live, url: `${vendor.url}/search` }))).toBe('live')
    expect((await failure(upstream.send({ ...call(key()), url: vendor.url }))).code).toBe('recording_not_found')
    expect(vendor.requests).toHaveLength(1)
  })

  test('a miss in an empty directory says so and hides secrets', async () => {
    const error = await failure(replay(directory).send(call(key({ body: { model: 'm', api_key: 'sk-secret-value' } }))))
    expect(error.message).toContain('No request to this endpoint is recorded.')
    expect(error.message).not.toContain('sk-secret-value')
  })

  test("a miss prefers the same test's recordings, though another's is nearer", async () => {
    const near = { url: 'https://x/v1/v1/chat/completions', endpoint: '/v1/chat/completions' }
    const response = { body: null, is_streaming: false }
    const wanted = { model: 'm', messages: [{ role: 'user', content: 'hello' }], n: 1 }
    await put(`${'a'.repeat(64)}.json`, { test_id: null, request: { ...near, body: { ...wanted, n: 2 } }, response })
    await put(`${'b'.repeat(64)}.json`, { test_id: testId, request: { ...near, body: { model: 'other' } }, response })
    const error = await failure(replay(directory).send(call(key({ testId, body: wanted }))))
    expect(error.message).toContain(`${'b'.repeat(64)}.json of test ${testId}, differs:`)
    expect(error.message).toContain('model: requested "m", recorded "other"')
    expect(error.message).toContain('n: requested 1, recorded has none')
    const another = await failure(replay(directory).send(call(key({ testId: null, body: wanted }))))
    expect(another.message).toContain(`${'a'.repeat(64)}.json, differs:\n  n: requested 1, recorded 2\n`)
  })

  test.each([
    ['not JSON', '{'],
    ['no response', '{}'],
    ['no __data__', '{"response": {"body": {"id": 1}}}'],
    ['a stream that is none', '{"response": {"body": {}, "is_streaming": true}}'],
  ])('a file that cannot be read is named: %s', async (_, text) => {
    await appendFile(join(directory, `${seedName}.json`), text)
    const error = await failure(replay(directory).send(call(key())))
    expect(error.code).toBe('recording_unreadable')
    expect(error.message).toContain(`Recording '${seedName}.json' cannot be read`)
  })

  test('a directory that is not there is a mistake', async () => {
    const missing = join(directory, 'nowhere')
    const error = await failure(replay(missing).send(call(key())))
    expect(error.code).toBe('recording_unreadable')
    expect(error.message).toContain('there is no such directory')
  })

  test('hits and misses are noted as JSON lines', async () => {
    await put(`sub/${seedName}.json`, answer('x'))
    const lookupLog = join(directory, 'lookups.jsonl')
    {
      await using upstream = replay(directory, { lookupLog, clock: { now: () => 0, monotonic: () => 0 } })
      await upstream.send(call(key()))
      await failure(upstream.send(call(key({ testId, body: {} }))))
    }
    const lines = (await readFile(lookupLog, 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as object)
    const common = { time: '1970-01-01T00:00:00.000Z', target: '/v1/v1/chat/completions' }
    expect(lines).toMatchObject([
      { ...common, outcome: 'hit', test_id: null, files: [`sub/${seedName}.json`] },
      { ...common, outcome: 'miss', test_id: testId, files: [] },
    ])
    expect(basename(lookupLog)).toBe('lookups.jsonl')
  })
})
