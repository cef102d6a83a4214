import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ProviderEnvironment } from '@llama-stack/api'
import { describe, expect, it, test } from 'vitest'
import { createScriptedUpstream } from '../../testing/scripted-upstream.ts'
import type {
  ScriptedReply,
  ScriptedRequest,
  ScriptedRoute,
  ScriptedUpstream,
} from '../../testing/scripted-upstream.ts'
import { verifySigV4 } from '../../testing/verify-sigv4.ts'
import { createUpstream } from '../upstream.ts'
import type { AwsSettings } from './credential-source.ts'
import { toCredentialStore } from './load-credentials.ts'
import type { CredentialStore } from './load-credentials.ts'

const startMs = Date.UTC(2026, 0, 2, 3, 4, 5)
const HOUR_MS = 3_600_000
const keys = { accessKeyId: 'AKBASE', secretAccessKey: 'base secret' }

function toReply(action: string, keyId: string, expiresAtMs = startMs + HOUR_MS): ScriptedReply {
  return {
    headers: { 'content-type': 'text/xml' },
    text: `<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <${action}Result>
    <AssumedRoleUser><AssumedRoleId>AROA:me</AssumedRoleId><Arn>arn:aws:sts::1:assumed-role/r/me</Arn></AssumedRoleUser>
    <Credentials>
      <AccessKeyId>${keyId}</AccessKeyId>
      <SecretAccessKey>a/b+c&amp;d</SecretAccessKey>
      <SessionToken>session==</SessionToken>
      <Expiration>${new Date(expiresAtMs).toISOString()}</Expiration>
    </Credentials>
  </${action}Result>
</${action}Response>`,
  }
}

function toRefusal(status: number, code: string, message: string): ScriptedReply {
  return {
    status,
    headers: { 'content-type': 'text/xml' },
    text: `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`,
  }
}

interface Rig extends AsyncDisposable {
  readonly store: CredentialStore
  readonly vendor: ScriptedUpstream
  readonly clock: { nowMs: number }
  readonly folder: string
}

async function createRig(
  settings: AwsSettings,
  routes: Readonly<Record<string, ScriptedRoute>>,
  env: (url: string, folder: string) => ProviderEnvironment = () => ({}),
): Promise<Rig> {
  const vendor = await createScriptedUpstream({ routes })
  const upstream = createUpstream()
  const folder = mkdtempSync(join(tmpdir(), 'aws-load-'))
  const clock = { nowMs: startMs }
  const store = toCredentialStore(settings, {
    provider: 'bedrock',
    upstream,
    direct: upstream,
    clock: { now: () => clock.nowMs, monotonic: () => clock.nowMs },
    env: {
      AWS_CONFIG_FILE: join(folder, 'config'),
      AWS_SHARED_CREDENTIALS_FILE: join(folder, 'credentials'),
      AWS_EC2_METADATA_DISABLED: 'true',
      ...env(vendor.url, folder),
    },
    signal: new AbortController().signal,
    region: 'eu-west-1',
    stsUrl: `${vendor.url}/`,
  })
  return {
    store,
    vendor,
    clock,
    folder,
    async [Symbol.asyncDispose]() {
      await upstream[Symbol.asyncDispose]()
      await vendor[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true })
    },
  }
}

const formOf = (request: ScriptedRequest | undefined) => Object.fromEntries(new URLSearchParams(request?.body))

