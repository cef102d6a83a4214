import { bug, isStackError } from '@llama-stack/api'
import type { ChatCompletionRequest, ProviderEnvironment } from '@llama-stack/api'
import { describe, expect, it, test } from 'vitest'
import { readAll } from '../../kernel/byte-stream.ts'
import { createBedrockRig } from '../../testing/bedrock-rig.ts'
import type { BedrockRig } from '../../testing/bedrock-rig.ts'
import type { ScriptedReply, ScriptedRequest } from '../../testing/scripted-upstream.ts'

const CLAUDE = 'anthropic.claude-3-haiku-20240307-v1:0'
const CONVERSE = `POST /model/${encodeURIComponent(CLAUDE)}/converse`
const request: ChatCompletionRequest = { model: CLAUDE, messages: [{ role: 'user', content: 'Hello' }] }
const answer: ScriptedReply = {
  json: {
    output: { message: { role: 'assistant', content: [{ text: 'Hi.' }] } },
    stopReason: 'end_turn',
    usage: { inputTokens: 1, outputTokens: 2, totalTokens: 3 },
  },
}
const unsigned = { aws_access_key_id: null, aws_secret_access_key: null }

async function failureOf(rig: BedrockRig, more: Partial<ChatCompletionRequest> = {}) {
  try {
    await rig.provider.chatCompletion({ ...request, ...more }, rig.call())
  } catch (error) {
    if (isStackError(error)) return error
    throw error
  }
  return bug('the call did not fail')
}

function refusal(status: number, type: string, headers: Readonly<Record<string, string>> = {}): ScriptedReply {
  return { status, headers: { 'x-amzn-errortype': type, ...headers }, json: { message: 'No.' } }
}

describe('a call', () => {
  it('is signed for the region, with the token of temporary keys', async () => {
    await using rig = await createBedrockRig(
      { [CONVERSE]: answer },
      { config: { aws_session_token: 'session', region_name: 'eu-central-1' } },
    )
    await rig.provider.chatCompletion(request, rig.call())
    const [asked] = rig.aws.requests
    expect(asked?.headers['authorization']).toContain('/eu-central-1/bedrock/aws4_request')
    expect(asked?.headers['x-amz-security-token']).toBe('session')
  })

  test.each<[string, object, ProviderEnvironment, string]>([
    ['the settings', { ...unsigned, api_key: 'own key' }, {}, 'own key'],
    ['the settings, though there are keys of AWS', { api_key: 'own key' }, {}, 'own key'],
    ['the variables', unsigned, { AWS_BEARER_TOKEN_BEDROCK: 'env key' }, 'env key'],
  ])('carries the key of %s', async (_name, config, ...[env, expected]) => {
    await using rig = await createBedrockRig({ [CONVERSE]: answer }, { config: { ...config }, env })
    await rig.provider.chatCompletion(request, rig.call())
    expect(rig.aws.requests[0]?.headers['authorization']).toBe(`Bearer ${expected}`)
  })

  it('carries the key of its caller before all others, and is not signed', async () => {
    await using rig = await createBedrockRig({ [CONVERSE]: answer }, { config: { api_key: 'own key' } })
    const call = rig.call({ providerData: { aws_bearer_token_bedrock: 'caller key' } })
    await rig.provider.chatCompletion(request, call)
    expect(rig.aws.requests[0]?.headers['authorization']).toBe('Bearer caller key')
    expect(rig.aws.requests[0]?.headers['x-amz-date']).toBeUndefined()
  })

  it('without any of these says what to set', async () => {
    await using rig = await createBedrockRig({ [CONVERSE]: answer }, { config: unsigned })
    expect(await failureOf(rig)).toMatchObject({
      code: 'provider_key_missing',
      message: expect.stringMatching(/AWS_BEARER_TOKEN_BEDROCK.*aws_bearer_token_bedrock/),
    })
    expect(rig.aws.requests).toEqual([])
  })

  it('is made in a role, which is taken on once', async () => {
    const sts: ScriptedReply = {
      text: `<Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>role secret</SecretAccessKey><SessionToken>st</SessionToken><Expiration>${new Date(Date.now() + 3_600_000).toISOString()}</Expiration></Credentials>`,
    }
    await using rig = await createBedrockRig(
      { [CONVERSE]: answer, 'POST /': sts },
      { config: { aws_role_arn: 'arn:aws:iam::1:role/r' }, secrets: { ASIAROLE: 'role secret' } },
    )
    await Promise.all([1, 2, 3].map(() => rig.provider.chatCompletion(request, rig.call())))
    const credentials = rig.aws.requests.map(({ path, headers }) => [
      path,
      /Credential=([^/]+)/.exec(headers['authorization'] ?? '')?.[1],
    ])
    const converse = `/model/${encodeURIComponent(CLAUDE)}/converse`
    expect(credentials).toEqual([
      ['/', 'AKIARIG'],
      [converse, 'ASIAROLE'],
      [converse, 'ASIAROLE'],
      [converse, 'ASIAROLE'],
    ])
  })

  it('whose temporary keys have ended is made once more with new ones', async () => {
    let taken = 0
    const sts = (): ScriptedReply => {
      taken += 1
      return {
        text: `<AccessKeyId>ASIA${taken}</AccessKeyId><SecretAccessKey>s${taken}</SecretAccessKey><SessionToken>t</SessionToken><Expiration>${new Date(Date.now() + 3_600_000).toISOString()}</Expiration>`,
      }
    }
    const onlySecond = ({ headers }: ScriptedRequest): ScriptedReply =>
      headers['authorization']?.includes('ASIA2') === true ? answer : refusal(403, 'ExpiredTokenException')
    await using rig = await createBedrockRig(
      { [CONVERSE]: onlySecond, 'POST /': sts },
      { config: { aws_role_arn: 'arn:r' }, secrets: { ASIA1: 's1', ASIA2: 's2' } },
    )
    await rig.provider.chatCompletion(request, rig.call())
    await rig.provider.chatCompletion(request, rig.call())
    expect(rig.aws.requests.map(({ path }) => path === '/')).toEqual([true, false, true, false, false])
  })

  it('with keys that stay expired fails after one more try', async () => {
    await using rig = await createBedrockRig({ [CONVERSE]: refusal(403, 'ExpiredTokenException') })
    expect(await failureOf(rig)).toMatchObject({ code: 'provider_authentication', status: 403 })
    expect(rig.aws.requests).toHaveLength(2)
    await failureOf(rig)
    expect(rig.aws.requests).toHaveLength(3)
  })
})

