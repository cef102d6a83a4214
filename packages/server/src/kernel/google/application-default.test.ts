import { generateKeyPairSync, verify } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { isStackError } from '@llama-stack/api'
import { afterAll, describe, expect, test } from 'vitest'
import { createScriptedUpstream } from '../../testing/scripted-upstream.ts'
import type {
  ScriptedReply,
  ScriptedRequest,
  ScriptedRoute,
  ScriptedUpstream,
} from '../../testing/scripted-upstream.ts'
import { createUpstream } from '../upstream.ts'
import { DEFAULT_KEY, findCredentialsSource, findNamedProject, toGoogleCredentials } from './application-default.ts'
import type { CredentialsSource, GoogleCredentials } from './application-default.ts'

const NOW_MS = 1_760_000_000_000
const keys = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
})

const folder = await mkdtemp(join(tmpdir(), 'google-'))
afterAll(() => rm(folder, { recursive: true }))
let files = 0

async function writeJson(content: unknown): Promise<string> {
  const path = join(folder, `${(files += 1)}.json`)
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

interface Rig extends AsyncDisposable {
  readonly vendor: ScriptedUpstream
  readonly credentials: GoogleCredentials
  readonly clock: { nowMs: number }
  token(): Promise<string>
}

async function createRig(
  toSource: (url: string) => Promise<CredentialsSource> | CredentialsSource,
  routes: Readonly<Record<string, ScriptedRoute>>,
): Promise<Rig> {
  await using opening = new AsyncDisposableStack()
  const vendor = opening.use(await createScriptedUpstream({ routes }))
  const upstream = opening.use(createUpstream())
  const clock = { nowMs: NOW_MS }
  const credentials = toGoogleCredentials(await toSource(vendor.url), {
    provider: 'vertexai',
    upstream,
    local: upstream,
    clock: { now: () => clock.nowMs, monotonic: () => 0 },
    signal: new AbortController().signal,
  })
  const opened = opening.move()
  return {
    vendor,
    credentials,
    clock,
    token: () => credentials.tokens.get(DEFAULT_KEY),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

const file = (content: unknown) => async (): Promise<CredentialsSource> => ({
  kind: 'file',
  path: await writeJson(content),
})
const formOf = (request: ScriptedRequest | undefined): Record<string, string> =>
  Object.fromEntries(new URLSearchParams(request?.body))
const sold = (value: string): ScriptedReply => ({
  json: { access_token: value, expires_in: 3599, token_type: 'Bearer' },
})

const serviceAccount = (url: string): Record<string, unknown> => ({
  type: 'service_account',
  project_id: 'acme',
  private_key_id: 'key-1',
  private_key: keys.privateKey,
  client_email: 'server@acme.iam.gserviceaccount.com',
  client_id: '1',
  token_uri: `${url}/token`,
  universe_domain: 'googleapis.com',
})

/** Plays Google: an assertion whose signature or claims are wrong is refused as Google refuses it. */
function sellForAssertion(request: ScriptedRequest): ScriptedReply {
  const { grant_type: grant, assertion = '' } = formOf(request)
  const [header = '', claims = '', signature = ''] = assertion.split('.')
  const isSigned = verify(
    'RSA-SHA256',
    Buffer.from(`${header}.${claims}`),
    keys.publicKey,
    Buffer.from(signature, 'base64url'),
  )
  const read = (part: string): unknown => JSON.parse(Buffer.from(part, 'base64url').toString())
  if (!isSigned) return { status: 400, json: { error: 'invalid_grant', error_description: 'Invalid JWT Signature.' } }
  return { json: { access_token: JSON.stringify([grant, read(header), read(claims)]), expires_in: 3599 } }
}

describe('a service account', () => {
  test('signs who it is, what it wants and for how long', async () => {
    await using rig = await createRig((url) => file(serviceAccount(url))(), { 'POST /token': sellForAssertion })
    expect(JSON.parse(await rig.token())).toEqual([
      'urn:ietf:params:oauth:grant-type:jwt-bearer',
      { alg: 'RS256', typ: 'JWT', kid: 'key-1' },
      {
        iss: 'server@acme.iam.gserviceaccount.com',
        scope: 'https://www.googleapis.com/auth/cloud-platform',
        aud: `${rig.vendor.url}/token`,
        iat: NOW_MS / 1000,
        exp: NOW_MS / 1000 + 3600,
      },
    ])
    expect(await rig.credentials.findProject()).toBe('acme')
  })

  test('buys one token for many calls, and the next ahead of its end', async () => {
    let count = 0
    await using rig = await createRig((url) => file(serviceAccount(url))(), {
      'POST /token': () => sold(`token-${(count += 1)}`),
    })
    const tokens = await Promise.all(Array.from({ length: 20 }, () => rig.token()))
    expect(new Set(tokens)).toEqual(new Set(['token-1']))
    rig.clock.nowMs += 3_400_000
    expect(await rig.token()).toBe('token-1')
    await expect.poll(() => rig.token()).toBe('token-2')
    expect(rig.vendor.requests).toHaveLength(2)
  })

  test('that Google refuses is told with Google’s words and without the key', async () => {
    const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
      type: 'pkcs8',
      format: 'pem',
    })
    await using rig = await createRig((url) => file({ ...serviceAccount(url), private_key: other })(), {
      'POST /token': sellForAssertion,
    })
    const error = await rig.token().catch((failure: unknown) => failure)
    expect(error).toMatchObject({ code: 'provider_authentication', status: 401 })
    expect(String(error)).toContain('400: invalid_grant: Invalid JWT Signature.')
    expect(inspect(error)).not.toContain(String(other).slice(40, 80))
  })

  test('with a key that is none is told by its name', async () => {
    await using rig = await createRig((url) => file({ ...serviceAccount(url), private_key: 'no key' })(), {})
    await expect(rig.token()).rejects.toThrow('the private key of server@acme.iam.gserviceaccount.com cannot be used')
  })
})

test('a person’s refresh token buys tokens; who pays is told', async () => {
  const person = (url: string): object => ({
    type: 'authorized_user',
    client_id: 'id',
    client_secret: 'secret',
    refresh_token: 'refresh',
    token_uri: `${url}/token`,
    quota_project_id: 'payer',
  })
  await using rig = await createRig((url) => file(person(url))(), { 'POST /token': sold('bought') })
  expect(await rig.token()).toBe('bought')
  expect(formOf(rig.vendor.requests[0])).toEqual({
    grant_type: 'refresh_token',
    client_id: 'id',
    client_secret: 'secret',
    refresh_token: 'refresh',
  })
  expect(await rig.credentials.findQuotaProject()).toBe('payer')
  expect(await rig.credentials.findProject()).toBe('payer')
})

const workload = (url: string, source: object, more: object = {}): object => ({
  type: 'external_account',
  audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/p',
  subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
  token_url: `${url}/sts`,
  credential_source: source,
  ...more,
})

describe('a workload of elsewhere', () => {
  test('trades a token that it finds in a file', async () => {
    const path = await writeJson('from-the-file\n')
    await using rig = await createRig((url) => file(workload(url, { file: path }))(), {
      'POST /sts': sold('federated'),
    })
    expect(await rig.token()).toBe('federated')
    expect(formOf(rig.vendor.requests[0])).toEqual({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/p',
      scope: 'https://www.googleapis.com/auth/cloud-platform',
      requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      subject_token: 'from-the-file',
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    })
  })

  test('asks a URL for its token and then acts as a service account', async () => {
    const source = (url: string): object => ({
      url: `${url}/identity`,
      headers: { 'x-who': 'pod' },
      format: { type: 'json', subject_token_field_name: 'id_token' },
    })
    const expireTime = new Date(NOW_MS + 1_800_000).toISOString()
    await using rig = await createRig(
      (url) =>
        file(
          workload(url, source(url), {
            service_account_impersonation_url: `${url}/v1/projects/-/serviceAccounts/robot:generateAccessToken`,
            service_account_impersonation: { token_lifetime_seconds: 1800 },
          }),
        )(),
      {
        'GET /identity': ({ headers }) => ({ json: { id_token: `of-${headers['x-who']}` } }),
        'POST /sts': (request) => sold(`for-${formOf(request)['subject_token']}`),
        'POST /v1/projects/-/serviceAccounts/robot:generateAccessToken': (request) => ({
          json: { accessToken: JSON.stringify([request.headers['authorization'], request.json()]), expireTime },
        }),
      },
    )
    expect(JSON.parse(await rig.token())).toEqual([
      'Bearer for-of-pod',
      { scope: ['https://www.googleapis.com/auth/cloud-platform'], lifetime: '1800s' },
    ])
    rig.clock.nowMs += 1_795_000
    await rig.token()
    expect(rig.vendor.requests).toHaveLength(6)
  })

  test('names the project of a person, unless it is a client of its own', async () => {
    const path = await writeJson('token')
    const more = { workforce_pool_user_project: 'payer' }
    await using person = await createRig((url) => file(workload(url, { file: path }, more))(), {
      'POST /sts': sold('t'),
    })
    await person.token()
    expect(formOf(person.vendor.requests[0])['options']).toBe('{"userProject":"payer"}')
    const client = { ...more, client_id: 'id', client_secret: 'secret' }
    await using own = await createRig((url) => file(workload(url, { file: path }, client))(), {
      'POST /sts': sold('t'),
    })
    await own.token()
    expect(formOf(own.vendor.requests[0])['options']).toBeUndefined()
    expect(own.vendor.requests[0]?.headers['authorization']).toBe(`Basic ${btoa('id:secret')}`)
  })

  test.each([
    [{ file: join(folder, 'absent') }, 'cannot be read (ENOENT)'],
    [{ environment_id: 'aws1', url: 'http://169.254.169.254/' }, 'read from a file or a URL'],
    [{ executable: { command: 'rm' } }, 'read from a file or a URL'],
  ])('that says %j is refused', async (source, words) => {
    await using rig = await createRig((url) => file(workload(url, source))(), {})
    await expect(rig.token()).rejects.toThrow(words)
  })
})

test('an impersonated account is bought with the credentials of who may act as it', async () => {
  const expireTime = new Date(NOW_MS + 3_600_000).toISOString()
  const content = (url: string): object => ({
    type: 'impersonated_service_account',
    service_account_impersonation_url: `${url}/act`,
    delegates: ['between'],
    source_credentials: serviceAccount(url),
  })
  await using rig = await createRig((url) => file(content(url))(), {
    'POST /token': sold('source'),
    'POST /act': (request) => ({
      json: { accessToken: JSON.stringify([request.headers['authorization'], request.json()]), expireTime },
    }),
  })
  expect(JSON.parse(await rig.token())).toEqual([
    'Bearer source',
    { scope: ['https://www.googleapis.com/auth/cloud-platform'], lifetime: '3600s', delegates: ['between'] },
  ])
})

test('a machine asks its metadata server, also for its project', async () => {
  const onlyGoogle =
    (reply: ScriptedReply): ScriptedRoute =>
    (request) =>
      request.headers['metadata-flavor'] === 'Google' ? reply : { status: 403, text: 'no' }
  await using rig = await createRig((url) => ({ kind: 'machine', origin: url }), {
    'GET /computeMetadata/v1/instance/service-accounts/default/token': onlyGoogle(sold('of-the-machine')),
    'GET /computeMetadata/v1/project/project-id': onlyGoogle({ text: 'acme\n' }),
  })
  expect(await rig.token()).toBe('of-the-machine')
  expect(await rig.credentials.findProject()).toBe('acme')
  expect(await rig.credentials.findQuotaProject()).toBeUndefined()
  expect(rig.vendor.requests[0]?.path).toContain('scopes=https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fcloud-platform')
})

describe('a token reply', () => {
  test.each<readonly [ScriptedReply, string, string]>([
    [{ status: 503, json: { error: 'busy' } }, 'provider_internal', 'busy'],
    [{ status: 429, json: { error: 'slow down' } }, 'provider_rate_limited', 'slow down'],
    [{ status: 403, json: { error: { message: 'not allowed' } } }, 'provider_authentication', '403: not allowed'],
    [{ text: 'hello' }, 'provider_bad_reply', 'not JSON'],
    [{ json: { id_token: 'x' } }, 'provider_bad_reply', 'no token'],
    [{ reset: true }, 'provider_unreachable', 'vertexai'],
  ])('%j fails with %s', async (reply, code, words) => {
    await using rig = await createRig((url) => file(serviceAccount(url))(), { 'POST /token': reply })
    const error = await rig.token().catch((failure: unknown) => failure)
    expect(isStackError(error) && error.code).toBe(code)
    expect(String(error)).toContain(words)
  })
})

test.each([
  ['not JSON', 'holds no Google credentials'],
  [{ type: 'gdch_service_account' }, 'type'],
  [{ type: 'authorized_user', client_id: 'id', client_secret: 'secret' }, 'refresh_token'],
])('the file %j is refused without being quoted', async (content, words) => {
  await using rig = await createRig(file(content), {})
  const error = await rig.token().catch((failure: unknown) => failure)
  expect(error).toMatchObject({ code: 'provider_authentication' })
  expect(String(error)).toContain(words)
  expect(String(error)).not.toContain('secret"')
})

describe('the source', () => {
  test('is the file that is named, then gcloud’s, then the machine', async () => {
    const home = await mkdtemp(join(folder, 'home-'))
    const env = { HOME: home, GCE_METADATA_HOST: 'metadata:80', GOOGLE_APPLICATION_CREDENTIALS: '' }
    expect(findCredentialsSource(env)).toEqual({ kind: 'machine', origin: 'http://metadata:80' })
    await mkdir(join(home, '.config/gcloud'), { recursive: true })
    const gcloud = join(home, '.config/gcloud/application_default_credentials.json')
    await writeFile(gcloud, '{}')
    expect(findCredentialsSource(env)).toEqual({ kind: 'file', path: gcloud })
    const named = { ...env, GOOGLE_APPLICATION_CREDENTIALS: '/named.json' }
    expect(findCredentialsSource(named)).toEqual({ kind: 'file', path: '/named.json' })
    expect(findCredentialsSource(named, '/configured.json')).toEqual({ kind: 'file', path: '/configured.json' })
    const moved = { ...env, CLOUDSDK_CONFIG: join(home, '.config/gcloud'), HOME: '/nowhere' }
    expect(findCredentialsSource(moved)).toEqual({ kind: 'file', path: gcloud })
  })

  test('is the machine where Google runs the container', () => {
    expect(findCredentialsSource({ K_SERVICE: 'server' })).toEqual({
      kind: 'machine',
      origin: 'http://metadata.google.internal',
    })
  })

  test('a project may be named beside it', () => {
    expect(findNamedProject({ GOOGLE_CLOUD_PROJECT: '', GCLOUD_PROJECT: 'old' })).toBe('old')
    expect(findNamedProject({ GOOGLE_CLOUD_PROJECT: 'new', GCLOUD_PROJECT: 'old' })).toBe('new')
    expect(findNamedProject({})).toBeUndefined()
  })
})
