import { execFileSync, spawnSync } from 'node:child_process'
import { createHash, createPublicKey, generateKeyPairSync, verify, X509Certificate } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { bug } from '@llama-stack/api'
import type { ChatCompletionRequest, InferenceProvider, JsonObject, ProviderCall } from '@llama-stack/api'
import { afterAll, describe, expect, it, test } from 'vitest'
import { callWith, createCredentialRig } from '../../testing/credential-rig.ts'
import type { CredentialRig } from '../../testing/credential-rig.ts'
import { bodyOf, failureOf } from '../../testing/inference-conformance.ts'
import type { ScriptedReply, ScriptedRequest, ScriptedRoute } from '../../testing/scripted-upstream.ts'
import { parseProfile } from './_oci-profile.ts'
import { provider as definition } from './oci.ts'

const CHATS = '/20231130/actions/v1/chat/completions'
const KEY_ID = 'ocid1.tenancy.oc1..t/ocid1.user.oc1..u/20:3b:97'
const PASS_PHRASE = 'open-sesame'
const completion = { id: 'chatcmpl-1', object: 'chat.completion', choices: [] }
const chat: ChatCompletionRequest = {
  model: 'meta.llama-3.3-70b-instruct',
  messages: [{ role: 'user', content: 'hé' }],
}
const notAuthenticated: ScriptedReply = {
  status: 401,
  json: {
    code: 'NotAuthenticated',
    message: 'The required information to complete authentication was not provided or was incorrect.',
  },
}

const folder = mkdtempSync(join(tmpdir(), 'oci-'))
afterAll(() => rmSync(folder, { recursive: true }))
const user = generateKeyPairSync('rsa', { modulusLength: 2048 })
const at = (name: string): string => join(folder, name)
writeFileSync(at('key.pem'), user.privateKey.export({ type: 'pkcs8', format: 'pem' }))
writeFileSync(
  at('locked.pem'),
  user.privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: PASS_PHRASE }),
)
writeFileSync(
  at('config'),
  `# Oracle's own tools write this file.
[DEFAULT]
user=ocid1.user.oc1..u
fingerprint=20:3b:97
tenancy = ocid1.tenancy.oc1..t
region=eu-frankfurt-1
key_file=~/key.pem

[LOCKED]
key_file = ${at('locked.pem')}
pass_phrase = ${PASS_PHRASE}

[SHUT]
key_file = ${at('locked.pem')}
pass_phrase = wrong

[SESSION]
security_token_file=${at('token')}

[GONE]
key_file=/nowhere/key.pem
`,
)

/** Checks a signature as the vendor does: by the named headers, the host and the bytes that arrived. */
function isSigned(request: ScriptedRequest, key: KeyObject, host: string): boolean {
  const { headers, method, path, body } = request
  const { headers: names = '', signature = '', algorithm, version } = signatureOf(request)
  const expected = `date (request-target)${host === '' ? '' : ' host'}`
  const ofBody = ' content-length content-type x-content-sha256'
  if (names !== (method === 'POST' ? expected + ofBody : expected)) return false
  if (algorithm !== 'rsa-sha256' || version !== '1') return false
  if (method === 'POST' && headers['x-content-sha256'] !== createHash('sha256').update(body).digest('base64')) {
    return false
  }
  const values: Record<string, string | undefined> = {
    ...headers,
    host,
    '(request-target)': `${method.toLowerCase()} ${path}`,
    'content-length': String(Buffer.byteLength(body)),
  }
  const text = names.split(' ').map((name) => `${name}: ${values[name]}`)
  return verify('sha256', Buffer.from(text.join('\n')), key, Buffer.from(signature, 'base64'))
}

function signatureOf({ headers }: ScriptedRequest): Record<string, string> {
  const [, parts = ''] = /^Signature (.*)$/.exec(headers['authorization'] ?? '') ?? []
  return Object.fromEntries([...parts.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name ?? '', value ?? '']))
}

function toJwt(claims: JsonObject): string {
  return ['{"alg":"RS256"}', JSON.stringify(claims), 'signature']
    .map((part) => Buffer.from(part).toString('base64url'))
    .join('.')
}