describe('a clock that is wrong', () => {
  const AHEAD_MS = 40 * 60_000

  /** Accepts what was signed within five minutes of its own time. */
  const strict = ({ headers }: ScriptedRequest): ScriptedReply => {
    const [, day = '', time = ''] = /^(\d{8})T(\d{6})Z$/.exec(headers['x-amz-date'] ?? '') ?? []
    const iso = `${day.replace(/(....)(..)(..)/, '$1-$2-$3')}T${time.replace(/(..)(..)(..)/, '$1:$2:$3')}Z`
    const isTimely = Math.abs(Date.parse(iso) - Date.now()) < 5 * 60_000
    return isTimely ? answer : refusal(403, 'InvalidSignatureException:http://internal.amazon.com/coral/')
  }

  test.each([-AHEAD_MS, AHEAD_MS])('by %i ms is corrected by that of AWS, once', async (offsetMs) => {
    await using rig = await createBedrockRig({ [CONVERSE]: strict }, { nowMs: () => Date.now() + offsetMs })
    await rig.provider.chatCompletion(request, rig.call())
    expect(rig.aws.requests).toHaveLength(2)
    await rig.provider.chatCompletion(request, rig.call())
    expect(rig.aws.requests).toHaveLength(3)
  })

  it('is not suspected where the time is right and the signature is not', async () => {
    await using rig = await createBedrockRig({ [CONVERSE]: answer }, { config: { aws_secret_access_key: 'wrong' } })
    expect(await failureOf(rig)).toMatchObject({ code: 'provider_authentication', status: 403 })
    expect(rig.aws.requests).toHaveLength(1)
  })
})