describe('a role', () => {
  it('is taken on with a signed call, once, and again before its end', async () => {
    let taken = 0
    const sts = (request: ScriptedRequest): ScriptedReply => {
      taken += 1
      expect(verifySigV4(request, { AKBASE: 'base secret' })).toEqual({
        valid: true,
        accessKeyId: 'AKBASE',
        region: 'eu-west-1',
        service: 'sts',
      })
      return toReply('AssumeRole', `ASIA${taken}`, startMs + taken * HOUR_MS)
    }
    const settings = { ...keys, roleArn: 'arn:aws:iam::1:role/r', roleSessionName: 'a b+c', sessionSeconds: 900 }
    await using rig = await createRig(settings, { 'POST /': sts })
    const got = await Promise.all(Array.from({ length: 10 }, () => rig.store.get()))
    expect(new Set(got.map(({ accessKeyId }) => accessKeyId))).toEqual(new Set(['ASIA1']))
    expect(got[0]).toEqual({ accessKeyId: 'ASIA1', secretAccessKey: 'a/b+c&d', sessionToken: 'session==' })
    expect(formOf(rig.vendor.requests[0])).toEqual({
      Version: '2011-06-15',
      Action: 'AssumeRole',
      RoleArn: 'arn:aws:iam::1:role/r',
      RoleSessionName: 'a b+c',
      DurationSeconds: '900',
    })
    rig.clock.nowMs += HOUR_MS
    expect(await rig.store.get()).toMatchObject({ accessKeyId: 'ASIA2' })
    expect(rig.vendor.requests).toHaveLength(2)
  })

  it('of a profile is taken on with that of its source', async () => {
    const sts = (request: ScriptedRequest): ScriptedReply => {
      const { RoleArn: arn, ExternalId: externalId } = formOf(request)
      const verdict = verifySigV4(request, { AKBASE: 'base secret', ASIAmiddle: 'a/b+c&d' })
      expect(verdict.valid).toBe(true)
      if (arn === 'arn:middle') return toReply('AssumeRole', 'ASIAmiddle')
      expect(verdict).toMatchObject({ accessKeyId: 'ASIAmiddle' })
      expect(request.headers['x-amz-security-token']).toBe('session==')
      expect(externalId).toBe('outside')
      return toReply('AssumeRole', 'ASIAlast')
    }
    await using rig = await createRig({ profile: 'last' }, { 'POST /': sts })
    writeFileSync(
      join(rig.folder, 'config'),
      '[profile last]\nrole_arn=arn:last\nsource_profile=middle\nexternal_id=outside\n[profile middle]\nrole_arn=arn:middle\nsource_profile=base\n',
    )
    writeFileSync(
      join(rig.folder, 'credentials'),
      '[base]\naws_access_key_id=AKBASE\naws_secret_access_key=base secret\n',
    )
    expect(await rig.store.get()).toMatchObject({ accessKeyId: 'ASIAlast' })
  })

  it('is taken on with the token of a file, which is read each time, unsigned', async () => {
    const tokens: unknown[] = []
    const sts = (request: ScriptedRequest): ScriptedReply => {
      expect(request.headers['authorization']).toBeUndefined()
      tokens.push(formOf(request)['WebIdentityToken'])
      return toReply('AssumeRoleWithWebIdentity', `ASIA${tokens.length}`, startMs + tokens.length * HOUR_MS)
    }
    await using rig = await createRig({}, { 'POST /': sts }, (_url, folder) => ({
      AWS_ROLE_ARN: 'arn:pod',
      AWS_WEB_IDENTITY_TOKEN_FILE: join(folder, 'token'),
    }))
    writeFileSync(join(rig.folder, 'token'), 'first\n')
    expect(await rig.store.get()).toMatchObject({ accessKeyId: 'ASIA1' })
    writeFileSync(join(rig.folder, 'token'), 'second')
    rig.clock.nowMs += HOUR_MS
    expect(await rig.store.get()).toMatchObject({ accessKeyId: 'ASIA2' })
    expect(tokens).toEqual(['first', 'second'])
  })

  test.each<[number, string, string, string]>([
    [403, 'AccessDenied', 'provider_authentication', 'AssumeRole: AccessDenied: not &lt;yours&gt;'],
    [400, 'Throttling', 'provider_rate_limited', 'AssumeRole: Throttling'],
    [503, 'ServiceUnavailable', 'provider_internal', 'AssumeRole: ServiceUnavailable'],
  ])('refused with %i %s fails with %s %s', async (status, code, ...[expected, message]) => {
    await using rig = await createRig(
      { ...keys, roleArn: 'arn:r' },
      { 'POST /': toRefusal(status, code, 'not &lt;yours&gt;') },
    )
    await expect(rig.store.get()).rejects.toMatchObject({
      code: expected,
      message: expect.stringContaining(message.replace('&lt;', '<').replace('&gt;', '>')),
    })
  })

  it('fails where the token cannot be read, without telling the path', async () => {
    await using rig = await createRig({ roleArn: 'arn:r', webIdentityTokenFile: '/no/such/token' }, {})
    const failure = await rig.store.get().catch((error: unknown) => error)
    expect(failure).toMatchObject({
      code: 'provider_authentication',
      message: "Provider 'bedrock' refused the credentials: the web identity token cannot be read",
    })
    expect(rig.vendor.requests).toEqual([])
  })

  it('fails where the reply has no credentials', async () => {
    await using rig = await createRig({ ...keys, roleArn: 'arn:r' }, { 'POST /': { text: '<html>' } })
    await expect(rig.store.get()).rejects.toMatchObject({ code: 'provider_bad_reply' })
  })
})

const fromMetadata = { AccessKeyId: 'ASIAmeta', SecretAccessKey: 's', Token: 't', Expiration: '2026-01-02T04:04:05Z' }