interface Setup {
  readonly config?: JsonObject
  readonly env?: (url: string) => Record<string, string>
  readonly routes?: Readonly<Record<string, ScriptedRoute>>
  readonly replaying?: boolean
}

function createRig({ config = {}, routes = {}, env, ...more }: Setup = {}): Promise<CredentialRig> {
  return createCredentialRig({
    definition,
    routes: { [`POST ${CHATS}`]: { json: completion }, ...routes },
    env: (url) => ({ HOME: folder, ...env?.(url) }),
    config: (url) => ({
      base_url: `${url}/20231130/actions/v1`,
      oci_auth_type: 'config_file',
      oci_config_file_path: at('config'),
      oci_compartment_id: 'ocid1.compartment.oc1..c',
      ...config,
    }),
    ...more,
  })
}

async function say(provider: InferenceProvider, call: ProviderCall = callWith()): Promise<string> {
  return bodyOf(await provider.chatCompletion?.(chat, call))
}

function lastChat(rig: CredentialRig): ScriptedRequest {
  return rig.asked(CHATS).at(-1) ?? bug('no chat arrived')
}

const hostOf = (rig: CredentialRig): string => new URL(rig.vendor.url).host

describe('[B056] a user of the configuration file', () => {
  it('signs chats with the key of the profile', async () => {
    await using rig = await createRig()
    expect(JSON.parse(await say(rig.provider))).toEqual(completion)
    const request = lastChat(rig)
    expect(isSigned(request, user.publicKey, hostOf(rig))).toBe(true)
    expect(signatureOf(request)['keyId']).toBe(KEY_ID)
    expect(request.headers['date']).toBe('Mon, 01 Jun 2026 00:00:00 GMT')
    expect(request.headers['compartmentid']).toBe('ocid1.compartment.oc1..c')
    expect(request.headers['opc-compartment-id']).toBe('ocid1.compartment.oc1..c')
    expect(request.json()).toEqual(chat)
  })

  it('signs what is sent, not something like it', async () => {
    await using rig = await createRig()
    await say(rig.provider)
    const request = lastChat(rig)
    const host = hostOf(rig)
    expect(isSigned({ ...request, body: `${request.body} ` }, user.publicKey, host)).toBe(false)
    expect(isSigned({ ...request, path: `${request.path}?x` }, user.publicKey, host)).toBe(false)
    expect(isSigned(request, user.publicKey, 'elsewhere.example')).toBe(false)
    const later = { ...request.headers, date: 'Mon, 01 Jun 2026 00:00:01 GMT' }
    expect(isSigned({ ...request, headers: later }, user.publicKey, host)).toBe(false)
  })

  it('signs each call at its own time', async () => {
    await using rig = await createRig()
    await say(rig.provider)
    rig.passTime(61_000)
    await say(rig.provider)
    expect(lastChat(rig).headers['date']).toBe('Mon, 01 Jun 2026 00:01:01 GMT')
    expect(isSigned(lastChat(rig), user.publicKey, hostOf(rig))).toBe(true)
  })

  it('opens a key that is locked', async () => {
    await using rig = await createRig({ config: { oci_config_profile: 'LOCKED' } })
    await say(rig.provider)
    expect(isSigned(lastChat(rig), user.publicKey, hostOf(rig))).toBe(true)
  })

  it('signs streams and embeddings too', async () => {
    const embeddings = '/20231130/actions/v1/embeddings'
    const routes = { [`POST ${embeddings}`]: { json: { object: 'list', data: [] } } }
    await using rig = await createRig({ routes })
    await bodyOf(await rig.provider.embeddings?.({ model: 'cohere.embed-v4.0', input: 'rain' }, callWith()))
    expect(rig.asked(embeddings).every((request) => isSigned(request, user.publicKey, hostOf(rig)))).toBe(true)
  })

  test.each([
    [{ oci_config_profile: 'SHUT' }, 'check pass_phrase'],
    [{ oci_config_profile: 'GONE' }, 'the key_file cannot be read (ENOENT)'],
    [{ oci_config_profile: 'NOBODY' }, "no profile 'NOBODY'"],
    [{ oci_config_file_path: '/nowhere/config' }, 'its configuration file cannot be read (ENOENT)'],
  ])('with %j is told what is wrong, without paths and secrets', async (config, reason) => {
    await using rig = await createRig({ config })
    const failure = await failureOf(say(rig.provider))
    expect(failure).toMatchObject({ code: 'provider_authentication', status: 401 })
    expect(failure.message).toContain(reason)
    expect(failure.message).not.toMatch(/nowhere|wrong|tmp/)
    expect(rig.vendor.requests).toHaveLength(0)
  })

  it('hears what Oracle says, after one more try with the key read again', async () => {
    await using rig = await createRig({ routes: { [`POST ${CHATS}`]: notAuthenticated } })
    const failure = await failureOf(say(rig.provider))
    expect(failure).toMatchObject({
      code: 'provider_authentication',
      details: { vendorCode: 'NotAuthenticated', status: 401 },
    })
    expect(rig.asked(CHATS)).toHaveLength(2)
    await failureOf(say(rig.provider))
    expect(rig.asked(CHATS)).toHaveLength(3)
    expect(inspect(failure, { depth: 9 })).not.toContain(signatureOf(lastChat(rig))['signature'])
  })
})

