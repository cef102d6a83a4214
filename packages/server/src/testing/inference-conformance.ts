/** What every provider of inference that speaks HTTP has to do, run against a scripted vendor. */
import { bug, isStackError } from '@llama-stack/api'
import type {
  AnyProviderDefinition,
  ChatCompletionRequest,
  InferenceProvider,
  JsonObject,
  ProviderCall,
  ProviderInput,
  ProviderModel,
  StackError,
  Upstream,
  UpstreamRequest,
  UpstreamResponse,
} from '@llama-stack/api'
import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { readAll } from '../kernel/byte-stream.ts'
import { silentLog } from '../kernel/log.ts'
import { createUpstream } from '../kernel/upstream.ts'
import { createScriptedUpstream } from './scripted-upstream.ts'
import type { ScriptedReply, ScriptedRoute, ScriptedUpstream } from './scripted-upstream.ts'
import { timed } from './timed.ts'

/** The credential that the suite configures. It must show up in no error. */
export const CONFORMANCE_KEY = 'sk-conformance-key'
const CALLER_KEY = 'sk-of-the-caller'

/** What a vendor's replies look like; our own texts in the vendor's shapes. */
export interface VendorFixture {
  readonly about: string
  readonly models: {
    /** Path on the vendor's host; null where the vendor has no list. */
    readonly path: string | null
    readonly reply: unknown
    readonly expected: readonly ProviderModel[]
    /** Headers that the list has to be asked with. */
    readonly headers?: Readonly<Record<string, string>>
  }
  readonly chat: JsonObject
  readonly stream: readonly JsonObject[]
  /** Absent where the vendor has no text completions. */
  readonly completion?: JsonObject
  /** Absent where the vendor has no embeddings. `repairedUsage` stands for token counts that the reply leaves out. */
  readonly embeddings?: { readonly model: string; readonly reply: JsonObject; readonly repairedUsage?: number }
  readonly error: {
    readonly status: number
    readonly headers: Readonly<Record<string, string>>
    readonly body: unknown
    readonly expected: { readonly code: string; readonly message: string } & Readonly<Record<string, unknown>>
  }
  /** Path on the vendor's host that tells whether it is well. Default: the list of models. */
  readonly health?: string
}

/** The cases that a provider may skip, with a reason. */
export type ConformanceCase =
  | 'key missing'
  | 'key of the caller'
  | 'body as sent'
  | 'recording key'
  | 'usage on request'
  | 'models'
  | 'health'

export interface InferenceConformance {
  readonly definition: AnyProviderDefinition<'inference'>
  readonly fixture: VendorFixture
  /** A configuration without credential for a vendor at this address. */
  readonly config: (url: string) => JsonObject
  /** Where the API lives at that address, without a closing slash. */
  readonly apiPath: string
  /** The configuration key of the credential, and the header it travels in. */
  readonly credential: {
    readonly setting: string
    readonly header: (key: string) => readonly [name: string, value: string]
  }
  readonly skips?: Readonly<Partial<Record<ConformanceCase, string>>>
}

/** Declares the suite for one provider. */
export function describeInferenceProvider(suite: InferenceConformance): void {
  describe(`${suite.definition.type} conforms`, () => {
    describeChat(suite)
    describeStream(suite)
    describeCredentials(suite)
    describeFailures(suite)
    describeOtherOperations(suite)
    describeListing(suite)
  })
}

function caseOf(suite: InferenceConformance, name: ConformanceCase): (run: () => Promise<void>) => void {
  const reason = suite.skips?.[name]
  const title = reason === undefined ? name : `${name}: ${reason}`
  // eslint-disable-next-line vitest/valid-title, vitest/expect-expect -- cases and their reasons are data here
  return (run) => test.skipIf(reason !== undefined)(title, run)
}

