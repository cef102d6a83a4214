import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inspect } from 'node:util'
import type { ChatCompletionRequest, InferenceProvider, JsonObject, ProviderCall } from '@llama-stack/api'
import { describe, expect, it, test } from 'vitest'
import { systemClock } from '../../kernel/clock.ts'
import { silentLog } from '../../kernel/log.ts'
import { createRecordedUpstream } from '../../recordings/recorded-upstream.ts'
import { callWith, createCredentialRig } from '../../testing/credential-rig.ts'
import type { CredentialRig } from '../../testing/credential-rig.ts'
import { bodyOf, failureOf } from '../../testing/inference-conformance.ts'
import { createScriptedUpstream } from '../../testing/scripted-upstream.ts'
import type { ScriptedReply, ScriptedRequest, ScriptedRoute } from '../../testing/scripted-upstream.ts'
import { provider as definition } from './watsonx.ts'

const HOUR_MS = 3_600_000
const OPERATOR_KEY = 'operator-key'
const completion = { id: 'chat-1', object: 'chat.completion', choices: [] }
const chat: ChatCompletionRequest = { model: 'ibm/granite-4-h-small', messages: [{ role: 'user', content: 'hi' }] }

/** IBM's cloud: IAM sells `token-<n>-of-<key>`, and watsonx takes those that are in `good`, or all. */
class IbmCloud {
  readonly good = new Set<string>()
  revoked = new Set<string>()
  sold = 0

  readonly routes: Readonly<Record<string, ScriptedRoute>> = {
    'POST /identity/token': (request) => {
      const form = new URLSearchParams(request.body)
      if (form.get('apikey')?.startsWith('wrong') === true) {
        const context = { requestId: 'r-1', url: 'https://iam.cloud.ibm.com', locale: 'en_US' }
        const errorMessage = 'Provided API key could not be found.'
        return { status: 400, json: { errorCode: 'BXNIM0415E', errorMessage, context } }
      }
      this.sold += 1
      const token = `token-${this.sold}-of-${form.get('apikey')}`
      return { json: { access_token: token, token_type: 'Bearer', expires_in: 3600, expiration: 1 }, delayMs: 20 }
    },
    'POST /ml/v1/chat/completions': (request) => this.refusal(request) ?? { json: completion },
    'GET /ml/v1/models': (request) =>
      this.refusal(request) ?? {
        json: { object: 'list', data: Object.keys(specifications).map((id) => ({ id, object: 'model' })) },
      },
    'GET /ml/v1/foundation_model_specs': {
      json: {
        resources: Object.entries(specifications).map(([model_id, [functions, model_limits]]) => ({
          model_id,
          functions: functions.map((id) => ({ id })),
          model_limits,
        })),
      },
    },
    'POST /ml/v1/text/embeddings': (request) =>
      this.refusal(request) ?? {
        json: {
          model_id: 'ibm/slate-30m-english-rtrvr-v2',
          results: [{ embedding: [0.5, -0.25] }, { embedding: [1, 2] }],
          created_at: '2026-01-01T00:00:00.000Z',
          input_token_count: 9,
        },
      },
    'POST /ml/v1/text/rerank': {
      json: {
        model_id: 'cross-encoder/ms-marco-minilm-l-12-v2',
        results: [
          { index: 1, score: 0.25 },
          { index: 0, score: 7.5 },
        ],
        input_token_count: 20,
      },
    },
  }

  private refusal({ headers }: ScriptedRequest): ScriptedReply | undefined {
    const token = headers['authorization']?.replace('Bearer ', '') ?? ''
    if (token.startsWith('token-') && !this.revoked.has(token)) return undefined
    const message = 'Failed to authenticate the request due to an expired token'
    return {
      status: 401,
      json: { errors: [{ code: 'authentication_token_expired', message }], trace: 't-1', status_code: 401 },
    }
  }
}

const specifications: Readonly<Record<string, readonly [readonly string[], JsonObject]>> = {
  'ibm/granite-4-h-small': [['text_chat', 'text_generation'], { max_sequence_length: 131_072 }],
  'ibm/slate-30m-english-rtrvr-v2': [['embedding'], { max_sequence_length: 512, embedding_dimension: 384 }],
  'cross-encoder/ms-marco-minilm-l-12-v2': [['rerank'], { max_sequence_length: 512 }],
  'ibm/granite-ttm-512-96-r2': [['time_series_forecast'], {}],
}

interface Options {
  readonly config?: JsonObject
  readonly replaying?: boolean
  readonly allowPrivateUrls?: boolean
}

function createRig(cloud: IbmCloud, { config = {}, ...more }: Options = {}): Promise<CredentialRig> {
  const { routes } = cloud
  const of = (url: string): JsonObject => ({
    base_url: url,
    iam_url: url,
    api_key: OPERATOR_KEY,
    project_id: 'project-1',
    ...config,
  })
  return createCredentialRig({ definition, routes, config: of, ...more })
}

