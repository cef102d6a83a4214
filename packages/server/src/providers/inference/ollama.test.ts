import { readFileSync } from 'node:fs'
import type { ChatCompletionRequest } from '@llama-stack/api'
import { expect, test } from 'vitest'
import { bodyOf, createRig, describeInferenceProvider, failureOf } from '../../testing/inference-conformance.ts'
import type { InferenceConformance, VendorFixture } from '../../testing/inference-conformance.ts'
import { createScriptedUpstream } from '../../testing/scripted-upstream.ts'
import { provider as definition } from './ollama.ts'

const fixture = JSON.parse(
  readFileSync(new URL('../../../../../tests/fixtures/vendors/ollama.json', import.meta.url), 'utf8'),
) as VendorFixture

const suite: InferenceConformance = {
  definition,
  fixture,
  config: (url) => ({ base_url: `${url}/v1` }),
  apiPath: '/v1',
  credential: { setting: 'api_key', header: (key) => ['authorization', `Bearer ${key}`] },
  skips: { 'key missing': 'Ollama needs none' },
}

describeInferenceProvider(suite)

test.each([
  ['url', ''],
  ['url', '/v1/'],
  ['base_url', ''],
  ['base_url', '/v1'],
])('%s with the path "%s" is called below /v1', async (key, path) => {
  await using rig = await createRig({ ...suite, config: (url) => ({ [key]: url + path }) }, { json: fixture.chat })
  await rig.provider.chatCompletion?.({ model: 'm', messages: [{ role: 'user', content: 'hi' }] }, rig.call())
  expect(rig.vendor.requests[0]?.path).toBe('/v1/chat/completions')
})

test('a chat carries no reasoning effort that nobody asked for', async () => {
  await using rig = await createRig(suite, { json: fixture.chat })
  await rig.provider.chatCompletion?.({ model: 'm', messages: [{ role: 'user', content: 'hi' }] }, rig.call())
  expect(Object.keys(rig.vendor.requests[0]?.json() as object)).toEqual(['model', 'messages'])
})

test('the health check is recorded as a call of Ollama’s own client', async () => {
  await using rig = await createRig(suite, { json: { models: [] } })
  await rig.provider.health?.(rig.call())
  expect(rig.sent[0]?.recording).toEqual({ kind: 'ollama', endpoint: '/api/ps', body: {}, testId: null })
})

test('its small numbered ids are marked for replacement', async () => {
  await using rig = await createRig(suite, { json: fixture.chat })
  const request = { model: 'm', messages: [{ role: 'user' as const, content: 'hi' }] }
  expect(await rig.provider.chatCompletion?.(request, rig.call())).toMatchObject({ quirks: { overwriteId: true } })
})

const pixel = Buffer.from('89504e470d0a1a0a', 'hex')

function withImage(url: string): ChatCompletionRequest {
  const content = [
    { type: 'text' as const, text: 'What is it?' },
    { type: 'image_url' as const, image_url: { url, detail: 'low' as const } },
  ]
  return { model: 'm', messages: [{ role: 'user', content }] }
}

test('an image of the web is sent inline', async () => {
  await using web = await createScriptedUpstream({
    routes: {
      'GET /pixel.png': { bytes: pixel, headers: { 'content-type': 'image/png; charset=x' } },
      'GET /moved.png': { status: 302, text: '', headers: { location: '/pixel.png' } },
    },
  })
  await using rig = await createRig(suite, { json: fixture.chat }, { allowPrivateUrls: true })
  const reply = await rig.provider.chatCompletion?.(withImage(`${web.url}/moved.png`), rig.call())
  await bodyOf(reply)
  expect(rig.vendor.requests[0]?.json()).toMatchObject({
    messages: [
      {
        content: [
          { type: 'text', text: 'What is it?' },
          { image_url: { url: `data:image/png;base64,${pixel.toString('base64')}`, detail: 'low' } },
        ],
      },
    ],
  })
  expect(rig.sent[0]).toMatchObject({ chosenBy: 'caller', maxRedirects: 3 })
  expect(rig.sent[0]?.recording).toBeUndefined()
})

test('an inline image is left alone', async () => {
  await using rig = await createRig(suite, { json: fixture.chat })
  const url = `data:image/png;base64,${pixel.toString('base64')}`
  await rig.provider.chatCompletion?.(withImage(url), rig.call())
  expect(rig.sent).toHaveLength(1)
  expect(rig.vendor.requests[0]?.body).toContain(url)
})

test.each([
  ['/page.html', 'its type is'],
  ['/missing.png', 'status 404'],
  ['/huge.png', 'larger than 20 MiB'],
  ['/endless.png', 'larger than 20 MiB'],
])('the image %s is rejected', async (path, reason) => {
  const image = { 'content-type': 'image/png' }
  await using web = await createScriptedUpstream({
    routes: {
      'GET /page.html': { text: '<p>', headers: { 'content-type': 'text/html' } },
      'GET /missing.png': { status: 404, bytes: pixel, headers: image },
      'GET /huge.png': { bytes: pixel, headers: { ...image, 'content-length': String(21 * 1024 * 1024) } },
      'GET /endless.png': { events: ['x'.repeat(21 * 1024 * 1024)], headers: image },
    },
  })
  await using rig = await createRig(suite, { json: fixture.chat }, { allowPrivateUrls: true })
  const failure = await failureOf(rig.provider.chatCompletion?.(withImage(web.url + path), rig.call()))
  expect(failure.code).toBe('fetched_content_rejected')
  expect(failure.message).toContain(reason)
  expect(rig.vendor.requests).toHaveLength(0)
})

test('an image on a private address is not fetched', async () => {
  await using web = await createScriptedUpstream()
  await using rig = await createRig(suite, { json: fixture.chat })
  const failure = await failureOf(rig.provider.chatCompletion?.(withImage(`${web.url}/pixel.png`), rig.call()))
  expect(failure.code).toBe('url_blocked')
  expect(web.requests).toHaveLength(0)
})