function describeChat(suite: InferenceConformance): void {
  const { fixture, apiPath, credential } = suite

  test('a chat goes to its path with the credential, and the reply comes back as it is', async () => {
    await using rig = await createRig(suite, { json: fixture.chat })
    const reply = await rig.provider.chatCompletion?.(chat(), rig.call())
    expect(JSON.parse(await bodyOf(reply))).toEqual(fixture.chat)
    const [asked] = rig.vendor.requests
    expect(asked?.method).toBe('POST')
    expect(asked?.path).toBe(`${apiPath}/chat/completions`)
    const [name, value] = credential.header(CONFORMANCE_KEY)
    expect(asked?.headers[name]).toBe(value)
    expect(asked?.headers['content-type']).toBe('application/json')
  })

  caseOf(
    suite,
    'body as sent',
  )(async () => {
    await using rig = await createRig(suite, { json: fixture.chat })
    const request = chat({ temperature: 0.5, top_p: null, stream: false, vendor_field: { deep: [1, null] } })
    await drain(rig.provider.chatCompletion?.(request, rig.call()))
    expect(rig.vendor.requests[0]?.json()).toEqual({
      model: 'm',
      messages: [{ role: 'user', content: 'Will it rain?' }],
      temperature: 0.5,
      stream: false,
      vendor_field: { deep: [1, null] },
    })
  })

  caseOf(
    suite,
    'recording key',
  )(async () => {
    await using rig = await createRig(suite, { json: fixture.chat })
    const call = rig.call({ testId: 'a.py::test' })
    await drain(rig.provider.chatCompletion?.(chat({ stream: false, vendor_field: 1 }), call))
    const { recording, body } = rig.sent[0] ?? {}
    expect(recording).toEqual({
      kind: 'inference',
      baseUrl: rig.vendor.url + apiPath,
      endpoint: '/v1/chat/completions',
      body: {
        model: 'm',
        messages: [{ role: 'user', content: 'Will it rain?' }],
        stream: false,
        extra_body: { vendor_field: 1 },
      },
      testId: 'a.py::test',
    })
    expect(body).not.toContain('extra_body')
  })
}

function describeStream(suite: InferenceConformance): void {
  const { fixture } = suite

  test('a stream is handed over byte by byte', async () => {
    await using rig = await createRig(suite, { events: fixture.stream })
    const reply = await rig.provider.chatCompletion?.(chat({ stream: true }), rig.call())
    const text = await bodyOf(reply)
    expect(text).toBe(fixture.stream.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join('') + 'data: [DONE]\n\n')
  })

  test('a stream that breaks off fails with provider_stream_broken', async () => {
    await using rig = await createRig(suite, { events: fixture.stream, resetAfter: 1 })
    const reply = await rig.provider.chatCompletion?.(chat({ stream: true }), rig.call())
    await expect(bodyOf(reply)).rejects.toMatchObject({ code: 'provider_stream_broken' })
  })

  test('the vendor is let go within 100 ms when the client leaves', timed, async () => {
    await using rig = await createRig(suite, { events: [...fixture.stream, ...fixture.stream], gapMs: 300 })
    const leaving = new AbortController()
    const call = rig.call({ signal: leaving.signal })
    const reply = await rig.provider.chatCompletion?.(chat({ stream: true }), call)
    if (reply?.kind !== 'upstream') bug('the stream is not relayed')
    reply.response.body.pipe({ data: () => undefined, end: () => undefined, fail: () => undefined })
    leaving.abort()
    await sleep(100)
    expect(rig.vendor.requests[0]?.aborted).toBe(true)
  })

  caseOf(
    suite,
    'usage on request',
  )(async () => {
    await using rig = await createRig(suite, { events: fixture.stream }, { accounting: true })
    const reply = await rig.provider.chatCompletion?.(chat({ stream: true }), rig.call())
    await bodyOf(reply)
    expect(rig.vendor.requests[0]?.json()).toMatchObject({ stream_options: { include_usage: true } })
    expect(reply).toMatchObject({ quirks: { stripUsageChunk: true } })
    const asking = chat({ stream: true, stream_options: { include_usage: true } })
    const asked = await rig.provider.chatCompletion?.(asking, rig.call())
    await bodyOf(asked)
    expect(asked?.kind === 'upstream' && asked.quirks.stripUsageChunk).toBeFalsy()
  })
}

function describeCredentials(suite: InferenceConformance): void {
  const { definition, fixture, credential } = suite

  caseOf(
    suite,
    'key missing',
  )(async () => {
    await using rig = await createRig(suite, { json: fixture.chat }, { keyless: true })
    expect(definition.off?.(rig.config as never)).toContain(credential.setting)
    const failure = await failureOf(rig.provider.chatCompletion?.(chat(), rig.call()))
    expect(failure.code).toBe('provider_key_missing')
    expect(failure.message).toContain(definition.credential?.providerData)
    expect(failure.message).toContain(definition.credential?.env ?? '')
    expect(await rig.provider.models?.(rig.call())).toBeUndefined()
    expect(rig.vendor.requests).toHaveLength(0)
  })

  caseOf(
    suite,
    'key of the caller',
  )(async () => {
    await using rig = await createRig(suite, { json: fixture.chat })
    const providerData = { [definition.credential?.providerData ?? '']: CALLER_KEY }
    await drain(rig.provider.chatCompletion?.(chat(), rig.call({ providerData })))
    const [name, value] = credential.header(CALLER_KEY)
    expect(rig.vendor.requests[0]?.headers[name]).toBe(value)
    expect(JSON.stringify(rig.vendor.requests[0]?.headers)).not.toContain(CONFORMANCE_KEY)
  })

  test('an unknown configuration key is refused', () => {
    const parsed = definition.config.safeParse({ ...suite.config('http://127.0.0.1:1'), no_such_key: 1 })
    expect(parsed.success).toBe(false)
  })
}