describe('a session token', () => {
  it('vouches for the key, and is read again when it is over or refused', async () => {
    const tokens = ['first', 'second', 'third'].map((name, index) =>
      toJwt({ sub: name, exp: 1_780_272_000 + 3600 * (index + 1) }),
    )
    const [first = '', second = '', third = ''] = tokens
    const refused = new Set<string>()
    const routes: Record<string, ScriptedRoute> = {
      [`POST ${CHATS}`]: (request) =>
        refused.has(signatureOf(request)['keyId'] ?? '') ? notAuthenticated : { json: completion },
    }
    writeFileSync(at('token'), `${first}\n`)
    await using rig = await createRig({ config: { oci_config_profile: 'SESSION' }, routes })
    await say(rig.provider)
    expect(signatureOf(lastChat(rig))['keyId']).toBe(`ST$${first}`)
    expect(isSigned(lastChat(rig), user.publicKey, hostOf(rig))).toBe(true)
    writeFileSync(at('token'), second)
    await say(rig.provider)
    expect(signatureOf(lastChat(rig))['keyId']).toBe(`ST$${first}`)
    rig.passTime(3_600_000)
    await say(rig.provider)
    expect(signatureOf(lastChat(rig))['keyId']).toBe(`ST$${second}`)
    writeFileSync(at('token'), third)
    refused.add(`ST$${second}`)
    await say(rig.provider)
    expect(signatureOf(lastChat(rig))['keyId']).toBe(`ST$${third}`)
  })
})

const hasOpenssl = spawnSync('openssl', ['version']).status === 0
// eslint-disable-next-line no-console -- a skip has to be heard
if (!hasOpenssl) console.warn('skipped: the instance principal of OCI, because there is no openssl command')

