import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { bug } from '@llama-stack/api'
import type { ChatCompletionRequest, InferenceProvider, JsonObject, ProviderCall } from '@llama-stack/api'
import { afterAll, describe, expect, it, test } from 'vitest'
import { callWith, createCredentialRig } from '../../testing/credential-rig.ts'
import type { CredentialRig, CredentialRigOptions } from '../../testing/credential-rig.ts'
import { bodyOf, failureOf } from '../../testing/inference-conformance.ts'
import type { ScriptedReply, ScriptedRequest, ScriptedRoute } from '../../testing/scripted-upstream.ts'
import { findEntraIdentity } from './_entra-access.ts'
import { providers } from './openai-compatible.ts'

const HOUR_MS = 3_600_000
const CHATS = '/openai/v1/chat/completions'
const SECRET = 'secret-of-the-application'
const completion = { id: 'chatcmpl-1', object: 'chat.completion', choices: [] }
const chat: ChatCompletionRequest = { model: 'gpt-5-mini', messages: [{ role: 'user', content: 'hi' }] }
const definition = providers.find(({ type }) => type === 'remote::azure') ?? bug('no row for Azure')

const folder = mkdtempSync(join(tmpdir(), 'entra-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Azure: Entra and the endpoints of machines sell `token-<n>`, and the vendor takes those that are not revoked. */
class AzureCloud {
  readonly revoked = new Set<string>()
  sold = 0

  readonly routes: Readonly<Record<string, ScriptedRoute>> = {
    'POST /tenant-1/oauth2/v2.0/token': (request) => {
      const form = new URLSearchParams(request.body)
      if (form.get('client_secret')?.startsWith('wrong') === true) return wrongSecret
      return { json: { token_type: 'Bearer', expires_in: 3599, ext_expires_in: 3599, access_token: this.sell() } }
    },
    'GET /metadata/identity/oauth2/token': ({ headers }) => {
      if (headers['metadata'] !== 'true') return { status: 400, json: { error: 'bad_request_102' } }
      return { json: { access_token: this.sell(), expires_in: '3599', expires_on: '1', token_type: 'Bearer' } }
    },
    // App Service tells the date only, in seconds within a string.
    'GET /msi/token': { json: { access_token: 'token-msi', expires_on: '1780275600', token_type: 'Bearer' } },
    [`POST ${CHATS}`]: (request) => this.answer(request),
  }

  private sell(): string {
    this.sold += 1
    return `token-${this.sold}`
  }

  private answer({ headers }: ScriptedRequest): ScriptedReply {
    if (headers['api-key'] !== undefined) return { json: completion }
    const token = headers['authorization']?.replace('Bearer ', '') ?? ''
    if (token.startsWith('token-') && !this.revoked.has(token)) return { json: completion }
    return { status: 401, json: { error: { code: 'Unauthorized', message: 'Access token is missing or invalid.' } } }
  }
}

const wrongSecret: ScriptedReply = {
  status: 401,
  json: {
    error: 'invalid_client',
    error_description:
      "AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app 'client-1'. Trace ID: 0 Correlation ID: 1 Timestamp: 2026-06-01 00:00:00Z",
    error_codes: [7_000_215],
    timestamp: '2026-06-01 00:00:00Z',
    error_uri: 'https://login.microsoftonline.com/error?code=7000215',
  },
}

type Rest = Partial<Pick<CredentialRigOptions, 'env' | 'replaying' | 'allowPrivateUrls'>>

function createRig(cloud: AzureCloud, config: JsonObject, rest: Rest = {}): Promise<CredentialRig> {
  const { routes } = cloud
  return createCredentialRig({
    definition,
    routes,
    config: (url) => ({ api_base: url, authority_host: url, ...config }),
    ...rest,
  })
}

const application = { tenant_id: 'tenant-1', client_id: 'client-1', client_secret: SECRET }

async function say(provider: InferenceProvider, call: ProviderCall = callWith()): Promise<string> {
  return bodyOf(await provider.chatCompletion?.(chat, call))
}

function sentTokens(rig: CredentialRig): (string | undefined)[] {
  return rig.asked(CHATS).map(({ headers }) => headers['authorization'])
}

describe('an application with a secret', () => {
  it('gets one token for a hundred parallel calls, sent as a bearer and not as a key', async () => {
    const cloud = new AzureCloud()
    await using rig = await createRig(cloud, application)
    expect(rig.off).toBeUndefined()
    await Promise.all(Array.from({ length: 100 }, () => say(rig.provider)))
    expect(cloud.sold).toBe(1)
    expect(new Set(sentTokens(rig))).toEqual(new Set(['Bearer token-1']))
    expect(rig.asked(CHATS)[0]?.headers['api-key']).toBeUndefined()
    const form = new URLSearchParams(rig.asked('/tenant-1/oauth2/v2.0/token')[0]?.body)
    expect(Object.fromEntries(form)).toEqual({
      grant_type: 'client_credentials',
      client_id: 'client-1',
      client_secret: SECRET,
      scope: 'https://cognitiveservices.azure.com/.default',
    })
  })

  it('gets the next token when the first is over', async () => {
    await using rig = await createRig(new AzureCloud(), application)
    await say(rig.provider)
    rig.passTime(HOUR_MS)
    await say(rig.provider)
    expect(sentTokens(rig)).toEqual(['Bearer token-1', 'Bearer token-2'])
  })

  it('gets the next token when the first is refused, and tries once more', async () => {
    const cloud = new AzureCloud()
    await using rig = await createRig(cloud, application)
    await say(rig.provider)
    cloud.revoked.add('token-1')
    await say(rig.provider)
    expect(sentTokens(rig)).toEqual(['Bearer token-1', 'Bearer token-1', 'Bearer token-2'])
  })

  it('is told what Entra says of a wrong secret, without the secret', async () => {
    await using rig = await createRig(new AzureCloud(), { ...application, client_secret: 'wrong-secret' })
    const failure = await failureOf(say(rig.provider))
    expect(failure).toMatchObject({ code: 'provider_authentication', status: 401 })
    expect(failure.message).toContain('AADSTS7000215: Invalid client secret provided.')
    expect(failure.details).toMatchObject({ vendorCode: 'invalid_client' })
    expect(inspect(failure, { depth: 9 })).not.toContain('wrong-secret')
    expect(rig.asked(CHATS)).toHaveLength(0)
  })

  it('lists and tells its health with the token too', async () => {
    const cloud = new AzureCloud()
    await using rig = await createRig(cloud, application)
    await failureOf(rig.provider.models?.(callWith()))
    expect(rig.asked('/openai/v1/models')[0]?.headers['authorization']).toBe('Bearer token-1')
  })

  it('is not used where there is a key, the operator’s or a caller’s', async () => {
    const cloud = new AzureCloud()
    await using keyed = await createRig(cloud, { ...application, api_key: 'key-1' })
    await say(keyed.provider)
    await using rig = await createRig(cloud, application)
    await say(rig.provider, callWith({ azure_api_key: 'key-2' }))
    expect(cloud.sold).toBe(0)
    expect(keyed.asked(CHATS)[0]?.headers['api-key']).toBe('key-1')
    expect(rig.asked(CHATS)[0]?.headers['api-key']).toBe('key-2')
  })

  it('never shows itself to a host that a caller chose', async () => {
    const cloud = new AzureCloud()
    await using other = await createRig(cloud, application)
    await using rig = await createRig(cloud, application, { allowPrivateUrls: true })
    const alone = await failureOf(say(rig.provider, callWith({ azure_api_base: other.vendor.url })))
    expect(alone.code).toBe('provider_key_missing')
    await say(rig.provider, callWith({ azure_api_base: other.vendor.url, azure_api_key: 'key-3' }))
    expect(other.vendor.requests).toHaveLength(1)
    expect(other.vendor.requests[0]?.headers['authorization']).toBeUndefined()
    expect(cloud.sold).toBe(0)
  })

  it('is not asked for in a replay', async () => {
    const cloud = new AzureCloud()
    await using rig = await createRig(cloud, application, { replaying: true })
    await failureOf(say(rig.provider))
    expect(cloud.sold).toBe(0)
  })
})

describe('a workload with a federated token', () => {
  it('shows the file’s token, as it is at each purchase', async () => {
    const file = join(folder, 'token')
    writeFileSync(file, 'first\n')
    const config = { tenant_id: 'tenant-1', client_id: 'client-1', federated_token_file: file }
    await using rig = await createRig(new AzureCloud(), config)
    await say(rig.provider)
    writeFileSync(file, 'second\n')
    rig.passTime(HOUR_MS)
    await say(rig.provider)
    const [first, second] = rig.asked('/tenant-1/oauth2/v2.0/token').map(({ body }) => new URLSearchParams(body))
    expect(first?.get('client_assertion')).toBe('first')
    expect(first?.get('client_assertion_type')).toBe('urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
    expect(second?.get('client_assertion')).toBe('second')
  })

  it('without the file is a matter of credentials, and the path stays here', async () => {
    const config = { tenant_id: 'tenant-1', client_id: 'c', federated_token_file: join(folder, 'absent') }
    await using rig = await createRig(new AzureCloud(), config)
    const failure = await failureOf(say(rig.provider))
    expect(failure).toMatchObject({ code: 'provider_authentication', status: 401 })
    expect(failure.message).toContain('AZURE_FEDERATED_TOKEN_FILE) cannot be read (ENOENT)')
    expect(failure.message).not.toContain(folder)
  })
})

describe('the machine’s own identity', () => {
  it('comes from the metadata service where it is asked for', async () => {
    const config = { managed_identity: true, client_id: 'identity-1' }
    const env = (url: string): Record<string, string> => ({ AZURE_POD_IDENTITY_AUTHORITY_HOST: url })
    await using rig = await createRig(new AzureCloud(), config, { env })
    await say(rig.provider)
    rig.passTime(HOUR_MS - 600_000)
    await say(rig.provider)
    expect(sentTokens(rig)).toEqual(['Bearer token-1', 'Bearer token-1'])
    const [asked] = rig.asked('/metadata/identity/oauth2/token')
    expect(Object.fromEntries(new URLSearchParams(asked?.path.split('?')[1]))).toEqual({
      'api-version': '2018-02-01',
      resource: 'https://cognitiveservices.azure.com',
      client_id: 'identity-1',
    })
  })

  it('comes from App Service where its variables are set', async () => {
    const env = (url: string): Record<string, string> => ({
      IDENTITY_ENDPOINT: `${url}/msi/token`,
      IDENTITY_HEADER: 'header-1',
    })
    await using rig = await createRig(new AzureCloud(), {}, { env })
    expect(rig.off).toBeUndefined()
    await say(rig.provider)
    await say(rig.provider)
    const asked = rig.asked('/msi/token')
    expect(asked).toHaveLength(1)
    expect(asked[0]?.headers['x-identity-header']).toBe('header-1')
    expect(asked[0]?.path).toBe('/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fcognitiveservices.azure.com')
    expect(sentTokens(rig)).toEqual(['Bearer token-msi', 'Bearer token-msi'])
  })
})

describe('which identity is meant', () => {
  const variables = { AZURE_TENANT_ID: 't', AZURE_CLIENT_ID: 'c' }
  test.each([
    [{}, {}, undefined],
    [{}, variables, undefined],
    [{}, { ...variables, AZURE_CLIENT_SECRET: 's' }, 'secret'],
    [{}, { ...variables, AZURE_FEDERATED_TOKEN_FILE: '/f' }, 'federated'],
    [{}, { ...variables, AZURE_CLIENT_SECRET: 's', AZURE_FEDERATED_TOKEN_FILE: '/f' }, 'secret'],
    [{ client_secret: 's' }, { AZURE_TENANT_ID: 't' }, undefined],
    [{ managed_identity: true }, {}, 'machine'],
    [{ managed_identity: true }, { ...variables, AZURE_CLIENT_SECRET: 's' }, 'secret'],
    [{}, { IDENTITY_ENDPOINT: 'http://e', IDENTITY_HEADER: 'h' }, 'hosted'],
    [{ managed_identity: false }, { IDENTITY_ENDPOINT: 'http://e', IDENTITY_HEADER: 'h' }, undefined],
  ])('%j with %j: %s', (settings, env, kind) => {
    expect(findEntraIdentity(settings, env)?.kind).toBe(kind)
  })

  it('is of Entra’s public cloud unless another is named', () => {
    const env = { ...variables, AZURE_CLIENT_SECRET: 's' }
    expect(findEntraIdentity({}, env)).toMatchObject({ authority: 'https://login.microsoftonline.com/t' })
    const other = { ...env, AZURE_AUTHORITY_HOST: 'https://login.microsoftonline.us/' }
    const scope = 'https://cognitiveservices.azure.us/.default'
    expect(findEntraIdentity({ token_scope: scope }, other)).toMatchObject({
      authority: 'https://login.microsoftonline.us/t',
      scope,
    })
  })

  it('is told to be missing by the name of the key', async () => {
    await using rig = await createRig(new AzureCloud(), { tenant_id: 'tenant-1' })
    expect(rig.off).toBe('no key; set api_key (AZURE_API_KEY)')
  })
})
