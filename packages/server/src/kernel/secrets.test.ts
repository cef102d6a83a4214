import { expect, test } from 'vitest'
import { maskSecrets } from './secrets.ts'

test('masks what is named like a credential, at every depth', () => {
  const shown = maskSecrets({
    api_key: 'sk-1',
    api_token: 'fake',
    aws_access_key_id: 'AKIA',
    aws_bearer_token_bedrock: 'ABSK',
    'ocp-apim-subscription-key': 'f00',
    password: 1234,
    max_tokens: 4096,
    base_url: 'https://user:pw@host/v1',
    network: { headers: { 'x-custom': 'abc' }, tls: { client_key: '/etc/key.pem' } },
    nested: [{ secret: 'x' }],
    empty_key: '',
  })
  expect(shown).toEqual({
    api_key: '********',
    api_token: '********',
    aws_access_key_id: '********',
    aws_bearer_token_bedrock: '********',
    'ocp-apim-subscription-key': '********',
    password: '********',
    max_tokens: 4096,
    base_url: 'https://user:********@host/v1',
    network: { headers: { 'x-custom': '********' }, tls: { client_key: '/etc/key.pem' } },
    nested: [{ secret: '********' }],
    empty_key: '',
  })
})