async function say(provider: InferenceProvider, call: ProviderCall = callWith()): Promise<string> {
  const reply = await provider.chatCompletion?.(chat, call)
  return bodyOf(reply)
}

describe('[B056] tokens of IAM', () => {
  it('buys one for a hundred parallel calls, and sends it with each', async () => {
    const cloud = new IbmCloud()
    await using rig = await createRig(cloud)
    const replies = await Promise.all(Array.from({ length: 100 }, () => say(rig.provider)))
    expect(new Set(replies)).toEqual(new Set([JSON.stringify(completion)]))
    expect(cloud.sold).toBe(1)
    const [exchange] = rig.asked('/identity/token')
    expect(Object.fromEntries(new URLSearchParams(exchange?.body))).toEqual({
      grant_type: 'urn:ibm:params:oauth:grant-type:apikey',
      apikey: OPERATOR_KEY,
    })
    expect(exchange?.headers['content-type']).toBe('application/x-www-form-urlencoded')
    const sent = rig.asked('/ml/v1/chat/completions').map(({ headers }) => headers['authorization'])
    expect(new Set(sent)).toEqual(new Set([`Bearer token-1-of-${OPERATOR_KEY}`]))
  })

  it('escapes the key: it is part of a form', async () => {
    await using rig = await createRig(new IbmCloud(), { config: { api_key: 'a+b&apikey=c' } })
    await say(rig.provider)
    expect(new URLSearchParams(rig.asked('/identity/token')[0]?.body).getAll('apikey')).toEqual(['a+b&apikey=c'])
  })

  it('buys the next before the last is over, and one at once when it is', async () => {
    const cloud = new IbmCloud()
    await using rig = await createRig(cloud)
    const sent = async (): Promise<string | undefined> => {
      await say(rig.provider)
      return rig.asked('/ml/v1/chat/completions').at(-1)?.headers['authorization']
    }
    expect(await sent()).toContain('token-1-')
    rig.passTime(HOUR_MS - 240_000)
    expect(await sent()).toContain('token-1-')
    await expect.poll(sent).toContain('token-2-')
    expect(cloud.sold).toBe(2)
    rig.passTime(2 * HOUR_MS)
    expect(await sent()).toContain('token-3-')
  })

  it('drops a token that is refused, and sends the call once more', async () => {
    const cloud = new IbmCloud()
    await using rig = await createRig(cloud)
    await say(rig.provider)
    cloud.revoked.add(`token-1-of-${OPERATOR_KEY}`)
    await Promise.all([say(rig.provider), say(rig.provider)])
    expect(cloud.sold).toBe(2)
    cloud.revoked.add(`token-2-of-${OPERATOR_KEY}`)
    const failure = await failureOf(say(rig.provider))
    expect(failure).toMatchObject({
      code: 'provider_authentication',
      details: { vendorCode: 'authentication_token_expired', status: 401 },
    })
    expect(cloud.sold).toBe(2)
  })

  it('keeps those of callers apart, and never sends one caller’s for another', async () => {
    const cloud = new IbmCloud()
    await using rig = await createRig(cloud)
    const keys = ['ann', 'bob', 'ann', 'bob']
    await Promise.all(keys.map((key) => say(rig.provider, callWith({ watsonx_api_key: key }))))
    await say(rig.provider)
    expect(cloud.sold).toBe(3)
    const sent = rig.asked('/ml/v1/chat/completions').map(({ headers }) => headers['authorization']?.split('-of-')[1])
    expect(sent).toEqual(expect.arrayContaining(['ann', 'bob']))
    expect(sent.filter((key) => key === 'ann')).toHaveLength(2)
    expect(sent.at(-1)).toBe(OPERATOR_KEY)
  })

  it('tells IAM’s refusal as one of the credentials, without the key', async () => {
    await using rig = await createRig(new IbmCloud())
    const failure = await failureOf(say(rig.provider, callWith({ watsonx_api_key: 'wrong-key' })))
    expect(failure).toMatchObject({ code: 'provider_authentication', status: 401 })
    expect(failure.message).toContain('Provided API key could not be found.')
    expect(failure.details).toMatchObject({ vendorCode: 'BXNIM0415E' })
    expect(inspect(failure, { depth: 9 })).not.toContain('wrong-key')
    expect(rig.asked('/ml/v1/chat/completions')).toHaveLength(0)
    // The operator's key still works.
    await say(rig.provider)
  })

  test.each([
    [{ status: 500, json: { errorCode: 'BXNIM0000E', errorMessage: 'Try later.' } }, 'provider_internal'],
    [{ status: 429, json: {} }, 'provider_rate_limited'],
    [{ text: '<html>', status: 200 }, 'provider_bad_reply'],
    [{ json: { token: 'x' } }, 'provider_bad_reply'],
  ] as const)('an IAM that answers %j is %s', async (answer, code) => {
    const { routes } = new IbmCloud()
    await using rig = await createCredentialRig({
      definition,
      routes: { ...routes, 'POST /identity/token': answer },
      config: (url) => ({ base_url: url, iam_url: url, api_key: OPERATOR_KEY, project_id: 'p' }),
    })
    const failure = await failureOf(say(rig.provider))
    expect(failure.code).toBe(code)
    expect(failure.message).toContain('127.0.0.1')
  })

  it('buys none for a replay', async () => {
    const cloud = new IbmCloud()
    await using rig = await createRig(cloud, { replaying: true, config: { api_key: '' } })
    const failure = await failureOf(say(rig.provider))
    expect(failure.code).toBe('provider_authentication')
    expect(cloud.sold).toBe(0)
  })
})

