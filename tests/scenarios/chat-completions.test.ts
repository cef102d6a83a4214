import { describe, expect, test } from 'vitest'
import { chatChunks, chatReply, doors, eventsOf, withStack } from './stack-under-test.ts'
import { timed } from '../../packages/server/src/testing/timed.ts'

const ask = { model: 'vendor/m1', messages: [{ role: 'user', content: 'Hi' }] }
const chat = 'POST /v1/chat/completions'

describe.each(doors)('chat completions through the %s', (door) => {
  test('[R001] are routed, with the name of the model as it was asked for', async () => {
    await withStack({ door, routes: { [chat]: { json: chatReply } } }, async ({ call, upstream }) => {
      const response = await call(chat, ask)
      expect(response.status).toBe(200)
      expect(await response.json()).toEqual({ ...chatReply, model: 'vendor/m1' })
      expect(response.headers.get('x-request-id')).toMatch(/\S/)
      const sent = upstream.requests.at(-1)
      expect(sent?.json()).toEqual({ ...ask, model: 'm1' })
      expect(sent?.headers['authorization']).toBe('Bearer sk-test')
    })
  })

  test('[B001, B003] stream to the letter', async () => {
    const chunks = chatChunks(['Hel', 'lo'])
    const usage = { ...chunks[0], choices: [], usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 } }
    await withStack({ door, routes: { [chat]: { events: [...chunks, usage] } } }, async ({ call }) => {
      const response = await call(chat, { ...ask, stream: true })
      expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/)
      const events = await eventsOf(response)
      expect(events.at(-1)).toBe('[DONE]')
      const named = chunks.map((chunk) => ({ ...chunk, model: 'vendor/m1' }))
      expect(events.slice(0, -1).map((event) => JSON.parse(event) as unknown)).toEqual(named)
      const asked = await call(chat, { ...ask, stream: true, stream_options: { include_usage: true } })
      const withUsage = (await eventsOf(asked)).slice(0, -1).map((event) => JSON.parse(event) as unknown)
      expect(withUsage.at(-1)).toEqual({ ...usage, model: 'vendor/m1' })
    })
  })

  test('[B012] answer alike on the path of Llama Stack, with the provider’s name of the model', async () => {
    await withStack({ door, routes: { [chat]: { json: chatReply } } }, async ({ call }) => {
      const response = await call('POST /v1/openai/v1/chat/completions', ask)
      expect(await response.json()).toEqual(chatReply)
    })
  })

  test('[B009] carry unknown fields to the provider', async () => {
    await withStack({ door, routes: { [chat]: { json: chatReply } } }, async ({ call, upstream }) => {
      await call(chat, { ...ask, min_p: 0.1, nested: { a: [1] }, temperature: null })
      expect(upstream.requests.at(-1)?.json()).toEqual({ ...ask, model: 'm1', min_p: 0.1, nested: { a: [1] } })
    })
  })

  test('[R002, R003, R004, B011] are kept, listed, fetched, changed and deleted', async () => {
    const routes = {
      [chat]: ({ body }: { body: string }) =>
        body.includes('"stream":true') ? { events: chatChunks(['Hel', 'lo']) } : { json: chatReply },
    }
    await withStack({ door, routes }, async ({ call }) => {
      await (await call(chat, { ...ask, metadata: { topic: 'a' } })).json()
      await eventsOf(await call(chat, { ...ask, stream: true }))
      await (await call(chat, { ...ask, store: false })).json()
      const list = (await (await call('GET /v1/chat/completions?order=asc')).json()) as {
        data: Record<string, unknown>[]
      }
      expect(list.data).toHaveLength(2)
      expect(list.data[0]).toMatchObject({ id: 'chatcmpl-1', input_messages: ask.messages, metadata: { topic: 'a' } })
      const streamed = await (await call('GET /v1/chat/completions/chatcmpl-2')).json()
      expect(streamed).toMatchObject({
        object: 'chat.completion',
        choices: [{ message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop' }],
      })
      const messages = await (await call('GET /v1/chat/completions/chatcmpl-2/messages')).json()
      expect(messages).toMatchObject({ object: 'list', data: [{ role: 'user', content: 'Hi' }], has_more: false })
      const page = await (await call('GET /v1/chat/completions?limit=1&order=asc')).json()
      expect(page).toMatchObject({ has_more: true, first_id: 'chatcmpl-1', last_id: 'chatcmpl-1' })
      const changed = await (await call('POST /v1/chat/completions/chatcmpl-1', { metadata: { topic: 'b' } })).json()
      expect(changed).toMatchObject({ metadata: { topic: 'b' } })
      const found = await (await call('GET /v1/chat/completions?metadata[topic]=b')).json()
      expect(found).toMatchObject({ data: [{ id: 'chatcmpl-1' }] })
      expect(await (await call('DELETE /v1/chat/completions/chatcmpl-1')).json()).toMatchObject({ deleted: true })
      const gone = await call('GET /v1/chat/completions/chatcmpl-1')
      expect(gone.status).toBe(404)
      expect(await gone.json()).toMatchObject({ error: { code: 'completion_not_found', param: 'completion_id' } })
    })
  })

  test('[B011] are not kept where the configuration says so', async () => {
    const config = { inferenceStore: { enabled: false } }
    await withStack({ door, config, routes: { [chat]: { json: chatReply } } }, async ({ call }) => {
      await (await call(chat, ask)).json()
      const response = await call('GET /v1/chat/completions')
      expect(response.status).toBe(501)
      expect(await response.json()).toMatchObject({ error: { code: 'store_disabled' } })
    })
  })

  test('[B004] tell an error in mid-stream as one event, without [DONE]', async () => {
    const routes = { [chat]: { events: chatChunks(['a', 'b', 'c']), resetAfter: 2 } }
    await withStack({ door, routes, expectsErrors: true }, async ({ call }) => {
      const events = await eventsOf(await call(chat, { ...ask, stream: true }))
      expect(events).toHaveLength(3)
      expect(JSON.parse(events.at(-1) ?? '')).toMatchObject({
        error: { type: 'api_error', code: 'provider_stream_broken', param: null },
      })
      expect((await (await call('GET /v1/chat/completions')).json()) as unknown).toMatchObject({ data: [] })
    })
  })

  test('[B007, B008] pass on what a vendor refuses, with its words, code and Retry-After', async () => {
    const refusal = { error: { message: 'slow down', type: 'requests', param: null, code: 'rate_limit_exceeded' } }
    const routes = { [chat]: { status: 429, headers: { 'retry-after': '30' }, json: refusal } }
    await withStack({ door, routes }, async ({ call }) => {
      const response = await call(chat, ask)
      expect(response.status).toBe(429)
      // Longer than the server itself would wait: told at once.
      expect(response.headers.get('retry-after')).toBe('30')
      expect(await response.json()).toEqual({
        error: { message: 'slow down', type: 'requests', param: null, code: 'rate_limit_exceeded' },
      })
    })
  })

  test.each([
    [{ ...ask, messages: [] }, 'messages', 'invalid_value'],
    [{ ...ask, messages: [{ role: 'robot', content: 'x' }] }, 'messages[0].role', 'invalid_value'],
    [
      { ...ask, messages: [{ role: 'user', content: [{ type: 'image_url' }] }] },
      'messages[0].content[0].image_url',
      'missing_field',
    ],
    [{ ...ask, temperature: 3 }, 'temperature', 'invalid_value'],
    [{ messages: ask.messages }, 'model', 'missing_field'],
    [{ ...ask, tool_choice: 'required' }, 'tool_choice', 'invalid_value'],
    [{ ...ask, model: 'nobody' }, 'model', 'model_not_found'],
    [{ ...ask, model: 'vendor/text-embedding-3-small' }, 'model', 'model_type_mismatch'],
  ])('[B007] name the field at fault: %j', async (body, param, code) => {
    await withStack({ door }, async ({ call, upstream }) => {
      const response = await call(chat, body)
      expect(response.status).toBe(code === 'model_not_found' ? 404 : 400)
      const { error } = (await response.json()) as { error: Record<string, unknown> }
      expect(error).toMatchObject({ param, code, type: 'invalid_request_error' })
      expect(upstream.requests.filter(({ method }) => method === 'POST')).toEqual([])
    })
  })

  test('take a choice of no tools as no tools at all', async () => {
    const tools = [{ type: 'function', function: { name: 'f', parameters: {} } }]
    await withStack({ door, routes: { [chat]: { json: chatReply } } }, async ({ call, upstream }) => {
      await call(chat, { ...ask, tools, tool_choice: 'none' })
      expect(upstream.requests.at(-1)?.json()).toEqual({ ...ask, model: 'm1' })
    })
  })

  test('[B013] use a caller’s own key from either header', async () => {
    await withStack({ door, routes: { [chat]: { json: chatReply } } }, async ({ call, upstream }) => {
      for (const header of ['x-llamastack-provider-data', 'X-OGX-Provider-Data']) {
        await call(chat, ask, { [header]: JSON.stringify({ openai_api_key: 'sk-mine' }) })
        expect(upstream.requests.at(-1)?.headers['authorization']).toBe('Bearer sk-mine')
      }
    })
  })
})

test('[B005] a client that leaves cancels the call to the provider within 100 ms', timed, async () => {
  const routes = { [chat]: { events: chatChunks(Array.from({ length: 200 }, () => 'word ')), gapMs: 20 } }
  await withStack({ routes }, async ({ url, upstream }) => {
    const controller = new AbortController()
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...ask, stream: true }),
      signal: controller.signal,
    })
    await response.body?.getReader().read()
    expect(upstream.requests.at(-1)?.aborted).toBe(false)
    controller.abort()
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(upstream.requests.at(-1)?.aborted).toBe(true)
  })
})

test('[B002] silence on a stream is filled with comments', async () => {
  const routes = { [chat]: { events: chatChunks(['a']), gapMs: 400 } }
  const config = { server: { keepAliveMs: 100 } }
  await withStack({ routes, config }, async ({ call }) => {
    const text = await (await call(chat, { ...ask, stream: true })).text()
    expect(text).toMatch(/^: /m)
    expect(text).toMatch(/data: \[DONE\]\n\n$/)
  })
})