describe.skipIf(!hasOpenssl)('a machine in Oracle’s cloud (needs the openssl command)', () => {
  const subject = '/CN=ocid1.instance.oc1..i/OU=opc-certtype:instance/OU=opc-tenant:ocid1.tenancy.oc1..m'
  const leafFiles = ['-keyout', at('leaf-key.pem'), '-out', at('leaf.pem')]
  const made = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', subject, ...leafFiles]
  if (hasOpenssl) execFileSync('openssl', made, { stdio: 'pipe' })
  const leaf = hasOpenssl ? readFileSync(at('leaf.pem'), 'utf8') : ''

  /** The metadata service and the authority: they sell tokens for session keys that a certificate vouches for. */
  class Region {
    readonly sessionKeys = new Map<string, KeyObject>()

    readonly routes: Readonly<Record<string, ScriptedRoute>> = {
      'GET /opc/v2/identity/cert.pem': (request) => this.tell(request, { text: leaf }),
      'GET /opc/v2/identity/key.pem': (request) =>
        this.tell(request, { text: readFileSync(at('leaf-key.pem'), 'utf8') }),
      'GET /opc/v2/identity/intermediate.pem': (request) => this.tell(request, { text: leaf }),
      'GET /opc/v2/instance/regionInfo': (request) =>
        this.tell(request, {
          json: { realmKey: 'oc1', realmDomainComponent: 'oraclecloud.com', regionIdentifier: 'us-phoenix-1' },
        }),
      'POST /v1/x509': (request) => {
        const certificate = new X509Certificate(leaf)
        const keyId = `ocid1.tenancy.oc1..m/fed-x509-sha256/${certificate.fingerprint256.toLowerCase()}`
        const trusted = signatureOf(request)['keyId'] === keyId && isSigned(request, certificate.publicKey, '')
        if (!trusted) return notAuthenticated
        const asked = request.json() as { readonly publicKey: string }
        const token = toJwt({ exp: 1_780_272_000 + 1200 * (this.sessionKeys.size + 1) })
        const der = Buffer.from(asked.publicKey, 'base64')
        this.sessionKeys.set(`ST$${token}`, createPublicKey({ key: der, format: 'der', type: 'spki' }))
        return { json: { token }, delayMs: 20 }
      },
    }

    private tell({ headers }: ScriptedRequest, reply: ScriptedReply): ScriptedReply {
      return headers['authorization'] === 'Bearer Oracle' ? reply : { status: 403, text: 'Forbidden' }
    }
  }

  const env = (url: string): Record<string, string> => ({
    OCI_METADATA_BASE_URL: `${url}/opc/v2`,
    OCI_SDK_AUTH_CLIENT_REGION_URL: url,
  })

  it('buys one token for a hundred parallel calls, and signs with the key that it vouches for', async () => {
    const region = new Region()
    const { routes } = region
    await using rig = await createRig({ config: { oci_auth_type: 'instance_principal' }, env, routes })
    await Promise.all(Array.from({ length: 100 }, () => say(rig.provider)))
    expect(rig.asked('/v1/x509')).toHaveLength(1)
    const [federation] = rig.asked('/v1/x509')
    expect(federation?.json()).toEqual({
      certificate: new X509Certificate(leaf).raw.toString('base64'),
      intermediateCertificates: [new X509Certificate(leaf).raw.toString('base64')],
      publicKey: expect.any(String) as unknown,
      fingerprintAlgorithm: 'SHA256',
      purpose: 'DEFAULT',
    })
    const key = region.sessionKeys.get(signatureOf(lastChat(rig))['keyId'] ?? '') ?? bug('an unknown token')
    expect(rig.asked(CHATS).every((request) => isSigned(request, key, hostOf(rig)))).toBe(true)
    expect(rig.asked(CHATS)).toHaveLength(100)
  })

  it('buys another one with another key when the token is over', async () => {
    const region = new Region()
    const { routes } = region
    // As upstream's file has it where no variable is set.
    await using rig = await createRig({ config: { oci_auth_type: '' }, env, routes })
    await say(rig.provider)
    const before = signatureOf(lastChat(rig))['keyId']
    rig.passTime(1_200_000)
    await say(rig.provider)
    expect(rig.asked('/v1/x509')).toHaveLength(2)
    expect(signatureOf(lastChat(rig))['keyId']).not.toBe(before)
    const keys = rig.asked('/v1/x509').map((request) => (request.json() as { readonly publicKey: string }).publicKey)
    expect(new Set(keys).size).toBe(2)
  })

  it('hears why the authority refuses it', async () => {
    const { routes } = new Region()
    const refusing = { ...routes, 'POST /v1/x509': notAuthenticated }
    await using rig = await createRig({ config: { oci_auth_type: 'instance_principal' }, env, routes: refusing })
    const failure = await failureOf(say(rig.provider))
    expect(failure).toMatchObject({
      code: 'provider_authentication',
      details: { vendorCode: 'NotAuthenticated', status: 401 },
    })
    expect(rig.asked(CHATS)).toHaveLength(0)
  })
})

