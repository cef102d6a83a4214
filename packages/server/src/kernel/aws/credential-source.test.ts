import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ProviderEnvironment } from '@llama-stack/api'
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest'
import { findCredentialSource, findRegion } from './credential-source.ts'
import type { AwsSettings } from './credential-source.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aws-files-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** Variables of a machine whose AWS files are in the folder of the test, and that is no EC2 instance. */
function variables(more: ProviderEnvironment = {}): ProviderEnvironment {
  return {
    AWS_CONFIG_FILE: join(folder, 'config'),
    AWS_SHARED_CREDENTIALS_FILE: join(folder, 'credentials'),
    AWS_EC2_METADATA_DISABLED: 'true',
    ...more,
  }
}

function write(files: { readonly config?: string; readonly credentials?: string }): void {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
}

const keys = (id: string, secret = 'secret', token?: string) => ({
  kind: 'keys',
  credentials: { accessKeyId: id, secretAccessKey: secret, ...(token === undefined ? {} : { sessionToken: token }) },
})
const role = (arn: string, more: object = {}) => ({
  arn,
  sessionName: 'llama-stack',
  durationSeconds: 3600,
  ...more,
})
const environmentKeys = { AWS_ACCESS_KEY_ID: 'AKENV', AWS_SECRET_ACCESS_KEY: 'secret' }
const webIdentity = { AWS_ROLE_ARN: 'arn:env', AWS_WEB_IDENTITY_TOKEN_FILE: '/token' }