describe('a container', () => {
  it('asks its agent with the token of the variables', async () => {
    const agent = (request: ScriptedRequest): ScriptedReply => {
      expect(request.headers['authorization']).toBe('let me in')
      return { json: fromMetadata }
    }
    await using rig = await createRig({}, { 'GET /v1/credentials': agent }, (url) => ({
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${url}/v1/credentials`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN: 'let me in',
    }))
    expect(await rig.store.get()).toEqual({ accessKeyId: 'ASIAmeta', secretAccessKey: 's', sessionToken: 't' })
    rig.clock.nowMs += HOUR_MS - 30 * 60_000
    await rig.store.get()
    expect(rig.vendor.requests).toHaveLength(1)
  })

  it('reads its token from a file anew each time', async () => {
    const seen: unknown[] = []
    const agent = (request: ScriptedRequest): ScriptedReply => {
      seen.push(request.headers['authorization'])
      return { json: fromMetadata }
    }
    await using rig = await createRig({}, { 'GET /': agent }, (url, folder) => ({
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${url}/`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: join(folder, 'token'),
    }))
    writeFileSync(join(rig.folder, 'token'), 'one')
    await rig.store.get()
    writeFileSync(join(rig.folder, 'token'), 'two')
    rig.clock.nowMs += HOUR_MS
    await rig.store.get()
    expect(seen).toEqual(['one', 'two'])
  })

  it('does not send its token to a host in plain text', async () => {
    await using rig = await createRig({}, {}, () => ({
      AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://example.com/credentials',
      AWS_CONTAINER_AUTHORIZATION_TOKEN: 'let me in',
    }))
    await expect(rig.store.get()).rejects.toMatchObject({
      code: 'provider_authentication',
      message: expect.stringContaining('neither local nor https'),
    })
  })
})

describe('an instance', () => {
  const path = '/latest/meta-data/iam/security-credentials/'
  const machine = (url: string): ProviderEnvironment => ({
    AWS_EC2_METADATA_SERVICE_ENDPOINT: `${url}/`,
    AWS_EC2_METADATA_DISABLED: '',
  })
  const withSession = (reply: ScriptedReply) => (request: ScriptedRequest) =>
    request.headers['x-aws-ec2-metadata-token'] === 'session' ? reply : { status: 401, text: '' }

  it('opens a session, asks for its role and for the keys', async () => {
    const routes = {
      'PUT /latest/api/token': (request: ScriptedRequest): ScriptedReply => {
        expect(request.headers['x-aws-ec2-metadata-token-ttl-seconds']).toBe('21600')
        return { text: 'session' }
      },
      [`GET ${path}`]: withSession({ text: 'my-role\n' }),
      [`GET ${path}my-role`]: withSession({ json: { Code: 'Success', ...fromMetadata } }),
    }
    await using rig = await createRig({}, routes, machine)
    expect(await rig.store.get()).toMatchObject({ accessKeyId: 'ASIAmeta', sessionToken: 't' })
  })

  it('without a role says so', async () => {
    const routes = {
      'PUT /latest/api/token': { text: 'session' },
      [`GET ${path}`]: { status: 404, text: 'Not Found' },
    }
    await using rig = await createRig({}, routes, machine)
    await expect(rig.store.get()).rejects.toMatchObject({
      code: 'provider_authentication',
      message: expect.stringContaining('status 404'),
    })
  })

  it('that sends something else than keys is not believed', async () => {
    const routes = {
      'PUT /latest/api/token': { text: 'session' },
      [`GET ${path}`]: { text: 'my-role' },
      [`GET ${path}my-role`]: { json: { Code: 'AssumeRoleUnauthorizedAccess' } },
    }
    await using rig = await createRig({}, routes, machine)
    await expect(rig.store.get()).rejects.toMatchObject({ message: expect.stringContaining('sent no credentials') })
  })

  it('that nobody answers for is no identity', async () => {
    await using rig = await createRig({}, {}, () => machine('http://127.0.0.1:1'))
    await expect(rig.store.get()).rejects.toMatchObject({
      code: 'provider_authentication',
      message: expect.stringContaining('does not answer (connection refused)'),
    })
  })
})

describe('keys', () => {
  it('of a file are read again after they were refused as expired', async () => {
    await using rig = await createRig({ profile: 'work' }, {})
    const write = (id: string): void =>
      writeFileSync(join(rig.folder, 'credentials'), `[work]\naws_access_key_id=${id}\naws_secret_access_key=s\n`)
    write('AK1')
    const first = await rig.store.get()
    write('AK2')
    expect(await rig.store.get()).toBe(first)
    expect(rig.store.drop(first)).toBe(true)
    expect(await rig.store.get()).toMatchObject({ accessKeyId: 'AK2' })
  })

  it('that nobody set are missed by name', async () => {
    await using rig = await createRig({}, {})
    await expect(rig.store.get()).rejects.toMatchObject({
      code: 'provider_authentication',
      message: expect.stringContaining('set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE'),
    })
  })
})
