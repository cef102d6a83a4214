import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { RequestLogRow } from '../../packages/server/src/storage/storage.ts'
import type { ScriptedReply, ScriptedRoute } from '../../packages/server/src/testing/scripted-upstream.ts'
import { chatReply, withStack } from './stack-under-test.ts'
import type { UnderTest, UnderTestOptions } from './stack-under-test.ts'

const embeddings = 'POST /v1/embeddings'
const chat = 'POST /v1/chat/completions'
const embed = { model: 'vendor/text-embedding-3-small', input: 'Hi' }
const vectors = {
  object: 'list',
  data: [{ object: 'embedding', index: 0, embedding: [0.5] }],
  model: 'text-embedding-3-small',
  usage: { prompt_tokens: 2, total_tokens: 2 },
}

/** A vendor that answers when the test lets it. */
function createGate(reply: ScriptedReply) {
  const open = Promise.withResolvers<void>()
  const route: ScriptedRoute = async () => {
    await open.promise
    return reply
  }
  return { route, open: () => open.resolve() }
}

const asked = ({ upstream }: UnderTest): number => upstream.requests.filter(({ method }) => method === 'POST').length

async function logOf({ stack }: UnderTest, rows: number): Promise<readonly RequestLogRow[]> {
  const list = async () => (await stack.requestLog({ id: 'local' }).list({ limit: 50, order: 'asc' })).rows
  await expect.poll(async () => (await list()).length).toBe(rows)
  return list()
}

const says = (response: Response): string | null => response.headers.get('x-llama-stack-cache')

/** How often each value occurs, by its text: replies come in no order. */
function tally(values: readonly unknown[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const value of values) counts[String(value)] = (counts[String(value)] ?? 0) + 1
  return counts
}

/** Starts calls, lets them all come in, then lets the vendor answer. */
async function together(
  options: UnderTestOptions,
  calls: readonly { readonly route: string; readonly body: unknown; readonly headers?: Record<string, string> }[],
  scenario: (under: UnderTest, replies: readonly Response[]) => Promise<void>,
): Promise<void> {
  const gates = { [embeddings]: createGate({ json: vectors }), [chat]: createGate({ json: chatReply }) }
  const routes = Object.fromEntries(Object.entries(gates).map(([route, gate]) => [route, gate.route]))
  await withStack({ ...options, routes }, async (under) => {
    const waiting = calls.map(({ route, body, headers }) => under.call(route, body, headers))
    await expect.poll(() => under.stack.openRequests).toBe(calls.length)
    await expect.poll(() => asked(under)).toBeGreaterThan(0)
    // What is to go out has gone out by then.
    await sleep(100)
    for (const gate of Object.values(gates)) gate.open()
    await scenario(under, await Promise.all(waiting))
  })
}

test('[B063] equal embeddings under way are one call, and each caller has the whole answer', async () => {
  const spelled = { user: 'someone', input: 'Hi', model: embed.model }
  const calls = [embed, spelled, embed].map((body) => ({ route: embeddings, body }))
  await together({}, calls, async (under, replies) => {
    expect(asked(under)).toBe(1)
    for (const reply of replies) expect(await reply.json()).toEqual({ ...vectors, model: embed.model })
    expect(tally(replies.map(says))).toEqual({ joined: 2, null: 1 })
    const rows = await logOf(under, 3)
    expect(tally(rows.map(({ cached, attempts }) => [cached, attempts.length]))).toEqual({ 'false,1': 1, 'true,0': 2 })
    for (const row of rows) expect(row).toMatchObject({ status: 200, providerId: 'vendor', totalTokens: 2 })
  })
})

test('[B063] what differs is asked for by itself, as is what a caller or the operator wants so', async () => {
  const two = (one: object, other: object) => [one, other].map((body) => ({ route: embeddings, body }))
  await together({}, two(embed, { ...embed, input: 'Ho' }), async (under) => expect(asked(under)).toBe(2))
  await together({}, two(embed, { ...embed, dimensions: 1 }), async (under) => expect(asked(under)).toBe(2))
  const off = two(embed, embed).map((call) => ({ ...call, headers: { 'x-llama-stack-cache': 'off' } }))
  await together({}, off, async (under) => expect(asked(under)).toBe(2))
  const config = { responseCache: { coalesce: false } }
  await together({ config }, two(embed, embed), async (under) => expect(asked(under)).toBe(2))
})

test('two callers never share a call', async () => {
  const keys = ['sk-of-anna-1234567890', 'sk-of-otto-1234567890']
  const calls = keys.map((key) => ({
    route: embeddings,
    body: embed,
    headers: { authorization: `Bearer ${key}` },
  }))
  await together({ config: { server: { apiKeys: keys } } }, calls, async (under) => expect(asked(under)).toBe(2))
})