describe('the first of these that is there', () => {
  test.each<[string, AwsSettings, ProviderEnvironment, object]>([
    [
      'keys of the settings',
      { accessKeyId: 'AKSET', secretAccessKey: 'secret', sessionToken: 't' },
      { ...environmentKeys, ...webIdentity },
      keys('AKSET', 'secret', 't'),
    ],
    ['a profile of the settings', { profile: 'work' }, environmentKeys, keys('AKWORK')],
    [
      'keys of the variables',
      {},
      { ...environmentKeys, AWS_SESSION_TOKEN: 't', ...webIdentity },
      keys('AKENV', 'secret', 't'),
    ],
    ['a web identity', {}, webIdentity, { kind: 'web identity', role: role('arn:env'), tokenFile: '/token' }],
    [
      'a web identity of the settings',
      { roleArn: 'arn:set', webIdentityTokenFile: '/mine', roleSessionName: 'me', sessionSeconds: 900 },
      { ...environmentKeys, ...webIdentity },
      {
        kind: 'web identity',
        role: role('arn:set', { sessionName: 'me', durationSeconds: 900 }),
        tokenFile: '/mine',
      },
    ],
    ['a profile of the variables', {}, { AWS_PROFILE: 'work' }, keys('AKWORK')],
    ['the default profile', {}, { AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://localhost/c' }, keys('AKDEFAULT')],
  ])('%s', (_name, settings, ...[env, expected]) => {
    write({
      credentials:
        '[default]\naws_access_key_id = AKDEFAULT\naws_secret_access_key=secret\n[work]\naws_access_key_id=AKWORK\naws_secret_access_key=secret\n',
    })
    expect(findCredentialSource(settings, variables(env))).toEqual(expected)
  })

  it('a container', () => {
    const relative = variables({
      AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/v2/x',
      AWS_CONTAINER_AUTHORIZATION_TOKEN: 't',
    })
    expect(findCredentialSource({}, relative)).toEqual({
      kind: 'container',
      url: 'http://169.254.170.2/v2/x',
      token: 't',
    })
    const full = variables({
      AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://169.254.170.23/v1/c',
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: '/var/token',
    })
    expect(findCredentialSource({}, full)).toEqual({
      kind: 'container',
      url: 'http://169.254.170.23/v1/c',
      tokenFile: '/var/token',
    })
  })

  it('the machine, where it says that it is one of Amazon’s', () => {
    const endpoint = 'http://[fd00:ec2::254]'
    const env = variables({ AWS_EC2_METADATA_SERVICE_ENDPOINT: endpoint, AWS_EC2_METADATA_DISABLED: 'false' })
    expect(findCredentialSource({}, env)).toEqual({ kind: 'instance', endpoint })
    expect(findCredentialSource({}, { ...env, AWS_EC2_METADATA_DISABLED: 'TRUE' }).kind).toBe('none')
  })

  it('nothing, and then it is said what to set', () => {
    expect(findCredentialSource({}, variables())).toEqual({
      kind: 'none',
      why: 'no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE',
    })
    expect(findCredentialSource({}, variables({ AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' })).kind).toBe('none')
    expect(findCredentialSource({ accessKeyId: 'AK' }, variables(environmentKeys))).toMatchObject({
      why: expect.stringContaining('give both or none'),
    })
  })
})

describe('a role of the settings', () => {
  it('is taken on with what else there is', () => {
    expect(findCredentialSource({ roleArn: 'arn:set' }, variables(environmentKeys))).toEqual({
      kind: 'role',
      role: role('arn:set'),
      base: keys('AKENV'),
    })
    expect(findCredentialSource({ roleArn: 'arn:set' }, variables()).kind).toBe('none')
  })

  it('of the variables needs a token beside it', () => {
    expect(findCredentialSource({}, variables({ ...environmentKeys, AWS_ROLE_ARN: 'arn:env' }))).toEqual(keys('AKENV'))
  })
})

describe('a profile', () => {
  const config = `
# what the command line wrote
[default]
region = eu-west-1
s3 =
    max_concurrent_requests = 20
    aws_access_key_id = not this one

[profile "two words"]
role_arn = arn:two ; with a comment
source_profile = base
external_id = outside
duration_seconds = 1800
role_session_name = mine
region = ap-south-1

[profile self]
role_arn = arn:self
source_profile = self
aws_access_key_id = AKSELF
aws_secret_access_key = se/cr+et=

[profile above]
role_arn = arn:above
source_profile = self

[profile ring]
role_arn = arn:ring
source_profile = other
[profile other]
role_arn = arn:other
source_profile = ring

[profile pod]
role_arn = arn:pod
web_identity_token_file = /pod/token

[profile task]
role_arn = arn:task
credential_source = EcsContainer

[profile machine]
role_arn = arn:machine
credential_source = Ec2InstanceMetadata

[profile login]
sso_session = corp

[profile empty]
output = json
[services not-a-profile]
x = y
`
  const find = (profile: string, env: ProviderEnvironment = {}) => {
    write({ config, credentials: '[base]\r\naws_access_key_id=AKBASE\r\naws_secret_access_key=secret\r\n' })
    return findCredentialSource({ profile }, variables(env))
  }

  it('takes on its role with its source', () => {
    expect(find('two words')).toEqual({
      kind: 'role',
      role: role('arn:two', { sessionName: 'mine', durationSeconds: 1800, externalId: 'outside' }),
      base: keys('AKBASE'),
    })
  })

  it('may be its own source, and the source of another', () => {
    const own = { kind: 'role', role: role('arn:self'), base: keys('AKSELF', 'se/cr+et=') }
    expect(find('self')).toEqual(own)
    expect(find('above')).toEqual({ kind: 'role', role: role('arn:above'), base: own })
  })

  it('takes on its role with a token, the container or the machine', () => {
    expect(find('pod')).toMatchObject({ kind: 'web identity', tokenFile: '/pod/token' })
    expect(find('task', { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/c' })).toMatchObject({
      kind: 'role',
      base: { kind: 'container' },
    })
    expect(find('machine')).toMatchObject({
      kind: 'role',
      base: { kind: 'instance', endpoint: 'http://169.254.169.254' },
    })
  })

  test.each([
    ['absent', "there is no profile 'absent'"],
    ['ring', 'form a circle'],
    ['task', 'nothing to take it on with'],
    ['login', 'sso_session, which is not supported; export its keys'],
    ['empty', "the profile 'empty' has no keys and no role"],
    ['not-a-profile', 'there is no profile'],
  ])('%s is explained', (profile, why) => {
    expect(find(profile)).toMatchObject({ kind: 'none', why: expect.stringContaining(why) })
  })

  it('names the region where nobody else does', () => {
    write({ config })
    const env = variables()
    expect(findRegion(undefined, undefined, env)).toBe('eu-west-1')
    expect(findRegion(undefined, 'two words', env)).toBe('ap-south-1')
    expect(findRegion('us-gov-west-1', undefined, env)).toBe('us-gov-west-1')
    expect(findRegion(undefined, undefined, { ...env, AWS_DEFAULT_REGION: 'us-west-1' })).toBe('us-west-1')
    expect(findRegion(undefined, undefined, { ...env, AWS_REGION: 'a', AWS_DEFAULT_REGION: 'b' })).toBe('a')
    expect(findRegion(undefined, 'empty', env)).toBeUndefined()
  })
})