function describeFailures(suite: InferenceConformance): void {
  const { fixture } = suite

  test('the vendor’s error is translated', async () => {
    const { status, headers, body, expected } = fixture.error
    await using rig = await createRig(suite, { status, headers, json: body })
    const failure = await failureOf(rig.provider.chatCompletion?.(chat(), rig.call()))
    const { code, message, ...details } = expected
    expect(failure.code).toBe(code)
    expect(failure.message).toContain(message)
    expect(failure.details).toMatchObject({ provider: 'under-test', ...details })
  })

  test('a refused credential is told without the credential', async () => {
    await using rig = await createRig(suite, { status: 401, json: { error: { message: 'Who are you?' } } })
    const failure = await failureOf(rig.provider.chatCompletion?.(chat(), rig.call()))
    expect(failure.code).toBe('provider_authentication')
    expect(inspect(failure)).not.toContain(CONFORMANCE_KEY)
  })

  test('a rate limit tells when to come back', async () => {
    const limit: ScriptedReply = {
      status: 429,
      headers: { 'retry-after': '3' },
      json: { error: { message: 'Slow down.' } },
    }
    await using rig = await createRig(suite, limit)
    const failure = await failureOf(rig.provider.chatCompletion?.(chat(), rig.call()))
    expect(failure).toMatchObject({ code: 'provider_rate_limited', details: { retryAfterMs: 3000 } })
  })

  test('a redirect is an error that names the place', async () => {
    await using rig = await createRig(suite, {
      status: 308,
      headers: { location: 'https://elsewhere.example/v1' },
      text: '',
    })
    const failure = await failureOf(rig.provider.chatCompletion?.(chat(), rig.call()))
    expect(failure.code).toBe('provider_bad_reply')
    expect(failure.message).toContain('https://elsewhere.example/v1')
  })

  test('a vendor that is not there is unreachable', async () => {
    await using rig = await createRig(suite, { reset: true })
    const failure = await failureOf(rig.provider.chatCompletion?.(chat(), rig.call()))
    expect(failure.code).toBe('provider_unreachable')
  })
}

function describeOtherOperations(suite: InferenceConformance): void {
  const { fixture, apiPath } = suite
  const { completion, embeddings } = fixture

  test('text completions, or none at all', async () => {
    await using rig = await createRig(suite, { json: completion ?? {} })
    expect(rig.provider.completion === undefined).toBe(completion === undefined)
    if (completion === undefined) return
    const reply = await rig.provider.completion?.({ model: 'm', prompt: 'Roses', max_tokens: 5 }, rig.call())
    expect(JSON.parse(await bodyOf(reply))).toEqual(completion)
    expect(rig.vendor.requests[0]?.path).toBe(`${apiPath}/completions`)
    expect(rig.vendor.requests[0]?.json()).toEqual({ model: 'm', prompt: 'Roses', max_tokens: 5 })
  })

  test('embeddings, as floats unless asked otherwise, or none at all', async () => {
    await using rig = await createRig(suite, { json: embeddings?.reply ?? {} })
    expect(rig.provider.embeddings === undefined).toBe(embeddings === undefined)
    if (embeddings === undefined) return
    const { model } = embeddings
    const reply = await rig.provider.embeddings?.({ model, input: 'rain' }, rig.call())
    expect(JSON.parse(await bodyOf(reply))).toEqual(embeddings.reply)
    expect(rig.vendor.requests[0]?.path).toBe(`${apiPath}/embeddings`)
    expect(rig.vendor.requests[0]?.json()).toEqual({ model, input: 'rain', encoding_format: 'float' })
    await drain(rig.provider.embeddings?.({ model, input: ['rain'], encoding_format: 'base64' }, rig.call()))
    expect(rig.vendor.requests[1]?.json()).toMatchObject({ encoding_format: 'base64' })
    const counted = reply?.kind === 'upstream' ? reply.quirks.repair?.(embeddings.reply) : undefined
    const tokens = embeddings.repairedUsage
    expect(counted?.['usage']).toEqual(
      tokens === undefined ? undefined : { prompt_tokens: tokens, total_tokens: tokens },
    )
  })
}

