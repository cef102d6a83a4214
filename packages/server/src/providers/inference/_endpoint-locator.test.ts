import type { Upstream } from '@llama-stack/api'
import { expect, test } from 'vitest'
import { createUpstream } from '../../kernel/upstream.ts'
import { failureOf } from '../../testing/inference-conformance.ts'
import { createScriptedUpstream } from '../../testing/scripted-upstream.ts'
import type { CallTarget } from './_call-target.ts'
import { createEndpointLocator } from './_endpoint-locator.ts'

const signal = new AbortController().signal
const target: CallTarget = {
  baseUrl: '',
  chosenBy: 'operator',
  headers: { authorization: 'Bearer hf_1' },
  key: 'hf_1',
  query: '',
}

/** The two hosts of Hugging Face, played by one scripted server. */
function rerouted(upstream: Upstream, url: string): Upstream {
  return {
    send: (request) => upstream.send({ ...request, url: request.url.replace(/^https:\/\/[^/]+/, url) }),
    with: (options) => rerouted(upstream.with(options), url),
  }
}

const endpoint = { name: 'mine', status: { state: 'running', url: 'https://x.endpoints.huggingface.cloud' } }

test('a name of one’s own is asked for below the key’s account, once', async () => {
  await using hub = await createScriptedUpstream({
    routes: {
      'GET /api/whoami-v2': { json: { name: 'me' } },
      'GET /v2/endpoint/me/mine': { json: endpoint },
    },
  })
  await using transport = createUpstream()
  const upstream = rerouted(transport, hub.url)
  const locate = createEndpointLocator({ id: 'hf', settings: { endpoint_name: 'mine' }, upstream })
  expect(await locate(target, signal)).toBe('https://x.endpoints.huggingface.cloud/v1')
  expect(await locate(target, signal)).toBe('https://x.endpoints.huggingface.cloud/v1')
  expect(hub.requests.map((request) => request.path)).toEqual(['/api/whoami-v2', '/v2/endpoint/me/mine'])
  expect(hub.requests[0]?.headers['authorization']).toBe('Bearer hf_1')
})

test('a name with an account is asked for at once; a paused endpoint is unreachable and asked again', async () => {
  const states = [{ status: { state: 'paused' } }, endpoint]
  await using hub = await createScriptedUpstream({
    routes: { 'GET /v2/endpoint/team/mine': () => ({ json: states.shift() }) },
  })
  await using transport = createUpstream()
  const upstream = rerouted(transport, hub.url)
  const locate = createEndpointLocator({ id: 'hf', settings: { endpoint_name: 'team/mine' }, upstream })
  expect((await failureOf(locate(target, signal))).code).toBe('provider_unreachable')
  expect(await locate(target, signal)).toBe('https://x.endpoints.huggingface.cloud/v1')
})