describe('a chat', () => {
  it('goes to the versioned path with the project, and without what watsonx refuses', async () => {
    await using rig = await createRig(new IbmCloud())
    const request = { ...chat, parallel_tool_calls: false, stream: false, temperature: 0 }
    await bodyOf(await rig.provider.chatCompletion?.(request, callWith()))
    const [asked] = rig.asked('/ml/v1/chat/completions')
    expect(asked?.path).toBe('/ml/v1/chat/completions?version=2023-10-25')
    expect(asked?.json()).toEqual({ ...chat, stream: false, temperature: 0, project_id: 'project-1' })
  })

  it('carries images inside: watsonx fetches none', async () => {
    const pixel = Buffer.from('89504e470d0a1a0a', 'hex')
    await using pictures = await createScriptedUpstream({
      handler: () => ({ bytes: pixel, headers: { 'content-type': 'image/png' } }),
    })
    const cloud = new IbmCloud()
    await using rig = await createRig(cloud, { allowPrivateUrls: true })
    const image = { type: 'image_url' as const, image_url: { url: `${pictures.url}/a.png` } }
    const request: ChatCompletionRequest = { ...chat, messages: [{ role: 'user', content: [image] }] }
    await bodyOf(await rig.provider.chatCompletion?.(request, callWith()))
    expect(rig.asked('/ml/v1/chat/completions')[0]?.body).toContain('data:image/png;base64,iVBORw0KGgo=')
  })

  it('goes to the project of the caller', async () => {
    await using rig = await createRig(new IbmCloud())
    await say(rig.provider, callWith({ watsonx_project_id: 'project-2' }))
    expect(rig.asked('/ml/v1/chat/completions')[0]?.json()).toMatchObject({ project_id: 'project-2' })
  })

  test.each([
    [{ url: 'https://eu-de.ml.cloud.ibm.com' }, 'eu-de'],
    [{ base_url: 'https://eu-gb.ml.cloud.ibm.com/' }, 'eu-gb'],
    [{}, 'us-south'],
  ])('goes to the region of %j', (config, region) => {
    const sent: string[] = []
    const upstream = {
      send({ url }: { readonly url: string }) {
        sent.push(url)
        return new Promise<never>(() => undefined)
      },
      with: () => upstream,
    }
    const settings = definition.config.parse({ ...config, api_key: 'k' })
    const input = { id: 'p', config: settings, deps: {}, upstream, replaying: true, clock: { now: () => 0 } }
    void definition.create(input as never).chatCompletion?.(chat, callWith())
    return expect
      .poll(() => sent)
      .toEqual([`https://${region}.ml.cloud.ibm.com/ml/v1/chat/completions?version=2023-10-25`])
  })
})

const recordings = fileURLToPath(new URL('../../../../../../shared/recordings/ogx/common', import.meta.url))
const isAbsent = !existsSync(recordings)
// eslint-disable-next-line no-console -- a skip has to be heard
if (isAbsent) console.warn(`skipped: no recordings of upstream at ${recordings}`)

it.skipIf(isAbsent)('replays the list that upstream recorded (needs ../shared)', async () => {
  const upstream = {
    send: () => Promise.reject(new TypeError('nothing is live in a replay')),
    with: () => upstream,
  }
  const directory = mkdtempSync(join(tmpdir(), 'watsonx-'))
  const of = /\/ml\/v1\/v1\/models/
  for (const file of readdirSync(recordings).filter((name) => of.test(readFileSync(join(recordings, name), 'utf8')))) {
    copyFileSync(join(recordings, file), join(directory, file))
  }
  const options = { mode: 'replay', directory, upstream, clock: systemClock, log: silentLog } as const
  await using replay = createRecordedUpstream(options)
  const config = definition.config.parse({ project_id: '1461945d-7925-4b82-b90b-ecd907a98d77' })
  const input = { id: 'watsonx', config, deps: {}, upstream: replay, clock: systemClock, replaying: true }
  const models = await definition.create(input as never).models?.(callWith())
  rmSync(directory, { recursive: true })
  expect(models?.map(({ id }) => id)).toContain('meta-llama/llama-3-3-70b-instruct')
})