describe('OpenAI’s protocol', () => {
  const OPENAI = 'POST /openai/v1/chat/completions'
  const completion = {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model: 'openai.gpt-oss-20b-1:0',
    choices: [{ index: 0, message: { role: 'assistant', content: 'Hi.' }, finish_reason: 'stop' }],
  }
  const gpt = { ...request, model: 'openai.gpt-oss-20b-1:0' }

  it('is spoken to models of OpenAI, signed, and its replies are handed over as they are', async () => {
    await using rig = await createBedrockRig(
      { [OPENAI]: { json: completion } },
      { config: { region_name: 'us-west-2' } },
    )
    const reply = await rig.provider.chatCompletion({ ...gpt, reasoning_effort: 'low' }, rig.call({ testId: 't' }))
    if (reply.kind !== 'upstream') bug('the reply is not relayed')
    expect(JSON.parse(Buffer.from(await readAll(reply.response.body, 10_000, 'p')).toString())).toEqual(completion)
    expect(rig.aws.requests[0]?.json()).toEqual({ ...gpt, reasoning_effort: 'low' })
    expect(rig.aws.requests[0]?.headers['authorization']).toContain('/us-west-2/bedrock/')
    expect(rig.sent[0]?.recording).toMatchObject({
      kind: 'inference',
      baseUrl: `${rig.aws.url}/openai/v1`,
      endpoint: '/v1/chat/completions',
      testId: 't',
    })
  })

  it('may be chosen for all models, and Converse too', async () => {
    await using all = await createBedrockRig({ [OPENAI]: { json: completion } }, { config: { wire: 'openai' } })
    expect(await all.provider.chatCompletion(request, all.call())).toMatchObject({ kind: 'upstream' })
    const path = `POST /model/${encodeURIComponent(gpt.model)}/converse`
    await using none = await createBedrockRig({ [path]: answer }, { config: { wire: 'converse' } })
    expect(await none.provider.chatCompletion(gpt, none.call())).toMatchObject({ kind: 'value' })
  })

  it('asks for usage where it is accounted for, and takes it out again', async () => {
    await using rig = await createBedrockRig({ [OPENAI]: { events: [] } }, { accounting: true })
    const reply = await rig.provider.chatCompletion({ ...gpt, stream: true }, rig.call())
    expect(rig.aws.requests[0]?.json()).toMatchObject({ stream_options: { include_usage: true } })
    expect(reply).toMatchObject({ quirks: { stripUsageChunk: true } })
  })

  it('has the errors of AWS', async () => {
    await using rig = await createBedrockRig({ [OPENAI]: refusal(429, 'ThrottlingException', { 'retry-after': '2' }) })
    expect(await failureOf(rig, gpt)).toMatchObject({
      code: 'provider_rate_limited',
      details: { retryAfterMs: 2000, vendorCode: 'ThrottlingException' },
    })
  })
})

describe('a failure', () => {
  test.each<[number, string, string, number]>([
    [429, 'ThrottlingException', 'provider_rate_limited', 429],
    [400, 'ServiceQuotaExceededException', 'provider_quota_exceeded', 429],
    [403, 'AccessDeniedException', 'provider_authentication', 403],
    [403, 'UnrecognizedClientException', 'provider_authentication', 403],
    [408, 'ModelTimeoutException', 'provider_timeout', 504],
    [429, 'ModelNotReadyException', 'provider_internal', 503],
    [424, 'ModelErrorException', 'provider_internal', 502],
    [500, 'InternalServerException', 'provider_internal', 500],
    [503, 'ServiceUnavailableException', 'provider_internal', 503],
    [400, 'ValidationException', 'provider_invalid_request', 400],
    [404, 'ResourceNotFoundException', 'provider_invalid_request', 404],
    [418, 'TeapotException', 'provider_invalid_request', 418],
  ])('%i %s is %s with status %i', async (status, type, ...[code, seen]) => {
    const aws = `${type}:http://internal.amazon.com/coral/com.amazon.bedrock/`
    await using rig = await createBedrockRig({ [CONVERSE]: refusal(status, aws) })
    expect(await failureOf(rig)).toMatchObject({ code, status: seen, message: expect.stringContaining('No.') })
  })

  it('is known by its body where no header names it, in either spelling', async () => {
    const json = { __type: 'com.amazon.coral.service#AccessDeniedException', Message: 'Authentication failed.' }
    await using rig = await createBedrockRig({ [CONVERSE]: { status: 403, json } })
    expect(await failureOf(rig)).toMatchObject({
      code: 'provider_authentication',
      message: expect.stringContaining('Authentication failed.'),
    })
  })

  it('by a filter is one of content', async () => {
    const json = { message: 'This request has been blocked by our content filters.' }
    const headers = { 'x-amzn-errortype': 'ValidationException' }
    await using rig = await createBedrockRig({ [CONVERSE]: { status: 400, headers, json } })
    expect(await failureOf(rig)).toMatchObject({ code: 'provider_content_policy', status: 400 })
  })
})