describe('[B056] a caller', () => {
  const files = { oci_config_file_path: '/etc/passwd', oci_config_profile: 'LOCKED', oci_auth_type: 'config_file' }

  it('cannot choose the server’s files, profile or way to sign', async () => {
    await using rig = await createRig()
    await say(rig.provider, callWith({ ...files, oci_auth_type: 'instance_principal' }))
    expect(signatureOf(lastChat(rig))['keyId']).toBe(KEY_ID)
    // A file that a caller named is not even looked for where the operator's own is missing.
    await using broken = await createRig({ config: { oci_config_file_path: '/nowhere/config' } })
    const failure = await failureOf(say(broken.provider, callWith({ ...files, oci_config_file_path: at('config') })))
    expect(failure.message).toContain('ENOENT')
  })

  it('may say what the operator says', async () => {
    await using rig = await createRig()
    const same = { oci_region: 'us-ashburn-1', oci_compartment_id: 'ocid1.compartment.oc1..c' }
    expect(JSON.parse(await say(rig.provider, callWith(same)))).toEqual(completion)
  })

  test.each([
    [{ oci_region: 'eu-frankfurt-1' }, 'oci_region'],
    [{ oci_region: 'x.evil.example/#' }, 'oci_region'],
    [{ oci_compartment_id: 'ocid1.compartment.oc1..other' }, 'oci_compartment_id'],
  ])('with %j is refused at %s', async (providerData, param) => {
    await using rig = await createRig()
    expect(await failureOf(say(rig.provider, callWith(providerData)))).toMatchObject({ code: 'invalid_value', param })
    expect(rig.vendor.requests).toHaveLength(0)
  })

  it('names the compartment where the operator does not', async () => {
    await using rig = await createRig({ config: { oci_compartment_id: '' } })
    expect(rig.off).toBe('no compartment; set oci_compartment_id (OCI_COMPARTMENT_OCID)')
    const failure = await failureOf(say(rig.provider))
    expect(failure).toMatchObject({ code: 'provider_setting_missing', details: { setting: 'oci_compartment_id' } })
    expect(failure.message).toContain('(OCI_COMPARTMENT_OCID), or send the header')
    await say(rig.provider, callWith({ oci_compartment_id: 'ocid1.compartment.oc1..mine' }))
    expect(lastChat(rig).headers['compartmentid']).toBe('ocid1.compartment.oc1..mine')
  })

  it('with a key of their own is not signed for, and pays from their own compartment', async () => {
    await using rig = await createRig()
    const own = { oci_api_key: 'sk-mine', oci_compartment_id: 'ocid1.compartment.oc1..mine' }
    await say(rig.provider, callWith(own))
    expect(lastChat(rig).headers).toMatchObject({
      authorization: 'Bearer sk-mine',
      compartmentid: 'ocid1.compartment.oc1..mine',
    })
    expect(lastChat(rig).headers['x-content-sha256']).toBeUndefined()
  })
})

