import { generateKeyPairSync, verify } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type {
  ChatCompletionRequest,
  InferenceProvider,
  JsonObject,
  ProviderCall,
  UpstreamRequest,
} from '@llama-stack/api'
import { afterAll, describe, expect, test } from 'vitest'
import { silentLog } from '../../kernel/log.ts'
import { createUpstream } from '../../kernel/upstream.ts'
import { bodyOf, failureOf } from '../../testing/inference-conformance.ts'
import { createScriptedUpstream } from '../../testing/scripted-upstream.ts'
import type {
  ScriptedReply,
  ScriptedRequest,
  ScriptedRoute,
  ScriptedUpstream,
} from '../../testing/scripted-upstream.ts'
import { servedEvents } from '../../testing/served-events.ts'
import { provider as definition } from './vertexai.ts'

const keys = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
})
const folder = await mkdtemp(join(tmpdir(), 'vertexai-'))
afterAll(() => rm(folder, { recursive: true }))

async function writeJson(name: string, content: object): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, JSON.stringify(content))
  return path
}

interface Rig extends AsyncDisposable {
  readonly provider: InferenceProvider
  readonly vendor: ScriptedUpstream
  readonly sent: readonly UpstreamRequest[]
}

interface RigOptions {
  readonly config?: (url: string) => JsonObject | Promise<JsonObject>
  readonly routes?: Readonly<Record<string, ScriptedRoute>>
  readonly handler?: (request: ScriptedRequest) => ScriptedReply
  readonly env?: Readonly<Record<string, string>>
  readonly replaying?: boolean
  readonly accounting?: boolean
  readonly allowPrivateUrls?: boolean
}

const said = (text: string): ScriptedReply => ({
  json: { candidates: [{ content: { role: 'model', parts: [{ text }] }, finishReason: 'STOP' }], responseId: 'r' },
})

