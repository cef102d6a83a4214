import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createScriptedUpstream } from './scripted-upstream.ts'

test('answers by route and remembers what was asked', async () => {
  await using vendor = await createScriptedUpstream({
    routes: { 'POST /v1/echo': (request) => ({ status: 201, json: request.json(), headers: { 'x-made': 'yes' } }) },
  })
  const response = await fetch(`${vendor.url}/v1/echo?deep=1`, { method: 'POST', body: '{"a":1}' })
  expect(response.status).toBe(201)
  expect(response.headers.get('x-made')).toBe('yes')
  expect(await response.json()).toEqual({ a: 1 })
  expect(vendor.requests.map((request) => `${request.method} ${request.path}`)).toEqual(['POST /v1/echo?deep=1'])
})

test('answers what it does not know with 404 in OpenAI’s shape', async () => {
  await using vendor = await createScriptedUpstream()
  const response = await fetch(`${vendor.url}/nowhere`)
  expect(response.status).toBe(404)
  expect(await response.json()).toMatchObject({ error: { message: 'no route GET /nowhere' } })
})

test('streams events and closes with DONE', async () => {
  await using vendor = await createScriptedUpstream({ handler: () => ({ events: [{ n: 1 }, 'raw'], gapMs: 5 }) })
  const response = await fetch(vendor.url)
  expect(response.headers.get('content-type')).toBe('text/event-stream')
  expect(await response.text()).toBe('data: {"n":1}\n\ndata: raw\n\ndata: [DONE]\n\n')
})

test('breaks a stream off after some events', async () => {
  await using vendor = await createScriptedUpstream({ handler: () => ({ events: [1, 2, 3], resetAfter: 2 }) })
  const response = await fetch(vendor.url)
  const received: string[] = []
  const reading = async (): Promise<void> => {
    if (response.body === null) return
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) received.push(chunk)
  }
  await expect(reading()).rejects.toThrow('terminated')
  expect(received.join('')).toBe('data: 1\n\ndata: 2\n\n')
})

test('tells that a client left', async () => {
  await using vendor = await createScriptedUpstream({ handler: () => ({ events: [1, 2, 3], gapMs: 200 }) })
  const leaving = new AbortController()
  const response = await fetch(vendor.url, { signal: leaving.signal })
  await response.body?.getReader().read()
  leaving.abort()
  await sleep(100)
  expect(vendor.requests[0]?.aborted).toBe(true)
})

test('resets the connection before a head', async () => {
  await using vendor = await createScriptedUpstream({ handler: () => ({ reset: true }) })
  await expect(fetch(vendor.url)).rejects.toThrow('fetch failed')
})
