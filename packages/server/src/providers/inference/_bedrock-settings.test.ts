import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ProviderEnvironment } from '@llama-stack/api'
import { describe, expect, it, test } from 'vitest'
import { toBedrockPlan, toBedrockSchema, whyBedrockIsOff } from './_bedrock-settings.ts'

const nothing: ProviderEnvironment = { AWS_EC2_METADATA_DISABLED: 'true' }
const parse = (settings: object) => toBedrockSchema().parse(settings)

describe('the schema', () => {
  it('takes the keys of both generations', () => {
    const first = {
      aws_access_key_id: 'AK',
      aws_secret_access_key: 's',
      aws_session_token: 't',
      region_name: 'us-east-1',
      profile_name: null,
      total_max_attempts: 3,
      retry_mode: 'standard',
      connect_timeout: 60,
      read_timeout: 60.5,
      session_ttl: 3600,
    }
    const second = {
      api_key: '',
      region_name: 'us-east-2',
      aws_role_arn: '',
      aws_web_identity_token_file: '',
      aws_role_session_name: 'me',
      allowed_models: ['m'],
      refresh_models: false,
      network: { timeout: 5 },
    }
    for (const settings of [{}, first, second]) expect(parse(settings)).toEqual(settings)
  })

  it('takes nothing else, and describes every key', () => {
    expect(toBedrockSchema().safeParse({ region: 'us-east-1' }).success).toBe(false)
    expect(toBedrockSchema().safeParse({ wire: 'grpc' }).success).toBe(false)
    expect(toBedrockSchema().safeParse({ base_url: 'bedrock' }).success).toBe(false)
    for (const [key, schema] of Object.entries(toBedrockSchema().shape)) {
      expect([key, schema.description]).toEqual([key, expect.stringMatching(/\.$/)])
    }
  })
})

describe('an instance is off', () => {
  test.each<[string, object, ProviderEnvironment, string | undefined]>([
    [
      'without anything',
      {},
      {},
      'no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or api_key (AWS_BEARER_TOKEN_BEDROCK)',
    ],
    ['with empty keys', { api_key: '', aws_role_arn: '' }, { AWS_BEARER_TOKEN_BEDROCK: ' ' }, expect.any(String)],
    ['not with a key', { api_key: 'k' }, {}, undefined],
    ['not with a key by its older name', { aws_bearer_token_bedrock: 'k' }, {}, undefined],
    ['not with a key of the variables', {}, { AWS_BEARER_TOKEN_BEDROCK: 'k' }, undefined],
    ['not with keys of AWS', {}, { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 's' }, undefined],
    ['not with a role', { aws_role_arn: 'arn', aws_web_identity_token_file: '/t' }, {}, undefined],
    ['with a profile that is not there', { profile_name: 'x' }, {}, expect.stringContaining("no profile 'x'")],
    ['with half a key', { aws_access_key_id: 'a' }, {}, expect.stringContaining('give both or none')],
  ])('%s', (_name, settings, ...[env, expected]) => {
    expect(whyBedrockIsOff(parse(settings), { ...nothing, ...env })).toEqual(expected)
  })
})

describe('a plan', () => {
  it('has the addresses of the region', () => {
    expect(toBedrockPlan({}, nothing).urls).toEqual({
      runtime: 'https://bedrock-runtime.us-east-2.amazonaws.com',
      control: 'https://bedrock.us-east-2.amazonaws.com',
      agent: 'https://bedrock-agent-runtime.us-east-2.amazonaws.com',
      sts: 'https://sts.us-east-2.amazonaws.com',
    })
    expect(toBedrockPlan({ region_name: 'cn-north-1' }, nothing).urls.sts).toBe(
      'https://sts.cn-north-1.amazonaws.com.cn',
    )
    expect(toBedrockPlan({}, { ...nothing, AWS_REGION: 'eu-west-3' }).region).toBe('eu-west-3')
  })

  it('takes other addresses from the settings, then from the variables of AWS', () => {
    const env = { ...nothing, AWS_ENDPOINT_URL: 'http://all', AWS_ENDPOINT_URL_STS: 'http://sts/' }
    const { urls } = toBedrockPlan({ base_url: 'https://vpce-1/openai/v1/' }, env)
    expect(urls).toEqual({ runtime: 'https://vpce-1', control: 'http://all', agent: 'http://all', sts: 'http://sts' })
  })

  it('takes the region from the profile', () => {
    const folder = mkdtempSync(join(tmpdir(), 'bedrock-'))
    try {
      writeFileSync(join(folder, 'config'), '[profile work]\nregion = sa-east-1\n')
      const env = { ...nothing, AWS_CONFIG_FILE: join(folder, 'config') }
      expect(toBedrockPlan({ profile_name: 'work' }, env).region).toBe('sa-east-1')
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('has the older timeouts, unless the network block says otherwise', () => {
    expect(toBedrockPlan({ connect_timeout: 3, read_timeout: 60 }, nothing).network).toEqual({
      timeout: { connect: 3, read: 60 },
    })
    expect(toBedrockPlan({ read_timeout: 60, network: { timeout: 5 } }, nothing).network).toEqual({ timeout: 5 })
    expect(toBedrockPlan({}, nothing).network).toEqual({})
  })
})