describe('why it is off', () => {
  test.each([
    [{ api_key: '' }, 'no key; set api_key (WATSONX_API_KEY)'],
    [{ project_id: '' }, 'no project; set project_id (WATSONX_PROJECT_ID)'],
    [{}, undefined],
  ])('%j: %s', async (config, reason) => {
    await using rig = await createRig(new IbmCloud(), { config })
    expect(rig.off).toBe(reason)
  })
})

it('lists what can be called, with what the specifications say of it', async () => {
  await using rig = await createRig(new IbmCloud())
  expect(await rig.provider.models?.(callWith())).toEqual([
    { id: 'ibm/granite-4-h-small', type: 'llm', metadata: { context_length: 131_072 } },
    {
      id: 'ibm/slate-30m-english-rtrvr-v2',
      type: 'embedding',
      metadata: { context_length: 512, embedding_dimension: 384 },
    },
    { id: 'cross-encoder/ms-marco-minilm-l-12-v2', type: 'rerank', metadata: { context_length: 512 } },
  ])
  expect(rig.asked('/ml/v1/models')[0]?.path).toBe('/ml/v1/models?version=2023-10-25&project_id=project-1')
  expect(await rig.provider.health?.(callWith())).toEqual({ status: 'OK' })
})

describe('embeddings', () => {
  const request = { model: 'ibm/slate-30m-english-rtrvr-v2', input: ['rain', 'sun'] }

  it('come in OpenAI’s shape', async () => {
    await using rig = await createRig(new IbmCloud())
    const reply = await rig.provider.embeddings?.(
      { ...request, user: 'u', parameters: { truncate_input_tokens: 9 } },
      callWith(),
    )
    expect(reply).toEqual({
      kind: 'value',
      value: {
        object: 'list',
        model: request.model,
        data: [
          { object: 'embedding', index: 0, embedding: [0.5, -0.25] },
          { object: 'embedding', index: 1, embedding: [1, 2] },
        ],
        usage: { prompt_tokens: 9, total_tokens: 9 },
      },
    })
    const [asked] = rig.asked('/ml/v1/text/embeddings')
    expect(asked?.path).toContain('?version=2023-10-25')
    expect(asked?.json()).toEqual({
      model_id: request.model,
      inputs: ['rain', 'sun'],
      project_id: 'project-1',
      parameters: { truncate_input_tokens: 9 },
    })
  })

  it('come in base64 when asked', async () => {
    await using rig = await createRig(new IbmCloud())
    const reply = await rig.provider.embeddings?.({ ...request, encoding_format: 'base64' }, callWith())
    const packed = Buffer.from(new Float32Array([0.5, -0.25]).buffer).toString('base64')
    expect(reply).toMatchObject({ value: { data: [{ embedding: packed }, {}] } })
  })

  test.each([
    ['input', { input: [[1, 2]] }],
    ['dimensions', { dimensions: 64 }],
  ])('refuse %s that watsonx does not take', async (param, more) => {
    await using rig = await createRig(new IbmCloud())
    const failure = await failureOf(rig.provider.embeddings?.({ ...request, ...more }, callWith()))
    expect(failure).toMatchObject({ code: 'invalid_value', param })
  })

  it('are refused where there are not as many vectors as texts', async () => {
    await using rig = await createRig(new IbmCloud())
    const failure = await failureOf(rig.provider.embeddings?.({ ...request, input: 'one' }, callWith()))
    expect(failure.code).toBe('provider_bad_reply')
  })
})

it('reranks, the most relevant first', async () => {
  await using rig = await createRig(new IbmCloud())
  const model = 'cross-encoder/ms-marco-minilm-l-12-v2'
  const request = { model, query: 'rain', items: ['wet', 'dry'], max_num_results: 1 }
  expect(await rig.provider.rerank?.(request, callWith())).toEqual({
    kind: 'value',
    value: { data: [{ index: 0, relevance_score: 7.5 }] },
  })
  const [asked] = rig.asked('/ml/v1/text/rerank')
  expect(asked?.path).toContain('?version=2023-10-25')
  expect(asked?.json()).toEqual({
    model_id: model,
    query: 'rain',
    inputs: [{ text: 'wet' }, { text: 'dry' }],
    parameters: { return_options: { top_n: 1 } },
    project_id: 'project-1',
  })
})