describe('the list', () => {
  const model = (displayName: string, capabilities: readonly string[], more: JsonObject = {}): JsonObject => ({
    id: `ocid1.generativeaimodel.oc1..${displayName}`,
    displayName,
    capabilities: [...capabilities],
    lifecycleState: 'ACTIVE',
    timeDeprecated: null,
    ...more,
  })
  const pages: Readonly<Record<string, ScriptedReply>> = {
    '': {
      headers: { 'opc-next-page': 'p2' },
      json: {
        items: [
          model('meta.llama-3.3-70b-instruct', ['CHAT']),
          model('meta.llama-3.3-70b-instruct', ['CHAT', 'FINE_TUNE']),
          model('cohere.command-r-16k', ['CHAT'], { timeOnDemandRetired: '2025-01-01T00:00:00Z' }),
          model('cohere.rerank.v3-5', ['TEXT_RERANK']),
        ],
      },
    },
    p2: {
      json: {
        items: [
          model('cohere.embed-v4.0', ['TEXT_EMBEDDINGS']),
          model('cohere.embed-of-tomorrow', ['TEXT_EMBEDDINGS']),
          model('meta.llama-3.3-70b-instruct', ['CHAT']),
        ],
      },
    },
  }
  const routes: Readonly<Record<string, ScriptedRoute>> = {
    'GET /20231130/models': ({ path }) =>
      pages[new URLSearchParams(path.split('?')[1]).get('page') ?? ''] ?? bug('no such page'),
  }

  it('is signed, page by page, without what cannot be called', async () => {
    await using rig = await createRig({ routes })
    expect(await rig.provider.models?.(callWith())).toEqual([
      { id: 'meta.llama-3.3-70b-instruct', type: 'llm', metadata: {} },
      { id: 'cohere.embed-v4.0', type: 'embedding', metadata: { embedding_dimension: 1536, context_length: 128_000 } },
      { id: 'cohere.embed-of-tomorrow', type: 'embedding', metadata: {} },
    ])
    const asked = rig.asked('/20231130/models')
    expect(asked.map((request) => isSigned(request, user.publicKey, hostOf(rig)))).toEqual([true, true])
    expect(asked[0]?.path).toBe(
      '/20231130/models?compartmentId=ocid1.compartment.oc1..c&lifecycleState=ACTIVE&limit=100',
    )
    expect(await rig.provider.health?.(callWith())).toEqual({ status: 'OK' })
  })

  it('keeps to what the operator allows', async () => {
    await using rig = await createRig({ routes, config: { allowed_models: ['cohere.embed-v4.0'] } })
    expect(await rig.provider.models?.(callWith())).toHaveLength(1)
    expect((await failureOf(say(rig.provider))).code).toBe('model_not_found')
  })

  it('is not asked for with a key, nor in a replay', async () => {
    await using keyed = await createRig({ routes, config: { api_key: 'sk-1' } })
    expect(await keyed.provider.models?.(callWith())).toBeUndefined()
    await using replayed = await createRig({ routes, replaying: true })
    expect(await replayed.provider.models?.(callWith())).toBeUndefined()
  })

  it('tells as health what Oracle refuses', async () => {
    await using rig = await createRig({ routes: { 'GET /20231130/models': notAuthenticated } })
    expect(await rig.provider.health?.(callWith())).toMatchObject({ status: 'Error' })
  })
})

test.each([
  [{}, 'https://inference.generativeai.us-ashburn-1.oci.oraclecloud.com'],
  [{ oci_region: 'eu-frankfurt-1' }, 'https://inference.generativeai.eu-frankfurt-1.oci.oraclecloud.com'],
  [{ oci_region: '' }, 'https://inference.generativeai.us-ashburn-1.oci.oraclecloud.com'],
])('the host of %j is %s', async (config, origin) => {
  const sent: string[] = []
  const upstream = {
    send({ url }: { readonly url: string }) {
      sent.push(url)
      return Promise.reject(new TypeError('nothing is sent in this test'))
    },
    with: () => upstream,
  }
  const settings = definition.config.parse(config)
  const input = { id: 'p', config: settings, deps: {}, upstream, replaying: true, clock: { now: () => 0 } }
  await expect(definition.create(input as never).chatCompletion?.(chat, callWith())).rejects.toThrow('nothing is sent')
  expect(sent).toEqual([origin + CHATS])
})

test.each(['us-ashburn-1.evil.example', 'x/#', 'UPPER-1', 'one'])('%s is no region', (region) => {
  expect(definition.config.safeParse({ oci_region: region }).success).toBe(false)
})

describe('a profile', () => {
  test.each([
    ['[A]\nuser=u\n', 'A', { user: 'u' }],
    ['[DEFAULT]\nuser=u\nkey_file=k\n[A]\r\n user : other \r\n', 'A', { user: 'other', key_file: 'k' }],
    ['[A]\n# user=no\n;user=no\nfingerprint=20:3b:97\n', 'A', { fingerprint: '20:3b:97' }],
    ['[A]\npass_phrase= a=b ; c \n', 'A', { pass_phrase: 'a=b ; c' }],
    ['user=nobody\n[A]\nuser=\n', 'A', {}],
    ['[A]\nuser=u\n', 'B', undefined],
  ])('is read from %j', (text, profile, fields) => {
    const found = parseProfile(text, profile)
    expect(found && Object.fromEntries(found)).toEqual(fields)
  })
})