async function createRig(options: RigOptions = {}): Promise<Rig> {
  await using opening = new AsyncDisposableStack()
  const { routes = {}, handler = () => said('Hello.'), config = () => ({ access_token: 'given' }), ...more } = options
  const vendor = opening.use(await createScriptedUpstream({ routes, handler }))
  const transport = opening.use(createUpstream({ allowPrivateUrls: options.allowPrivateUrls === true }))
  const sent: UpstreamRequest[] = []
  const upstream = {
    send(request: UpstreamRequest) {
      sent.push(request)
      return transport.send(request)
    },
    with: () => upstream,
  }
  const provider = definition.create({
    id: 'vertexai',
    config: definition.config.parse({ base_url: vendor.url, project: 'acme', ...(await config(vendor.url)) }),
    deps: {},
    upstream,
    log: silentLog,
    clock: { now: () => Date.now(), monotonic: () => performance.now() },
    signal: new AbortController().signal,
    ...more,
  })
  const opened = opening.move()
  return { provider, vendor, sent, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

const toCall = (providerData: JsonObject = {}): ProviderCall => ({
  requestId: 'req_1',
  signal: new AbortController().signal,
  providerData,
})
const chat = (more: Partial<ChatCompletionRequest> = {}): ChatCompletionRequest => ({
  model: 'gemini-2.5-flash',
  messages: [{ role: 'user', content: 'Hello?' }],
  ...more,
})
const say = async (rig: Rig, request = chat(), call = toCall()): Promise<unknown> =>
  rig.provider.chatCompletion?.(request, call)

const serviceAccount = async (url: string): Promise<string> =>
  writeJson(`${new URL(url).port}.json`, {
    type: 'service_account',
    project_id: 'of-the-account',
    private_key: keys.privateKey,
    client_email: 'server@acme.iam.gserviceaccount.com',
    token_uri: `${url}/token`,
  })

/** Plays Google's two doors: tokens for good assertions, answers for the latest token. */
function createGoogle(): {
  readonly sold: () => number
  readonly routes: Record<string, ScriptedRoute>
  revoke(): void
} {
  let sold = 0
  let valid = ''
  return {
    sold: () => sold,
    revoke: () => (valid = ''),
    routes: {
      'POST /token'(request) {
        const [head = '', claims = '', signature = ''] = (
          new URLSearchParams(request.body).get('assertion') ?? ''
        ).split('.')
        const bytes = Buffer.from(`${head}.${claims}`)
        if (!verify('RSA-SHA256', bytes, keys.publicKey, Buffer.from(signature, 'base64url'))) {
          return { status: 400, json: { error: 'invalid_grant' } }
        }
        valid = `token-${(sold += 1)}`
        return { json: { access_token: valid, expires_in: 3600 } }
      },
      'POST /v1/projects/of-the-account/locations/global/publishers/google/models/gemini-2.5-flash:generateContent': ({
        headers,
      }) =>
        headers['authorization'] === `Bearer ${valid}`
          ? said('Let in.')
          : { status: 401, json: { error: { code: 401, message: 'Who?', status: 'UNAUTHENTICATED' } } },
    },
  }
}

describe('[B056] with Application Default Credentials', () => {
  test('a token is bought once, the account’s project is called, and a revoked token is replaced', async () => {
    const google = createGoogle()
    await using rig = await createRig({
      routes: google.routes,
      config: async (url) => ({ project: '', credentials_file: await serviceAccount(url) }),
    })
    const replies = await Promise.all(Array.from({ length: 5 }, () => say(rig)))
    expect(replies).toMatchObject(replies.map(() => ({ value: { choices: [{ message: { content: 'Let in.' } }] } })))
    expect(google.sold()).toBe(1)
    google.revoke()
    expect(await say(rig)).toMatchObject({ kind: 'value' })
    expect(google.sold()).toBe(2)
  })

  test('the file is found by its variable, and a person’s quota project goes along', async () => {
    await using rig = await createRig({
      config: () => ({}),
      routes: { 'POST /token': { json: { access_token: 'bought', expires_in: 3600 } } },
      env: { GOOGLE_APPLICATION_CREDENTIALS: join(folder, 'person.json') },
    })
    await writeJson('person.json', {
      type: 'authorized_user',
      client_id: 'id',
      client_secret: 'secret',
      refresh_token: 'refresh',
      token_uri: `${rig.vendor.url}/token`,
      quota_project_id: 'payer',
    })
    await say(rig)
    const { headers } = rig.vendor.requests[1] ?? {}
    expect(headers).toMatchObject({ authorization: 'Bearer bought', 'x-goog-user-project': 'payer' })
  })

  test('headers for the vendor are not for those who sell tokens', async () => {
    const google = createGoogle()
    await using opening = new AsyncDisposableStack()
    const vendor = opening.use(await createScriptedUpstream({ routes: google.routes }))
    const upstream = opening.use(createUpstream())
    const provider = definition.create({
      id: 'vertexai',
      config: definition.config.parse({
        base_url: vendor.url,
        credentials_file: await serviceAccount(vendor.url),
        network: { headers: { 'x-gateway': 'secret' } },
      }),
      deps: {},
      upstream,
      log: silentLog,
      clock: { now: () => Date.now(), monotonic: () => 0 },
      signal: new AbortController().signal,
    })
    await provider.chatCompletion?.(chat(), toCall())
    expect(vendor.requests.map(({ headers }) => headers['x-gateway'])).toEqual([undefined, 'secret'])
  })
})

describe('off', () => {
  const off = (config: JsonObject, env?: Readonly<Record<string, string>>): string | undefined =>
    definition.off?.(definition.config.parse(config), env)

  test.each<readonly [JsonObject, Readonly<Record<string, string>> | undefined, string | undefined]>([
    [{}, undefined, 'no credentials'],
    [{ project: 'p', location: '' }, undefined, 'no credentials'],
    [{ project: '', access_token: 't' }, {}, 'no project'],
    [{ project: 'p', access_token: 't' }, undefined, undefined],
    [{ access_token: 't' }, { GOOGLE_CLOUD_PROJECT: 'p' }, undefined],
    [{ project: 'p' }, { GOOGLE_APPLICATION_CREDENTIALS: '/some.json' }, undefined],
    [{ credentials_file: '/some.json' }, undefined, undefined],
    [{}, { GCE_METADATA_HOST: 'metadata' }, undefined],
  ])('%j with %j', (config, env, reason) => {
    expect(off(config, env)?.split(';')[0]).toBe(reason)
  })
})

describe('where calls go', () => {
  const urlOf = async (config: JsonObject, providerData: JsonObject = {}): Promise<string | undefined> => {
    const sent: string[] = []
    const upstream = {
      send(request: UpstreamRequest) {
        sent.push(request.url)
        return Promise.reject(new TypeError('not sent'))
      },
      with: () => upstream,
    }
    const provider = definition.create({
      id: 'vertexai',
      config: definition.config.parse({ access_token: 't', ...config }),
      deps: {},
      upstream,
      log: silentLog,
      clock: { now: () => 0, monotonic: () => 0 },
      signal: new AbortController().signal,
    })
    await expect(provider.chatCompletion?.(chat(), toCall(providerData))).rejects.toThrow('not sent')
    return sent[0]
  }
  const path = (project: string, location: string): string =>
    `/v1/projects/${project}/locations/${location}/publishers/google/models/gemini-2.5-flash:generateContent`

  test.each<readonly [JsonObject, JsonObject, string]>([
    [{ project: 'p' }, {}, `https://aiplatform.googleapis.com${path('p', 'global')}`],
    [{ project: 123, location: '' }, {}, `https://aiplatform.googleapis.com${path('123', 'global')}`],
    [
      { project: 'p', location: 'us-central1' },
      {},
      `https://us-central1-aiplatform.googleapis.com${path('p', 'us-central1')}`,
    ],
    [{ project: 'p', location: 'eu' }, {}, `https://aiplatform.eu.rep.googleapis.com${path('p', 'eu')}`],
    [
      { project: 'p', location: 'us-central1' },
      { vertex_project: 'example.com:theirs', vertex_location: 'europe-west4' },
      `https://europe-west4-aiplatform.googleapis.com${path('example.com:theirs', 'europe-west4')}`,
    ],
    [
      { project: 'p', base_url: 'https://gateway.test/google/' },
      {},
      `https://gateway.test/google${path('p', 'global')}`,
    ],
  ])('%j %j', async (config, providerData, url) => {
    expect(await urlOf(config, providerData)).toBe(url)
  })

  test.each([
    [{ vertex_location: 'evil.test/' }, 'vertex_location'],
    [{ vertex_location: 'evil.test#' }, 'vertex_location'],
    [{ vertex_location: 'a@b' }, 'vertex_location'],
    [{ vertex_project: '../x' }, 'vertex_project'],
    [{ vertex_project: 'a/b' }, 'vertex_project'],
    [{ vertex_access_token: 'a\r\nx: y' }, 'vertex_access_token'],
  ])('%j is refused and nothing is sent', async (providerData, param) => {
    await using rig = await createRig()
    const failure = await failureOf(say(rig, chat(), toCall(providerData)))
    expect(failure).toMatchObject({ code: 'invalid_value', param })
    expect(failure.message).not.toContain('x: y')
    expect(rig.sent).toHaveLength(0)
  })

  test('without a project is a question for the operator', async () => {
    await using rig = await createRig({ config: () => ({ access_token: 't', project: '' }) })
    const failure = await failureOf(say(rig))
    expect(failure).toMatchObject({ code: 'provider_setting_missing', details: { setting: 'project' } })
    expect(failure.message).toContain('VERTEX_AI_PROJECT')
  })

  test('a caller’s token is theirs', async () => {
    await using rig = await createRig()
    await say(rig, chat(), toCall({ vertex_access_token: 'theirs' }))
    expect(rig.vendor.requests[0]?.headers['authorization']).toBe('Bearer theirs')
  })
})

describe('a chat', () => {
  test('is asked natively, its reply remembered where clients forget', async () => {
    const signed = { functionCall: { name: 'f', args: { a: 1 } }, thoughtSignature: 's1' }
    await using rig = await createRig({
      handler: () => ({ json: { candidates: [{ content: { parts: [signed] }, finishReason: 'STOP' }] } }),
    })
    const tools = [{ type: 'function', function: { name: 'f' } }]
    const reply = await rig.provider.chatCompletion?.(chat({ tools }), toCall())
    const [call] = reply?.kind === 'value' ? (reply.value.choices[0]?.message.tool_calls ?? []) : []
    // What a client that knows OpenAI only sends back.
    const forgotten = { id: call?.id ?? '', type: 'function', function: call?.function ?? {} }
    const messages: ChatCompletionRequest['messages'] = [
      { role: 'user', content: 'Hello?' },
      { role: 'assistant', tool_calls: [forgotten] },
      { role: 'tool', tool_call_id: call?.id ?? '', content: 'done' },
    ]
    await say(rig, chat({ tools, messages }))
    expect(rig.vendor.requests[1]?.json()).toEqual({
      contents: [
        { role: 'user', parts: [{ text: 'Hello?' }] },
        { role: 'model', parts: [signed] },
        { role: 'user', parts: [{ functionResponse: { name: 'f', response: { output: 'done' } } }] },
      ],
      tools: [{ functionDeclarations: [{ name: 'f' }] }],
    })
  })

  test('streams events', async () => {
    const piece = (text: string, more: object = {}): object => ({
      candidates: [{ content: { parts: [{ text }] }, ...more }],
    })
    await using rig = await createRig({
      handler: () => ({ events: [piece('Hel'), piece('lo.', { finishReason: 'STOP' })], done: false }),
    })
    const reply = await rig.provider.chatCompletion?.(chat({ stream: true }), toCall())
    expect(rig.vendor.requests[0]?.path).toMatch(/:streamGenerateContent\?alt=sse$/)
    const chunks = reply?.kind === 'events' ? await Array.fromAsync(servedEvents(reply)) : []
    expect(chunks.map(({ choices }) => choices[0]?.delta.content)).toEqual(['Hel', 'lo.', undefined])
  })

  test('lets the vendor go when the reader leaves without having read', async () => {
    await using rig = await createRig({
      handler: () => ({
        events: Array.from({ length: 100 }, () => ({ candidates: [{ content: { parts: [{ text: 'x' }] } }] })),
        gapMs: 20,
      }),
    })
    const reply = await rig.provider.chatCompletion?.(chat({ stream: true }), toCall())
    if (reply?.kind === 'events') await reply.events[Symbol.asyncIterator]().return?.()
    await expect.poll(() => rig.vendor.requests[0]?.aborted).toBe(true)
  })

  test('has images of the web inline, guarded', async () => {
    await using web = await createScriptedUpstream({
      routes: { 'GET /a.png': { bytes: Buffer.from('png'), headers: { 'content-type': 'image/png' } } },
    })
    const content = [{ type: 'image_url' as const, image_url: { url: `${web.url}/a.png` } }]
    const request = chat({ messages: [{ role: 'user', content }] })
    await using rig = await createRig({ allowPrivateUrls: true })
    await say(rig, request)
    expect(rig.vendor.requests[0]?.json()).toMatchObject({
      contents: [{ parts: [{ inlineData: { mimeType: 'image/png', data: btoa('png') } }] }],
    })
    await using guarded = await createRig()
    expect((await failureOf(say(guarded, request))).code).toBe('url_blocked')
  })

  test('is recorded without project and place, and replayed without credentials', async () => {
    const expected = {
      kind: 'http',
      url: 'https://aiplatform.googleapis.com/v1/publishers/google/models/gemini-2.5-flash:generateContent',
      body: { contents: [{ role: 'user', parts: [{ text: 'Hello?' }] }] },
      testId: null,
    }
    await using rig = await createRig({ config: () => ({ access_token: 't', location: 'europe-west4' }) })
    await say(rig)
    expect(rig.sent[0]?.recording).toEqual(expected)
    await using replay = await createRig({ config: () => ({ project: '' }), replaying: true })
    await say(replay)
    expect(replay.sent[0]?.recording).toEqual(expected)
    expect(replay.sent[0]?.headers['authorization']).toBeUndefined()
  })

  test('with a model that is not allowed is refused, whatever its spelling', async () => {
    await using rig = await createRig({
      config: () => ({ access_token: 't', allowed_models: ['google/gemini-2.5-flash'] }),
    })
    expect(await say(rig, chat({ model: 'publishers/google/models/gemini-2.5-flash' }))).toMatchObject({
      kind: 'value',
    })
    expect((await failureOf(say(rig, chat({ model: 'gemini-2.5-pro' })))).code).toBe('model_not_found')
  })
})

describe('a model of another publisher', () => {
  const completion = { id: 'c1', object: 'chat.completion', created: 1, model: 'meta/llama', choices: [] }

  test('is asked in OpenAI’s words, and its bytes come back', async () => {
    await using rig = await createRig({ handler: () => ({ json: completion }) })
    const request = chat({ model: 'publishers/meta/models/llama-3.3-70b-instruct-maas', temperature: 0.5, top_p: null })
    const reply = await rig.provider.chatCompletion?.(request, toCall())
    expect(JSON.parse(await bodyOf(reply))).toEqual(completion)
    const [asked] = rig.vendor.requests
    expect(asked?.path).toBe('/v1/projects/acme/locations/global/endpoints/openapi/chat/completions')
    expect(asked?.json()).toEqual({
      model: 'meta/llama-3.3-70b-instruct-maas',
      messages: [{ role: 'user', content: 'Hello?' }],
      temperature: 0.5,
    })
    expect(rig.sent[0]?.recording).toMatchObject({
      kind: 'inference',
      baseUrl: 'https://aiplatform.googleapis.com/v1/endpoints/openapi',
      endpoint: '/v1/chat/completions',
    })
  })

  test('is asked for usage by the server where the client did not ask', async () => {
    await using rig = await createRig({ handler: () => ({ events: [completion] }), accounting: true })
    const model = 'meta/llama-3.3-70b-instruct-maas'
    const reply = await rig.provider.chatCompletion?.(chat({ model, stream: true }), toCall())
    await bodyOf(reply)
    expect(rig.vendor.requests[0]?.json()).toMatchObject({ stream_options: { include_usage: true } })
    expect(reply).toMatchObject({ quirks: { stripUsageChunk: true } })
    const asking = chat({ model, stream: true, stream_options: { include_usage: true } })
    expect(await rig.provider.chatCompletion?.(asking, toCall())).toMatchObject({ quirks: {} })
  })

  test('has no embeddings here', async () => {
    await using rig = await createRig()
    const failure = await failureOf(rig.provider.embeddings?.({ model: 'meta/e5', input: 'x' }, toCall()))
    expect(failure.code).toBe('operation_unsupported')
  })
})

describe('embeddings', () => {
  const predict = (request: ScriptedRequest): ScriptedReply => {
    const { instances } = request.json() as { instances: { content: string }[] }
    return {
      json: {
        predictions: instances.map(({ content }) => ({
          embeddings: { values: [Number(content), 0.1], statistics: { token_count: 2, truncated: false } },
        })),
      },
    }
  }
  const numbers = (count: number): string[] => Array.from({ length: count }, (_, index) => String(index))

  test('go in batches, and come back in order', async () => {
    await using rig = await createRig({ handler: predict })
    const input = numbers(600)
    const reply = await rig.provider.embeddings?.({ model: 'text-embedding-005', input }, toCall())
    expect(reply).toMatchObject({
      kind: 'value',
      value: {
        data: input.map((text) => ({ embedding: [Number(text), 0.1] })),
        usage: { prompt_tokens: 1200, total_tokens: 1200 },
      },
    })
    const sizes = rig.vendor.requests.map((request) => (request.json() as { instances: unknown[] }).instances.length)
    expect(sizes.toSorted((a, b) => a - b)).toEqual([100, 250, 250])
  })

  test('of long texts go in smaller batches', async () => {
    await using rig = await createRig({ handler: predict })
    const input = Array.from({ length: 20 }, () => '1'.repeat(8 * 2000))
    await rig.provider.embeddings?.({ model: 'text-embedding-005', input }, toCall())
    expect(rig.vendor.requests).toHaveLength(3)
  })

  test('go one by one where the model wants it, a few at a time', async () => {
    let now = 0
    let most = 0
    await using rig = await createRig({
      routes: {
        async 'POST /v1/projects/acme/locations/global/publishers/google/models/gemini-embedding-001:predict'(request) {
          most = Math.max(most, (now += 1))
          await new Promise((resolve) => setTimeout(resolve, 5))
          now -= 1
          return predict(request)
        },
      },
    })
    const request = { model: 'gemini-embedding-001', input: numbers(20), dimensions: 2, task_type: 'RETRIEVAL_QUERY' }
    const reply = await rig.provider.embeddings?.({ ...request, encoding_format: 'base64' }, toCall())
    expect(rig.vendor.requests).toHaveLength(20)
    expect(most).toBeGreaterThan(1)
    expect(most).toBeLessThanOrEqual(8)
    expect(rig.vendor.requests.at(-1)?.json()).toEqual({
      instances: [{ content: expect.any(String), task_type: 'RETRIEVAL_QUERY' }],
      parameters: { outputDimensionality: 2 },
    })
    const last = reply?.kind === 'value' ? reply.value.data[19]?.embedding : undefined
    expect(Buffer.from(String(last), 'base64').readFloatLE(0)).toBe(19)
  })

  test('of newer models have a method of their own', async () => {
    await using rig = await createRig({
      handler: () => ({ json: { embedding: { values: [1, 2] }, usageMetadata: { promptTokenCount: 3 } } }),
    })
    const reply = await rig.provider.embeddings?.({ model: 'gemini-embedding-2', input: 'x', dimensions: 2 }, toCall())
    expect(rig.vendor.requests[0]?.path).toMatch(/gemini-embedding-2:embedContent$/)
    expect(rig.vendor.requests[0]?.json()).toEqual({ content: { parts: [{ text: 'x' }] }, outputDimensionality: 2 })
    expect(reply).toMatchObject({ value: { data: [{ embedding: [1, 2] }], usage: { prompt_tokens: 3 } } })
  })

  test('fail with the first failure', async () => {
    let asked = 0
    await using rig = await createRig({
      handler: () => {
        asked += 1
        const error = { code: 400, message: 'Too long.', status: 'INVALID_ARGUMENT' }
        return asked === 3 ? { status: 400, json: { error } } : { json: {}, delayMs: 2000 }
      },
    })
    const failure = await failureOf(
      rig.provider.embeddings?.({ model: 'gemini-embedding-001', input: numbers(20) }, toCall()),
    )
    expect(failure).toMatchObject({ code: 'provider_invalid_request', message: 'Too long.' })
    expect(rig.vendor.requests.length).toBeLessThanOrEqual(8)
    await expect.poll(() => rig.vendor.requests.filter((request) => request.aborted).length).toBe(7)
  })

  test.each([
    [[[1, 2]], 'input'],
    [[1, 2], 'input'],
    [[], 'input'],
  ])('of %j are refused', async (input, param) => {
    await using rig = await createRig()
    const failure = await failureOf(rig.provider.embeddings?.({ model: 'text-embedding-005', input }, toCall()))
    expect(failure.param).toBe(param)
  })

  test('that are too few are a bad reply', async () => {
    await using rig = await createRig({ handler: () => ({ json: { predictions: [] } }) })
    const failure = await failureOf(rig.provider.embeddings?.({ model: 'text-embedding-005', input: 'x' }, toCall()))
    expect(failure.code).toBe('provider_bad_reply')
  })
})

describe('the list', () => {
  const page = (names: readonly string[], nextPageToken?: string): ScriptedReply => ({
    json: { publisherModels: names.map((name) => ({ name: `publishers/google/models/${name}` })), nextPageToken },
  })

  test('is read to its end and has what can be called', async () => {
    await using rig = await createRig({
      handler: ({ path }) =>
        path.includes('pageToken=two')
          ? page(['gemini-2.5-pro', 'veo-3'])
          : page(['gemini-2.5-flash', 'imagen-4'], 'two'),
    })
    const listed = await rig.provider.models?.(toCall())
    expect(listed?.map(({ id }) => id)).toEqual([
      'publishers/google/models/gemini-2.5-flash',
      'publishers/google/models/gemini-2.5-pro',
    ])
    expect(rig.vendor.requests[0]?.headers['x-goog-user-project']).toBe('acme')
  })

  test('that never ends is left', async () => {
    let pages = 0
    await using rig = await createRig({ handler: () => page(['gemini-2.5-pro'], `page-${(pages += 1)}`) })
    expect(await rig.provider.models?.(toCall())).toHaveLength(1)
    expect(pages).toBe(20)
  })

  test.each([403, 404])('that is withheld with %i is what is known', async (status) => {
    const error = { code: status, message: 'No.', status: 'PERMISSION_DENIED' }
    await using rig = await createRig({ handler: () => ({ status, json: { error } }) })
    const listed = await rig.provider.models?.(toCall())
    expect(listed?.map(({ id }) => id)).toContain('publishers/google/models/gemini-2.5-flash')
    expect(await rig.provider.health?.(toCall())).toEqual({ status: 'OK' })
  })

  test.each([401, 500])('that fails with %i fails', async (status) => {
    await using rig = await createRig({ handler: () => ({ status, json: { error: { message: 'No.' } } }) })
    await failureOf(rig.provider.models?.(toCall()))
    expect(await rig.provider.health?.(toCall())).toMatchObject({ status: 'Error' })
  })

  test('has the allowed models only, and none where it is not to be asked for', async () => {
    const allowed = { access_token: 't', allowed_models: ['gemini-2.5-pro'] }
    await using rig = await createRig({
      config: () => allowed,
      handler: () => page(['gemini-2.5-pro', 'gemini-2.5-flash']),
    })
    expect(await rig.provider.models?.(toCall())).toMatchObject([{ id: 'publishers/google/models/gemini-2.5-pro' }])
    await using quiet = await createRig({ config: () => ({ access_token: 't', skip_model_availability: true }) })
    expect(await quiet.provider.models?.(toCall())).toBeUndefined()
    expect(quiet.sent).toHaveLength(0)
  })
})
