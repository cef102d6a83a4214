import type { AdoptedModel, JsonObject } from '@llama-stack/api'
import { bug } from '@llama-stack/api'
import { expect, test } from 'vitest'
import { createRig, failureOf } from '../../testing/inference-conformance.ts'
import type { ProviderRig, RigOptions } from '../../testing/inference-conformance.ts'
import type { ScriptedReply, ScriptedRequest } from '../../testing/scripted-upstream.ts'
import { provider as ollama } from './ollama.ts'
import { provider as vllm } from './vllm.ts'

const config = (url: string): JsonObject => ({ base_url: `${url}/v1` })
const credential = (setting: string) => ({ setting, header: (key: string) => ['authorization', key] as const })
const models = ['llama3.2:latest', 'qwen3:8b'].map((name) => ({ name, capabilities: ['completion'] }))
const ndjson = { 'content-type': 'application/x-ndjson' }

const rigOf = (pull: ScriptedReply, options: RigOptions = { accounting: true }): Promise<ProviderRig> =>
  createRig(
    { definition: ollama, config, credential: credential('api_key') },
    ({ path }: ScriptedRequest) => (path === '/api/pull' ? pull : { json: { models } }),
    options,
  )
const pulled = (...lines: readonly object[]): ScriptedReply => ({
  frames: lines.map((line) => `${JSON.stringify(line)}\n`),
  headers: ndjson,
})
const unused: ScriptedReply = { status: 500, json: {} }

function adopt(rig: ProviderRig, model: Partial<AdoptedModel>): Promise<string> {
  const adopted = { id: 'm', type: 'llm' as const, validate: false, ...model }
  return rig.provider.adoptModel?.(adopted, rig.call()) ?? bug('it adopts nothing')
}

test.each([
  ['qwen3:8b', 'qwen3:8b'],
  ['llama3.2', 'llama3.2:latest'],
  ['llama3.2:latest', 'llama3.2:latest'],
])('%s is called as %s', async (id, expected) => {
  await using rig = await rigOf(unused)
  expect(await adopt(rig, { id })).toBe(expected)
})

test('an embedding model that is not there is fetched', async () => {
  await using rig = await rigOf(pulled({ status: 'pulling manifest' }, { status: 'success' }))
  expect(await adopt(rig, { id: 'all-minilm:l6-v2', type: 'embedding' })).toBe('all-minilm:l6-v2')
  const request = rig.vendor.requests.at(-1)
  expect([request?.path, request?.json()]).toEqual(['/api/pull', { model: 'all-minilm:l6-v2' }])
})

test('a chat model that is not there is refused, with the command that fetches it', async () => {
  await using rig = await rigOf(unused)
  const failure = await failureOf(adopt(rig, { id: 'qwen3:32b' }))
  expect(failure).toMatchObject({ code: 'invalid_value', param: 'provider_model_id' })
  expect(failure.message).toContain('llama models pull qwen3:32b')
})

test.each([
  [
    pulled({ status: 'pulling manifest' }, { error: 'pull model manifest: file does not exist' }),
    'file does not exist',
  ],
  [pulled({ status: 'pulling manifest' }), 'stopped fetching'],
  [{ status: 500, json: { error: 'no space left on device' } } as const, 'no space left'],
  [{ reset: true } as const, ''],
])('a download that fails with %j is told', async (reply, reason) => {
  await using rig = await rigOf(reply)
  const failure = await failureOf(adopt(rig, { id: 'x', type: 'embedding' }))
  expect(failure.code).toMatch(/^provider_/)
  expect(failure.message).toContain(reason)
})

test('with the server away a model is kept as it was written, unless it was to be checked', async () => {
  const away = { accounting: true, config: { base_url: 'http://127.0.0.1:9/v1' } }
  await using rig = await rigOf(unused, away)
  expect(await adopt(rig, { id: 'llama3.2' })).toBe('llama3.2')
  expect((await failureOf(adopt(rig, { id: 'llama3.2', validate: true }))).code).toBe('provider_unreachable')
})

test('while recording and replaying nothing is asked', async () => {
  await using rig = await rigOf(unused, { accounting: false })
  expect(await adopt(rig, { id: 'llama3.2', type: 'embedding', validate: true })).toBe('llama3.2')
  expect(rig.vendor.requests).toHaveLength(0)
})

test('other vendors are asked where the caller wants it checked', async () => {
  const subject = { definition: vllm, config, credential: credential('api_token') }
  await using rig = await createRig(subject, { json: { data: [{ id: 'served' }] } }, { accounting: true })
  expect(await adopt(rig, { id: 'anything' })).toBe('anything')
  expect(rig.vendor.requests).toHaveLength(0)
  expect(await adopt(rig, { id: 'served', validate: true })).toBe('served')
  const failure = await failureOf(adopt(rig, { id: 'anything', validate: true }))
  expect(failure).toMatchObject({ code: 'invalid_value', param: 'provider_model_id' })
  expect(failure.message).not.toContain('pull')
})