test('[B063] equal chats share a call where they are cached, and only there', async () => {
  const body = { model: 'vendor/m1', messages: [{ role: 'user', content: 'Hi' }] }
  const cached = { route: chat, body, headers: { 'x-llama-stack-cache': '60' } }
  await together({}, [cached, cached, cached], async (under, replies) => {
    expect(asked(under)).toBe(1)
    expect(tally(replies.map(says))).toEqual({ joined: 2, miss: 1 })
    const texts = await Promise.all(replies.map((reply) => reply.text()))
    expect(new Set(texts).size).toBe(1)
    expect(await (await under.call('GET /v1/chat/completions')).json()).toMatchObject({ data: [{ id: 'chatcmpl-1' }] })
    expect(says(await under.call(chat, body, cached.headers))).toBe('hit; age=0')
  })
  const plain = { route: chat, body }
  await together({}, [plain, plain], async (under) => expect(asked(under)).toBe(2))
  const streamed = { ...cached, body: { ...body, stream: true } }
  await together({ expectsErrors: true }, [streamed, streamed], async (under) => expect(asked(under)).toBe(2))
})

test('a failure is that of all who waited for it', async () => {
  const gate = createGate({ status: 400, json: { error: { message: 'too long', type: 'invalid_request_error' } } })
  await withStack({ routes: { [embeddings]: gate.route } }, async (under) => {
    const waiting = [under.call(embeddings, embed), under.call(embeddings, embed)]
    await expect.poll(() => under.stack.openRequests).toBe(2)
    await sleep(50)
    gate.open()
    for (const response of await Promise.all(waiting)) {
      expect(response.status).toBe(400)
      expect(await response.json()).toMatchObject({ error: { message: expect.stringContaining('too long') as string } })
    }
    expect(asked(under)).toBe(1)
    const rows = await logOf(under, 2)
    expect(tally(rows.map(({ cached, attempts }) => [cached, attempts.length]))).toEqual({ 'false,0': 1, 'false,1': 1 })
  })
})

test('[B063] the call goes on while anybody waits, and ends with the last', async () => {
  const gate = createGate({ json: vectors })
  await withStack({ routes: { [embeddings]: gate.route } }, async (under) => {
    const leave = () => new AbortController()
    const callers = [leave(), leave(), leave()]
    const start = ({ signal }: AbortController): Promise<Response> =>
      under.fetch(`${under.url}/v1/embeddings`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(embed),
        signal,
      })
    const waiting = callers.map(start)
    await expect.poll(() => under.stack.openRequests).toBe(3)
    await expect.poll(() => asked(under)).toBe(1)
    const call = under.upstream.requests.findLast(({ method }) => method === 'POST')
    for (const [index, caller] of callers.entries()) {
      expect(call?.aborted).toBe(false)
      caller.abort()
      await expect(waiting[index]).rejects.toThrow(/abort/i)
      await expect.poll(() => under.stack.openRequests).toBe(2 - index)
    }
    await expect.poll(() => call?.aborted).toBe(true)
    // The next one does not wait for a call that has ended.
    const next = under.call(embeddings, embed)
    await expect.poll(() => asked(under)).toBe(2)
    gate.open()
    expect((await next).status).toBe(200)
    const rows = await logOf(under, 4)
    expect(rows.map(({ errorCode, cached }) => [errorCode, cached])).toEqual([
      ['client_closed', false],
      ['client_closed', false],
      ['client_closed', false],
      [null, false],
    ])
  })
})

test('who stays when the first leaves stands for the call', async () => {
  const gate = createGate({ json: vectors })
  await withStack({ routes: { [embeddings]: gate.route } }, async (under) => {
    const first = new AbortController()
    const body = JSON.stringify(embed)
    const headers = { 'content-type': 'application/json' }
    const left = under.fetch(`${under.url}/v1/embeddings`, { method: 'POST', headers, body, signal: first.signal })
    await expect.poll(() => asked(under)).toBe(1)
    const stayed = under.call(embeddings, embed)
    await expect.poll(() => under.stack.openRequests).toBe(2)
    await sleep(50)
    first.abort()
    await expect(left).rejects.toThrow(/abort/i)
    await expect.poll(() => under.stack.openRequests).toBe(1)
    gate.open()
    const reply = await stayed
    expect([reply.status, says(reply), asked(under)]).toEqual([200, null, 1])
    const rows = await logOf(under, 2)
    expect(rows.map(({ cached, attempts }) => [cached, attempts.length])).toEqual([
      [false, 0],
      [false, 1],
    ])
  })
})
