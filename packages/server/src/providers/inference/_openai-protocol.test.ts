import { existsSync, globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { bug } from '@llama-stack/api'
import type {
  AnyProviderDefinition,
  ChatCompletionRequest,
  CompletionRequest,
  EmbeddingsRequest,
  JsonObject,
  RecordingKey,
} from '@llama-stack/api'
import { describe, expect, test } from 'vitest'
import { bodyOf, CONFORMANCE_KEY, createRig, failureOf } from '../../testing/inference-conformance.ts'
import type { InferenceConformance, ProviderRig, RigOptions } from '../../testing/inference-conformance.ts'
import type { ScriptedReply } from '../../testing/scripted-upstream.ts'
import { provider as ollama } from './ollama.ts'
import { providers } from './openai-compatible.ts'
import { provider as vllm } from './vllm.ts'

const definitions: readonly AnyProviderDefinition<'inference'>[] = [...providers, ollama, vllm]
const chat: ChatCompletionRequest = { model: 'm', messages: [{ role: 'user', content: 'hi' }] }
const done: ScriptedReply = { json: { id: 'c', object: 'chat.completion', choices: [] } }

type Suite = Pick<InferenceConformance, 'definition' | 'config' | 'credential'>

function suiteOf(type: string, config?: Suite['config']): Suite {
  return {
    definition: definitions.find((one) => one.type === type) ?? bug(`no provider ${type}`),
    config: config ?? ((url) => ({ base_url: url })),
    credential: { setting: 'api_key', header: (key) => ['authorization', `Bearer ${key}`] },
  }
}

const rigOf = (type: string, options?: RigOptions): Promise<ProviderRig> => createRig(suiteOf(type), done, options)

describe('the path that a recording is hashed by', () => {
  test.each([
    ['remote::openai', {}, '/v1/v1/chat/completions'],
    ['remote::together', { url: 'https://api.together.xyz/v1' }, '/v1/v1/chat/completions'],
    ['remote::azure', { api_base: 'https://a.openai.azure.com' }, '/openai/v1/v1/chat/completions'],
    ['remote::gemini', {}, '/v1beta/openai/v1/chat/completions'],
    ['remote::groq', { url: 'https://api.groq.com' }, '/openai/v1/v1/chat/completions'],
    ['remote::fireworks', {}, '/inference/v1/v1/chat/completions'],
    ['remote::cerebras', { base_url: 'https://api.cerebras.ai' }, '/v1/v1/chat/completions'],
    ['remote::databricks', { url: 'https://a.cloud.databricks.com' }, '/serving-endpoints/v1/chat/completions'],
    ['remote::llama-openai-compat', {}, '/compat/v1/v1/chat/completions'],
    ['remote::tgi', { url: 'http://localhost:8080' }, '/v1/v1/chat/completions'],
    ['remote::nvidia', { url: 'https://integrate.api.nvidia.com' }, '/v1/v1/chat/completions'],
    ['remote::sambanova', {}, '/v1/v1/chat/completions'],
    ['remote::ollama', { url: 'http://localhost:11434' }, '/v1/v1/chat/completions'],
    ['remote::vllm', { url: 'http://localhost:8000/v1' }, '/v1/v1/chat/completions'],
    ['remote::passthrough', { url: 'http://localhost:5001' }, '/v1/v1/chat/completions'],
    ['remote::openrouter', {}, '/api/v1/v1/chat/completions'],
    ['remote::perplexity', {}, '/v1/chat/completions'],
  ])('%s with %o: %s', async (type, config, expected) => {
    const recorded = await recordedKey(type, config, chat)
    expect(hashedPath(recorded)).toBe(expected)
  })
})

/** What a chat would be recorded as; the call itself goes nowhere. */
async function recordedKey(
  type: string,
  config: JsonObject,
  request: ChatCompletionRequest | CompletionRequest | EmbeddingsRequest,
): Promise<RecordingKey> {
  const { definition } = suiteOf(type)
  const secret = Object.keys(
    (definition.config as unknown as { readonly shape: Record<string, unknown> }).shape,
  ).includes('api_key')
  let recorded: RecordingKey | undefined
  const send = (outbound: { readonly recording?: RecordingKey }): Promise<never> => {
    recorded = outbound.recording
    return Promise.reject(new Error('nothing is sent in this test'))
  }
  const upstream = { send, with: () => upstream }
  const provider = definition.create({
    id: 'p',
    config: definition.config.parse(secret ? { api_key: 'k', ...config } : config),
    deps: {},
    upstream,
  } as never)
  const call = { requestId: 'r', signal: new AbortController().signal, providerData: {} }
  const sent =
    'input' in request
      ? provider.embeddings?.(request as EmbeddingsRequest, call)
      : 'prompt' in request
        ? provider.completion?.(request as CompletionRequest, call)
        : provider.chatCompletion?.(request as ChatCompletionRequest, call)
  await expect(sent).rejects.toThrow('nothing is sent')
  return recorded ?? bug('no recording key')
}

function hashedPath(key: RecordingKey): string {
  if (key.kind !== 'inference') bug(`the key is of kind ${key.kind}`)
  return new URL(key.baseUrl + key.endpoint).pathname
}

const corpus = fileURLToPath(new URL('../../../../../../shared/recordings', import.meta.url))
const isAbsent = !existsSync(corpus)
// eslint-disable-next-line no-console -- a skip has to be heard
if (isAbsent) console.warn(`skipped: no recordings of upstream at ${corpus}`)

interface RecordedRequest {
  readonly url: string
  readonly endpoint: string
  readonly body: Record<string, unknown>
}

function readRequest(file: string): Partial<RecordedRequest> {
  const { request } = JSON.parse(readFileSync(`${corpus}/${file}`, 'utf8')) as { request: Partial<RecordedRequest> }
  return request
}

/** Which provider made a recorded call, by its address, and how it was configured. */
const recordedBy: readonly (readonly [prefix: string, type: string, config: JsonObject])[] = [
  ['https://api.together.xyz/v1/v1/', 'remote::together', { url: 'https://api.together.xyz/v1' }],
  ['https://api.openai.com/v1/v1/', 'remote::openai', { base_url: 'https://api.openai.com/v1' }],
  ['https://api.cerebras.ai/v1/v1/', 'remote::cerebras', { base_url: 'https://api.cerebras.ai' }],
  ['https://shan-mfbb618r-eastus2.', 'remote::azure', { api_base: 'https://a.cognitiveservices.azure.com' }],
  ['http://0.0.0.0:11434/v1/v1/', 'remote::ollama', { url: 'http://0.0.0.0:11434' }],
  ['http://localhost:11434/v1/v1/', 'remote::ollama', { base_url: 'http://localhost:11434/v1' }],
  ['http://localhost:8000/v1/v1/', 'remote::vllm', { base_url: 'http://localhost:8000/v1' }],
  ['http://localhost:8080/v1/v1/', 'remote::tgi', { url: 'http://localhost:8080' }],
  ['__databricks__/serving-endpoints/', 'remote::databricks', { url: 'https://a.cloud.databricks.com' }],
]

/** Requests of eras whose bodies no server of either generation sends any more. */
function isOfAnotherEra({ endpoint = '', body = {} }: Partial<RecordedRequest>): boolean {
  if (endpoint === '/v1/embeddings') return !('encoding_format' in body)
  return endpoint === '/v1/completions' && 'messages' in body
}

/** The request as the client sent it: unknown fields beside the known ones, without the provider's own default. */
function asAsked(type: string, { endpoint, body = {} }: Partial<RecordedRequest>): Record<string, unknown> {
  const { extra_body: extra, ...known } = body
  const { max_tokens: limit, ...rest } = { ...known, ...(extra as object | undefined) } as Record<string, unknown>
  const isDefault = type === 'remote::vllm' && endpoint === '/v1/chat/completions' && limit === 4096
  return isDefault || limit === undefined ? rest : { ...rest, max_tokens: limit }
}

/** The first generation nested an empty object where nothing was unknown. */
function withoutEmptyExtra({ extra_body: extra, ...body }: Record<string, unknown>): Record<string, unknown> {
  return extra === undefined || Object.keys(extra as object).length === 0 ? body : { ...body, extra_body: extra }
}

describe.skipIf(isAbsent)("requests of upstream's recordings (needs ../shared)", () => {
  test('the request of 33b71fb85bfb is what Together is sent', async () => {
    const { url = '', body } = readRequest('llama-stack/33b71fb85bfb.json')
    const key = await recordedKey('remote::together', { url: 'https://api.together.xyz/v1' }, body as never)
    expect(key).toEqual({
      kind: 'inference',
      baseUrl: 'https://api.together.xyz/v1',
      endpoint: '/v1/chat/completions',
      body,
      testId: null,
    })
    expect(key.kind === 'inference' && key.baseUrl + key.endpoint).toBe(url)
  })

  test.each(recordedBy)('%s…: every request is what %s sends', async (prefix, type, config) => {
    const requests = globSync('{llama-stack,ogx}/**/*.json', { cwd: corpus })
      .map(readRequest)
      .filter((request) => request.url?.startsWith(prefix) === true && request.endpoint !== '/v1/models')
      .filter((request) => !isOfAnotherEra(request))
    expect(requests.length).toBeGreaterThan(0)
    for (const request of requests) {
      const key = await recordedKey(type, config, asAsked(type, request) as never)
      if (key.kind !== 'inference') bug(`the key is of kind ${key.kind}`)
      expect(key.endpoint).toBe(request.endpoint)
      expect(key.body).toEqual(withoutEmptyExtra(request.body ?? {}))
    }
  })
})

describe('a URL of the caller’s choice', () => {
  const passthrough = 'remote::passthrough'

  test('is called without the operator’s key', async () => {
    await using theirs = await createRig(suiteOf(passthrough), done)
    await using rig = await rigOf(passthrough, {
      allowPrivateUrls: true,
      config: { network: { headers: { 'x-ours': 'secret' } } },
    })
    const call = rig.call({ providerData: { passthrough_url: theirs.vendor.url } })
    await rig.provider.chatCompletion?.(chat, call)
    expect(rig.vendor.requests).toHaveLength(0)
    const [asked] = theirs.vendor.requests
    expect(asked?.path).toBe('/v1/chat/completions')
    expect(asked?.headers).not.toHaveProperty('authorization')
    expect(asked?.headers).not.toHaveProperty('x-ours')
    expect(JSON.stringify(asked?.headers)).not.toContain(CONFORMANCE_KEY)
    expect(rig.sent[0]?.chosenBy).toBe('caller')
  })

  test('is called with the caller’s key', async () => {
    await using theirs = await createRig(suiteOf(passthrough), done)
    await using rig = await rigOf(passthrough, { allowPrivateUrls: true })
    const providerData = { passthrough_url: theirs.vendor.url, passthrough_api_key: 'theirs' }
    await rig.provider.chatCompletion?.(chat, rig.call({ providerData }))
    expect(theirs.vendor.requests[0]?.headers['authorization']).toBe('Bearer theirs')
  })

  test('may not be private', async () => {
    await using theirs = await createRig(suiteOf(passthrough), done)
    await using rig = await rigOf(passthrough)
    const call = rig.call({ providerData: { passthrough_url: theirs.vendor.url } })
    expect((await failureOf(rig.provider.chatCompletion?.(chat, call))).code).toBe('url_blocked')
    expect((await failureOf(rig.provider.models?.(call))).code).toBe('url_blocked')
    expect(theirs.vendor.requests).toHaveLength(0)
  })

  test.each(['file:///etc/passwd', 'nowhere', 'http://'])('is not %s', async (url) => {
    await using rig = await rigOf(passthrough, { allowPrivateUrls: true })
    const call = rig.call({ providerData: { passthrough_url: url } })
    expect((await failureOf(rig.provider.chatCompletion?.(chat, call))).code).toBe('url_blocked')
  })

  test('needs the caller’s key where the vendor needs one', async () => {
    await using rig = await rigOf('remote::azure', { allowPrivateUrls: true })
    const call = rig.call({ providerData: { azure_api_base: 'http://127.0.0.1:1' } })
    expect((await failureOf(rig.provider.chatCompletion?.(chat, call))).code).toBe('provider_key_missing')
  })
})

describe('Azure', () => {
  test('takes key, URL and version of a call from the caller', async () => {
    await using theirs = await createRig(suiteOf('remote::azure'), done)
    await using rig = await rigOf('remote::azure', { allowPrivateUrls: true })
    const providerData = { azure_api_base: theirs.vendor.url, azure_api_key: 'theirs', azure_api_version: 'preview' }
    await rig.provider.chatCompletion?.(chat, rig.call({ providerData }))
    expect(theirs.vendor.requests[0]?.path).toBe('/openai/v1/chat/completions?api-version=preview')
    expect(theirs.vendor.requests[0]?.headers).toMatchObject({ 'api-key': 'theirs' })
  })

  test.each([
    ['preview', '?api-version=preview'],
    ['2024-12-01-preview', ''],
    [null, ''],
  ])('with the version %s configured asks with the query "%s"', async (version, query) => {
    await using rig = await rigOf('remote::azure', { config: { api_version: version } })
    await rig.provider.models?.(rig.call())
    expect(rig.vendor.requests[0]?.path).toBe(`/openai/v1/models${query}`)
  })
})

describe('passthrough', () => {
  test('forwards what the operator lists, and the operator’s key goes first', async () => {
    const config = { forward_headers: { maas_token: 'Authorization', tenant: 'X-Tenant' } }
    const providerData = { maas_token: 'Bearer theirs', tenant: 'a', other: 'b' }
    await using open = await rigOf('remote::passthrough', { config, keyless: true })
    await open.provider.chatCompletion?.(chat, open.call({ providerData }))
    expect(open.vendor.requests[0]?.headers).toMatchObject({ authorization: 'Bearer theirs', 'x-tenant': 'a' })
    await using keyed = await rigOf('remote::passthrough', { config })
    await keyed.provider.chatCompletion?.(chat, keyed.call({ providerData }))
    expect(keyed.vendor.requests[0]?.headers['authorization']).toBe(`Bearer ${CONFORMANCE_KEY}`)
  })
})

describe('Gemini', () => {
  test('an access token names the project that pays', async () => {
    const config = { access_token: 'token', project: 'paying' }
    await using rig = await rigOf('remote::gemini', { config, keyless: true })
    await rig.provider.chatCompletion?.(chat, rig.call())
    const { headers } = rig.vendor.requests[0] ?? {}
    expect(headers).toMatchObject({ authorization: 'Bearer token', 'x-goog-user-project': 'paying' })
  })

  test('a caller’s key is not billed to the project', async () => {
    const config = { access_token: 'token', project: 'paying' }
    await using rig = await rigOf('remote::gemini', { config, keyless: true })
    await rig.provider.chatCompletion?.(chat, rig.call({ providerData: { gemini_api_key: 'theirs' } }))
    expect(rig.vendor.requests[0]?.headers).not.toHaveProperty('x-goog-user-project')
  })

  const native = {
    models: [{ name: 'models/g', supportedGenerationMethods: ['generateContent'], inputTokenLimit: 9000 }],
  }
  const listed = [{ id: 'models/g', type: 'llm', metadata: { context_length: 9000 } }]

  test('its own list is asked for, which wants the key in a header of its own', async () => {
    await using rig = await createRig(suiteOf('remote::gemini'), { json: native }, { accounting: true })
    expect(await rig.provider.models?.(rig.call())).toEqual(listed)
    const [request] = rig.vendor.requests
    expect(request?.path).toBe('/v1beta/models?pageSize=1000')
    expect(request?.headers).toMatchObject({ 'x-goog-api-key': CONFORMANCE_KEY })
    expect(request?.headers).not.toHaveProperty('authorization')
  })

  test('with an access token the list is asked for as everything else; a caller’s key is a key', async () => {
    const config = { access_token: 'token', project: 'paying' }
    await using rig = await createRig(
      suiteOf('remote::gemini'),
      { json: native },
      { config, keyless: true, accounting: true },
    )
    expect(await rig.provider.models?.(rig.call())).toEqual(listed)
    await rig.provider.models?.(rig.call({ providerData: { gemini_api_key: 'theirs' } }))
    const [own, theirs] = rig.vendor.requests.map(({ headers }) => headers)
    expect(own).toMatchObject({ authorization: 'Bearer token', 'x-goog-user-project': 'paying' })
    expect(theirs).toMatchObject({ 'x-goog-api-key': 'theirs' })
    expect(theirs).not.toHaveProperty('authorization')
  })

  test('behind a proxy of OpenAI’s protocol the list is OpenAI’s', async () => {
    await using rig = await createRig(
      suiteOf('remote::gemini'),
      ({ path }) =>
        path.startsWith('/v1beta/openai/')
          ? { json: { object: 'list', data: [{ id: 'models/g', object: 'model' }] } }
          : { status: 404, json: {} },
      { accounting: true },
    )
    expect(await rig.provider.models?.(rig.call())).toEqual([{ id: 'models/g', type: 'llm', metadata: {} }])
  })
})

describe('NVIDIA', () => {
  test('ranks passages at the URL of the model', async () => {
    const rankings = [
      { index: 0, logit: -2 },
      { index: 1, logit: 3.5 },
    ]
    await using rig = await createRig(
      suiteOf('remote::nvidia', (url) => ({ base_url: url, rerank_model_to_url: { ranker: `${url}/own/reranking` } })),
      { json: { rankings } },
    )
    const ranked = await rig.provider.rerank?.({ model: 'ranker', query: 'q', items: ['a', 'b'] }, rig.call())
    expect(ranked?.value).toEqual({
      data: [
        { index: 1, relevance_score: 3.5 },
        { index: 0, relevance_score: -2 },
      ],
    })
    expect(rig.vendor.requests[0]?.path).toBe('/own/reranking')
    expect(rig.vendor.requests[0]?.json()).toEqual({
      model: 'ranker',
      query: { text: 'q' },
      passages: [{ text: 'a' }, { text: 'b' }],
    })
    const failure = await failureOf(rig.provider.rerank?.({ model: 'other', query: 'q', items: ['a'] }, rig.call()))
    expect(failure.code).toBe('model_not_found')
  })

  test('lists the rerank models that have a URL', async () => {
    await using rig = await createRig(
      suiteOf('remote::nvidia', (url) => ({ base_url: url, rerank_model_to_url: { ranker: `${url}/r` } })),
      { json: { data: [{ id: 'llm-1' }] } },
    )
    expect(await rig.provider.models?.(rig.call())).toEqual([
      { id: 'llm-1', type: 'llm', metadata: {} },
      { id: 'ranker', type: 'rerank', metadata: {} },
    ])
  })

  test('needs no key elsewhere', async () => {
    await using rig = await rigOf('remote::nvidia', { keyless: true })
    await rig.provider.chatCompletion?.(chat, rig.call())
    expect(rig.vendor.requests[0]?.headers).not.toHaveProperty('authorization')
  })
})

describe('the model of one’s own', () => {
  test('is the only one that the Hugging Face router lists', async () => {
    await using rig = await rigOf('remote::hf::serverless', { config: { huggingface_repo: 'me/mine' } })
    expect(await rig.provider.models?.(rig.call())).toEqual([{ id: 'me/mine', type: 'llm', metadata: {} }])
    expect(rig.vendor.requests).toHaveLength(0)
  })

  test('is not asked for where the list is left alone', async () => {
    await using rig = await rigOf('remote::openai', { config: { skip_model_availability: true } })
    expect(await rig.provider.models?.(rig.call())).toBeUndefined()
  })
})

test('token ids are refused where the vendor does not take them', async () => {
  await using rig = await rigOf('remote::together')
  const failure = await failureOf(rig.provider.embeddings?.({ model: 'm', input: [1, 2] }, rig.call()))
  expect(failure).toMatchObject({ code: 'invalid_value', param: 'input' })
})

test('a key that no header can carry is refused without being shown', async () => {
  await using rig = await rigOf('remote::openai')
  const call = rig.call({ providerData: { openai_api_key: 'sk-1\r\nx-evil: 1' } })
  const failure = await failureOf(rig.provider.chatCompletion?.(chat, call))
  expect(failure).toMatchObject({ code: 'invalid_value', param: 'openai_api_key' })
  expect(failure.message).not.toContain('sk-1')
})

test('headers of the network block are added, and do not take the place of the credential', async () => {
  const headers = { 'X-Team': 'a', Authorization: 'Bearer other' }
  await using rig = await rigOf('remote::openai', { config: { network: { headers } } })
  await rig.provider.chatCompletion?.(chat, rig.call())
  expect(rig.vendor.requests[0]?.headers).toMatchObject({
    'x-team': 'a',
    authorization: `Bearer ${CONFORMANCE_KEY}`,
  })
})

test('a list that is no list is empty, one that is no JSON is an error', async () => {
  await using odd = await createRig(suiteOf('remote::openai'), { json: { data: 'nothing' } })
  expect(await odd.provider.models?.(odd.call())).toEqual([])
  await using html = await createRig(suiteOf('remote::openai'), { text: '<html>' })
  expect((await failureOf(html.provider.models?.(html.call()))).code).toBe('provider_bad_reply')
})

test('a failure with an endless body is told by its status', async () => {
  const broken: ScriptedReply = { status: 503, events: ['x'.repeat(2_000_000)], done: false }
  await using rig = await createRig(suiteOf('remote::openai'), broken)
  expect(await failureOf(rig.provider.chatCompletion?.(chat, rig.call()))).toMatchObject({
    code: 'provider_internal',
    details: { reason: 'HTTP 503' },
  })
})

test('replies are repaired by the row’s hook', async () => {
  await using rig = await rigOf('remote::mistral')
  const reply = await rig.provider.chatCompletion?.(chat, rig.call())
  if (reply?.kind !== 'upstream') bug('the reply is not relayed')
  const chunk = { choices: [{ delta: { content: [{ type: 'text', text: 'Rain.' }] } }] }
  expect(reply.quirks.repair?.(chunk)).toEqual({ choices: [{ delta: { content: 'Rain.' } }] })
  await bodyOf(reply)
})