function describeListing(suite: InferenceConformance): void {
  const { models, health } = suite.fixture

  caseOf(
    suite,
    'models',
  )(async () => {
    await using rig = await createRig(suite, { json: models.reply })
    expect(await rig.provider.models?.(rig.call())).toEqual(models.expected)
    if (models.path === null) return
    const [asked] = rig.vendor.requests
    expect(asked?.method).toBe('GET')
    expect(asked?.path.split('?')[0]).toBe(models.path)
    expect(asked?.headers).toMatchObject(models.headers ?? {})
    expect(rig.sent[0]?.recording).toMatchObject({ kind: 'inference', endpoint: '/v1/models', body: {}, testId: null })
  })

  test('only allowed models are listed and called', async () => {
    const only = models.expected[0]?.id ?? ''
    await using rig = await createRig(suite, { json: models.reply }, { config: { allowed_models: [only] } })
    const listed = await rig.provider.models?.(rig.call())
    expect(listed?.map((model) => model.id)).toEqual([only])
    const failure = await failureOf(rig.provider.chatCompletion?.(chat(), rig.call()))
    expect(failure.code).toBe('model_not_found')
  })

  caseOf(
    suite,
    'health',
  )(async () => {
    await using rig = await createRig(suite, { json: models.reply ?? {} })
    expect(await rig.provider.health?.(rig.call())).toEqual({ status: 'OK' })
    expect(rig.vendor.requests[0]?.path.split('?')[0]).toBe(health ?? models.path)
    await using broken = await createRig(suite, { status: 500, json: {} })
    expect(await broken.provider.health?.(broken.call())).toMatchObject({ status: 'Error' })
  })
}

/** A provider under test, its scripted vendor, and the calls that it handed to the transport. */
export interface ProviderRig extends AsyncDisposable {
  readonly provider: InferenceProvider
  readonly vendor: ScriptedUpstream
  /** Requests as the transport got them. */
  readonly sent: readonly UpstreamRequest[]
  readonly config: unknown
  call(more?: Partial<ProviderCall>): ProviderCall
}

/** How a rig differs from the usual one. */
export interface RigOptions {
  readonly accounting?: boolean
  /** Leaves the credential out of the configuration. */
  readonly keyless?: boolean
  /** Laid over the configuration. */
  readonly config?: JsonObject
  /** Lets caller-chosen URLs reach the scripted vendor, which lives on a private address. */
  readonly allowPrivateUrls?: boolean
}

/** Starts a vendor that gives one answer to everything, or the one that a request calls for, and a provider that is configured for it. */
export async function createRig(
  suite: Pick<InferenceConformance, 'definition' | 'config' | 'credential'>,
  answer: ScriptedRoute,
  options: RigOptions = {},
): Promise<ProviderRig> {
  const vendor = await createScriptedUpstream({ handler: typeof answer === 'function' ? answer : () => answer })
  const { allowPrivateUrls = false, accounting = false } = options
  const transport = createUpstream({ allowPrivateUrls })
  const sent: UpstreamRequest[] = []
  const { definition, credential } = suite
  const key = options.keyless === true ? {} : { [credential.setting]: CONFORMANCE_KEY }
  const config = definition.config.parse({ ...suite.config(vendor.url), ...key, ...options.config })
  const input: ProviderInput<unknown> = {
    id: 'under-test',
    config,
    deps: {},
    upstream: watched(transport, sent),
    log: silentLog,
    clock: { now: () => 0, monotonic: () => 0 },
    signal: new AbortController().signal,
    accounting,
  }
  return {
    // A definition in a list has forgotten its configuration's type; the schema above has just checked it.
    provider: definition.create(input as never),
    vendor,
    sent,
    config,
    call: (more) => ({ requestId: 'req_1', signal: new AbortController().signal, providerData: {}, ...more }),
    async [Symbol.asyncDispose]() {
      await transport[Symbol.asyncDispose]()
      await vendor[Symbol.asyncDispose]()
    },
  }
}

function watched(upstream: Upstream, sent: UpstreamRequest[]): Upstream {
  return {
    send(request) {
      sent.push(request)
      return upstream.send(request)
    },
    with: (options) => watched(upstream.with(options), sent),
  }
}

function chat(more: JsonObject = {}): ChatCompletionRequest {
  // Fields that the schema does not know are part of what is tested.
  return { model: 'm', messages: [{ role: 'user', content: 'Will it rain?' }], ...more } as ChatCompletionRequest
}

/** The whole body of a relayed reply, as text. */
export async function bodyOf(
  reply: { readonly kind: string; readonly response?: UpstreamResponse } | undefined,
): Promise<string> {
  if (reply?.response === undefined) bug('the reply is not relayed')
  return Buffer.from(await readAll(reply.response.body, 1_000_000, 'under-test')).toString()
}

async function drain(
  reply: Promise<{ readonly kind: string; readonly response?: UpstreamResponse }> | undefined,
): Promise<void> {
  await bodyOf(await reply)
}

/** The error of the table that a call fails with. */
export async function failureOf(call: Promise<unknown> | undefined): Promise<StackError> {
  try {
    await call
  } catch (error) {
    if (isStackError(error)) return error
    throw error
  }
  return bug('the call did not fail')
}
