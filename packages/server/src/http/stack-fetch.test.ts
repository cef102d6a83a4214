import { Readable } from 'node:stream'
import LlamaStackClient from 'llama-stack-client'
import OpenAI from 'openai'
import OpenAI6 from 'openai6'
import { describe, expect, it } from 'vitest'
import { StackError, value } from '@llama-stack/api'
import { bytesStream } from '../kernel/byte-stream.ts'
import { createSampleApp } from './sample-app.ts'
import type { ChatOperation } from './sample-app.ts'

const completion = {
  id: 'c1',
  object: 'chat.completion',
  created: 1,
  model: 'm',
  choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'Hello' }, logprobs: null }],
}
const chunk = (content: string) => ({
  id: 'c1',
  object: 'chat.completion.chunk',
  created: 1,
  model: 'm',
  choices: [{ index: 0, delta: { content }, finish_reason: null }],
})
const words = ['Hel', 'lo', ' wörld']
const wire = `${words.map((word) => `data: ${JSON.stringify(chunk(word))}\n\n`).join('')}data: [DONE]\n\n`

const assistant: ChatOperation = (request) => {
  if (request.model === 'missing') return Promise.reject(new StackError('model_not_found', { model: request.model }))
  return Promise.resolve(
    request.stream === true
      ? { kind: 'stream', stream: bytesStream(Buffer.from(wire)), contentType: 'text/event-stream' }
      : value(completion),
  )
}
const messages = [{ role: 'user' as const, content: 'hi' }]

describe.each([
  ['openai 7', OpenAI],
  ['openai 6', OpenAI6 as unknown as typeof OpenAI], // the same surface in the parts used here
])('the SDK %s over stack.fetch', (_name, Client) => {
  const open = (chat: ChatOperation) => {
    const sample = createSampleApp({ chat })
    const client = new Client({ baseURL: 'http://stack/v1', apiKey: 'unused', fetch: sample.app.fetch, maxRetries: 0 })
    return { sample, client, [Symbol.asyncDispose]: () => sample[Symbol.asyncDispose]() }
  }

  it('completes and streams', async () => {
    await using at = open(assistant)
    const reply = await at.client.chat.completions.create({ model: 'm', messages })
    expect(reply.choices[0]?.message.content).toBe('Hello')
    const stream = await at.client.chat.completions.create({ model: 'm', messages, stream: true })
    const seen: string[] = []
    for await (const part of stream) seen.push(part.choices[0]?.delta.content ?? '')
    expect(seen).toEqual(words)
  })

  it('raises typed errors with code, param and request id', async () => {
    await using at = open(assistant)
    const failure = await at.client.chat.completions
      .create({ model: 'missing', messages })
      .catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(Client.NotFoundError)
    expect(failure).toMatchObject({ status: 404, code: 'model_not_found', param: 'model' })
    expect(failure).toMatchObject({ requestID: expect.stringMatching(/^req_/) })
  })

  it('raises the error that ends a stream', async () => {
    await using at = open(() =>
      Promise.resolve({
        kind: 'events',
        events: (async function* () {
          yield chunk('a')
          throw new StackError('provider_stream_broken', { provider: 'p', reason: 'gone' })
        })(),
      }),
    )
    const stream = await at.client.chat.completions.create({ model: 'm', messages, stream: true })
    const read = async (): Promise<void> => {
      for await (const part of stream) void part
    }
    await expect(read()).rejects.toMatchObject({ code: 'provider_stream_broken' })
  })

  it('stops the work of a stream that is no longer read', async () => {
    let signal: AbortSignal | undefined
    await using at = open((_request, context) => {
      ;({ signal } = context)
      const events = async function* () {
        for (;;) {
          yield chunk('a')
          await new Promise((resolve) => setTimeout(resolve, 5))
        }
      }
      return Promise.resolve({ kind: 'events', events: events() })
    })
    const stream = await at.client.chat.completions.create({ model: 'm', messages, stream: true })
    for await (const part of stream) {
      expect(part.choices).toHaveLength(1)
      break
    }
    await expect.poll(() => signal?.aborted).toBe(true)
  })
})

describe('llama-stack-client over stack.fetch', () => {
  it('completes and streams with the habits of node-fetch', async () => {
    await using sample = createSampleApp({ chat: assistant })
    // Its type is node-fetch's; the point of the test is that ours serves all the same.
    const fetch = sample.app.fetch as never
    const client = new LlamaStackClient({ baseURL: 'http://stack', fetch, maxRetries: 0 })
    const reply = await client.chat.completions.create({ model: 'm', messages })
    expect(reply).toMatchObject({ id: 'c1' })
    const stream = await client.chat.completions.create({ model: 'm', messages, stream: true })
    const seen: string[] = []
    for await (const part of stream) seen.push(part.choices[0]?.delta.content ?? '')
    expect(seen).toEqual(words)
  })
})

describe('stack.fetch', () => {
  const body = JSON.stringify({ model: 'm', messages })
  const headers = { 'content-type': 'application/json' }
  const path = '/v1/chat/completions'

  it.each<[string, () => unknown]>([
    ['a string', () => body],
    ['a Uint8Array', () => new TextEncoder().encode(body)],
    ['an ArrayBuffer', () => new TextEncoder().encode(body).buffer],
    ['a Blob', () => new Blob([body])],
    ['a Node stream', () => Readable.from([Buffer.from(body.slice(0, 9)), Buffer.from(body.slice(9))])],
    ['a web stream', () => new Blob([body]).stream()],
  ])('takes %s as a body', async (_name, toBody) => {
    await using sample = createSampleApp()
    const response = await sample.app.fetch(`http://stack${path}`, { method: 'post', headers, body: toBody() })
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ request: { model: 'm' }, rawLength: body.length })
  })

  it('takes a Request, a URL, a bare path, Headers and pairs', async () => {
    await using sample = createSampleApp()
    const { fetch } = sample.app
    const inputs = [
      fetch(new Request(`http://stack${path}`, { method: 'POST', headers, body })),
      fetch(new URL(`http://stack${path}`), { method: 'POST', headers: new Headers(headers), body }),
      fetch(path, { method: 'POST', headers: Object.entries(headers), body }),
      fetch(path, { method: 'POST', body }),
    ]
    for (const response of await Promise.all(inputs)) {
      expect([response.ok, response.headers.get('content-type')]).toEqual([true, 'application/json'])
    }
  })

  it('refuses forms where JSON belongs, having encoded them properly', async () => {
    await using sample = createSampleApp()
    const form = new FormData()
    form.set('a', '1')
    const response = await sample.app.fetch(path, { method: 'POST', body: form })
    expect(await response.json()).toMatchObject({
      error: { code: 'unsupported_media_type', message: expect.stringContaining('multipart/form-data; boundary=') },
    })
  })

  it('rejects with the reason of a signal that is aborted already', async () => {
    await using sample = createSampleApp()
    const signal = AbortSignal.abort(new RangeError('not wanted'))
    await expect(sample.app.fetch(path, { signal })).rejects.toThrow('not wanted')
    expect(sample.finished).toHaveLength(0)
  })
})
