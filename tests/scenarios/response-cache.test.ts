import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defineProvider } from '@llama-stack/api'
import type { Clock } from '@llama-stack/api'
import { describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import type { RequestLogRow } from '../../packages/server/src/storage/storage.ts'
import type { ScriptedReply } from '../../packages/server/src/testing/scripted-upstream.ts'
import { chatChunks, chatReply, doors, withStack } from './stack-under-test.ts'
import type { UnderTest, UnderTestOptions } from './stack-under-test.ts'

const chat = 'POST /v1/chat/completions'
const messages = [{ role: 'user', content: 'Hi' }]
const ask = { model: 'vendor/m1', messages }
const cached = { 'x-llama-stack-cache': '60' }

/** A vendor that never says the same twice, so that an answer tells whether it is a new one. */
function createVendor() {
  let count = 0
  return ({ body }: { readonly body: string }): ScriptedReply => {
    count += 1
    const id = `chatcmpl-${count}`
    const word = `answer ${count}`
    if (body.includes('"stream":true')) return { events: chatChunks([word, ' é€']).map((chunk) => ({ ...chunk, id })) }
    const message = { role: 'assistant', content: word }
    return { json: { ...chatReply, id, choices: [{ index: 0, message, finish_reason: 'stop' }] } }
  }
}

type Under = UnderTest & {
  /** How often the vendor was asked for a chat. */
  readonly asked: () => number
  readonly log: () => Promise<readonly RequestLogRow[]>
}

function withVendor(options: UnderTestOptions, scenario: (under: Under) => Promise<void>): Promise<void> {
  return withStack({ ...options, routes: { [chat]: createVendor(), ...options.routes } }, (under) =>
    scenario({
      ...under,
      asked: () => under.upstream.requests.filter(({ method }) => method === 'POST').length,
      log: async () => (await under.stack.requestLog({ id: 'local' }).list({ limit: 50, order: 'asc' })).rows,
    }),
  )
}

const says = (response: Response): string | null => response.headers.get('x-llama-stack-cache')

/** What the replies to a row of equal calls say of the cache. */
async function saysEach(calls: readonly (() => Promise<Response>)[]): Promise<(string | null)[]> {
  const said: (string | null)[] = []
  for (const call of calls) {
    const response = await call()
    await response.text()
    said.push(says(response)?.replace(/age=\d+$/, 'age=n') ?? null)
  }
  return said
}

const HIT = 'hit; age=n'

/** A clock that a test moves on. */
function createClock(): Clock & { pass(ms: number): void } {
  let offsetMs = 0
  return {
    now: () => Date.now() + offsetMs,
    monotonic: () => performance.now() + offsetMs,
    pass(ms) {
      offsetMs += ms
    },
  }
}

describe.each(doors)('through the %s', (door) => {
  test('[B061] an answer is given again, word for word, and says so', async () => {
    await withVendor({ door }, async ({ call, asked, log }) => {
      const first = await call(chat, ask, cached)
      const body = await first.text()
      const second = await call(chat, { messages, model: ask.model, user: 'u', metadata: { a: 'b' } }, cached)
      expect(await second.text()).toBe(body)
      expect([says(first), says(second)]).toEqual(['miss', expect.stringMatching(/^hit; age=\d$/)])
      expect(second.headers.get('content-type')).toBe('application/json')
      expect(second.headers.get('x-llama-stack-provider')).toBe('vendor')
      expect(asked()).toBe(1)
      const facts = { model: 'vendor/m1', providerId: 'vendor', providerModel: 'm1', totalTokens: 7, streamed: false }
      const attempt = { providerId: 'vendor', model: 'm1', errorCode: null }
      expect(await log()).toMatchObject([
        { ...facts, cached: false, attempts: [attempt] },
        { ...facts, cached: true, attempts: [] },
      ])
    })
  })

  test('[B061] a stream is given again as the same bytes, and only to those who want a stream', async () => {
    await withVendor({ door }, async ({ call, asked, log }) => {
      const first = await call(chat, { ...ask, stream: true }, cached)
      const text = await first.text()
      expect(text).toMatch(/answer 1[^]*é€[^]*"finish_reason":"stop"[^]*\n\ndata: \[DONE\]\n\n$/)
      const second = await call(chat, { stream: true, ...ask }, cached)
      expect(await second.text()).toBe(text)
      expect([says(second), second.headers.get('content-type')]).toEqual(['hit; age=0', 'text/event-stream'])
      expect(asked()).toBe(1)
      expect(says(await call(chat, ask, cached))).toBe('miss')
      expect(says(await call(chat, { ...ask, stream: false }, cached))).toBe('hit; age=0')
      expect((await log()).map(({ cached: isCached, streamed }) => [isCached, streamed])).toEqual([
        [false, true],
        [true, true],
        [false, false],
        [true, false],
      ])
    })
  })

  test('nothing is cached, and nothing said, where nobody asks for it', async () => {
    await withVendor({ door }, async ({ call, asked }) => {
      expect(await saysEach([() => call(chat, ask), () => call(chat, ask)])).toEqual([null, null])
      expect(asked()).toBe(2)
    })
  })

  test('a wish that cannot be read is refused before anybody is asked', async () => {
    await withVendor({ door }, async ({ call, asked }) => {
      const response = await call(chat, ask, { 'x-llama-stack-cache': 'please' })
      expect(response.status).toBe(400)
      expect(await response.json()).toMatchObject({ error: { code: 'invalid_value', param: 'x-llama-stack-cache' } })
      expect(asked()).toBe(0)
    })
  })
})

describe('what a request asks for', () => {
  test('[B062] off, no-store and refresh', async () => {
    await withVendor({ config: { responseCache: { defaultTtlSeconds: 60 } } }, async ({ call, asked }) => {
      const wish = (header: string) => () => call(chat, ask, { 'x-llama-stack-cache': header })
      const plain = () => call(chat, ask)
      expect(await saysEach([wish('no-store'), wish('no-store'), wish('off'), plain, plain])).toEqual([
        'miss',
        'miss',
        null,
        'miss',
        HIT,
      ])
      expect(asked()).toBe(4)
      expect(await saysEach([wish('no-store'), wish('off'), wish('refresh'), plain])).toEqual([
        HIT,
        null,
        'refresh',
        HIT,
      ])
      expect(await (await plain()).text()).toContain('answer 6')
    })
  })

  test('[B062] an answer is good for the time that was asked for when it was kept, and that is asked for now', async () => {
    const clock = createClock()
    await withVendor({ more: { clock } }, async ({ call }) => {
      const wish = (header: string) => () => call(chat, ask, { 'x-llama-stack-cache': header })
      expect(await saysEach([wish('60')])).toEqual(['miss'])
      clock.pass(40_000)
      expect(says(await wish('3600')())).toBe('hit; age=40')
      expect(await saysEach([wish('30'), wish('30')])).toEqual(['miss', HIT])
      clock.pass(30_000)
      expect(await saysEach([wish('no-store'), wish('3600')])).toEqual(['miss', 'miss'])
    })
  })

  test('[B062] what is configured for a model, an alias, all', async () => {
    const config = {
      aliases: { fast: 'vendor/m1', slow: 'vendor/m1' },
      responseCache: { defaultTtlSeconds: 60, models: { 'vendor/m1': 0, fast: 60 } },
    }
    await withVendor({ config }, async ({ call }) => {
      const of = (model: string) => () => call(chat, { ...ask, model })
      const models = ['vendor/m1', 'vendor/m1', 'slow', 'slow', 'fast', 'fast', 'vendor/other', 'vendor/other']
      expect(await saysEach(models.map(of))).toEqual([null, null, null, null, 'miss', HIT, 'miss', HIT])
      expect(await (await of('fast')()).json()).toMatchObject({ model: 'fast' })
    })
  })

  test('an operator who turns the cache off is not asked for it', async () => {
    const config = { responseCache: { enabled: false, defaultTtlSeconds: 60 } }
    await withVendor({ config }, async ({ call, asked }) => {
      expect(await saysEach([() => call(chat, ask, cached), () => call(chat, ask, cached)])).toEqual([null, null])
      expect(asked()).toBe(2)
    })
  })
})

describe('whose answers these are', () => {
  const keys = ['sk-of-anna-1234567890', 'sk-of-otto-1234567890'] as const
  const by = (index: 0 | 1) => ({ ...cached, authorization: `Bearer ${keys[index]}` })

  test('[B020, B062] one caller is never answered with what another was told', async () => {
    await withVendor({ config: { server: { apiKeys: [...keys] } } }, async ({ call }) => {
      const of = (index: 0 | 1) => () => call(chat, ask, by(index))
      expect(await saysEach([of(0), of(1), of(0), of(1)])).toEqual(['miss', 'miss', HIT, HIT])
      const seen = await call('GET /v1alpha/admin/response-cache', undefined, by(0))
      expect(await seen.json()).toMatchObject({ entries: 1, hits: 1, misses: 1, shared: false })
      const cleared = await call('DELETE /v1alpha/admin/response-cache', undefined, by(0))
      expect(await cleared.json()).toEqual({ object: 'response_cache.cleared', deleted: 1 })
      expect(await saysEach([of(0), of(1)])).toEqual(['miss', HIT])
    })
  })

  test('all are answered alike where that is configured', async () => {
    const config = { server: { apiKeys: [...keys] }, responseCache: { shared: true } }
    await withVendor({ config }, async ({ call }) => {
      expect(await saysEach([() => call(chat, ask, by(0)), () => call(chat, ask, by(1))])).toEqual(['miss', HIT])
      const seen = await call('GET /v1alpha/admin/response-cache', undefined, by(1))
      expect(await seen.json()).toMatchObject({ entries: 1, shared: true })
    })
  })

  test('a key has a time of its own, under the id that the server tells', async () => {
    const server = { apiKeys: [...keys] }
    const idOf: string[] = []
    await withVendor({ config: { server } }, async ({ call }) => {
      const status = await call('GET /v1alpha/admin/response-cache', undefined, by(0))
      // The reply has the shape of its schema.
      idOf.push(((await status.json()) as { owner: string }).owner)
    })
    const config = { server, responseCache: { keys: Object.fromEntries(idOf.map((id) => [id, 60])) } }
    await withVendor({ config }, async ({ call }) => {
      const of = (index: 0 | 1) => () => call(chat, ask, { authorization: `Bearer ${keys[index]}` })
      expect(await saysEach([of(0), of(0), of(1), of(1)])).toEqual(['miss', HIT, null, null])
    })
  })

  test('what came with a key of the caller’s own is given to that key only', async () => {
    await withVendor({}, async ({ call }) => {
      const data = (key: string) => ({ 'x-llamastack-provider-data': JSON.stringify({ openai_api_key: key }) })
      const of = (key: string) => () => call(chat, ask, { ...cached, ...data(key) })
      expect(await saysEach([of('sk-1'), of('sk-2'), of('sk-1')])).toEqual(['miss', 'miss', HIT])
    })
  })
})

describe('what is kept', () => {
  const finished = (finish_reason: string) => ({
    json: { ...chatReply, choices: [{ index: 0, message: { role: 'assistant', content: 'Hm' }, finish_reason }] },
  })
  const [start = {}, word = {}] = chatChunks(['Hel', 'lo'])

  test.each<[string, ScriptedReply, object]>([
    ['a stream that breaks off', { events: chatChunks(['Hel', 'lo']), resetAfter: 2 }, { stream: true }],
    ['a stream without an end', { events: [start, word], done: false }, { stream: true }],
    ['a stream with an error', { events: [start, word, { error: { message: 'no' } }] }, { stream: true }],
    ['an error', { status: 400, json: { error: { message: 'no' } } }, {}],
    ['an answer that a filter cut', finished('content_filter'), {}],
    ['a failure that looks like an answer', finished('error'), {}],
  ])('[B061] never %s', async (_what, reply, more) => {
    const config = { reliability: { retries: 0 } }
    await withVendor({ config, routes: { [chat]: reply }, expectsErrors: true }, async ({ call, asked }) => {
      for (const _ of [1, 2]) {
        const response = await call(chat, { ...ask, ...more }, cached)
        expect(says(response)).toBe(response.ok ? 'miss' : null)
        await response.text().catch(() => undefined)
      }
      expect(asked()).toBe(2)
    })
  })

  test.each<[string, object]>([
    ['a turn that calls a tool', { tools: [{ type: 'function', function: { name: 'f' } }], tool_choice: 'auto' }],
    ['an answer of chance', { temperature: 2, n: 3, seed: 1 }],
    ['an answer that came to its limit', { max_tokens: 1 }],
  ])('%s, where that is asked for', async (_what, more) => {
    await withVendor({}, async ({ call }) => {
      const of = (extra: object) => () => call(chat, { ...ask, ...more, ...extra }, cached)
      expect(await saysEach([of({}), of({}), of({ n: 2 })])).toEqual(['miss', HIT, 'miss'])
    })
  })

  test('[B062] nothing that is larger than allowed, streamed or not', async () => {
    await withVendor({ config: { responseCache: { maxEntryBytes: 100 } } }, async ({ call, asked }) => {
      for (const stream of [true, false]) {
        const of = () => call(chat, { ...ask, stream }, cached)
        expect(await saysEach([of, of])).toEqual(['miss', 'miss'])
      }
      expect(asked()).toBe(4)
    })
  })

  test('[B062] no more than there is room for: what was not used for the longest time goes', async () => {
    const responseCache = { maxBytes: 3000, memoryBytes: 0 }
    const clock = createClock()
    await withVendor({ config: { responseCache }, more: { clock } }, async ({ call, stack }) => {
      const of = (content: number) => async () => {
        clock.pass(1)
        return call(chat, { ...ask, messages: [{ role: 'user', content: `${content}` }] }, cached)
      }
      const questions = Array.from({ length: 12 }, (_, index) => of(index))
      await saysEach(questions)
      const status = await (await call('GET /v1alpha/admin/response-cache')).json()
      // The reply has the shape of its schema.
      const { bytes, entries } = status as { bytes: number; entries: number }
      expect(bytes).toBeLessThanOrEqual(3000)
      expect(entries).toBeGreaterThan(1)
      expect(stack.config.responseCache.maxBytes).toBe(3000)
      expect(await saysEach([of(11), of(10), of(0)])).toEqual([HIT, HIT, 'miss'])
    })
  })

  test('[B061] beyond a restart, streams too', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'stack-'))
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
    const texts: string[] = []
    for (const expected of ['miss', HIT]) {
      await withVendor({ directory }, async ({ call, asked }) => {
        for (const stream of [true, false]) {
          const response = await call(chat, { ...ask, stream }, cached)
          texts.push(await response.text())
          expect(says(response)?.replace(/\d+$/, 'n')).toBe(expected)
        }
        expect(asked()).toBe(expected === HIT ? 0 : 2)
      })
    }
    expect(texts.slice(2)).toEqual(texts.slice(0, 2))
  })

  test('for all processes of a server, and cleared for all', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'stack-'))
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
    const worker = (maintains: boolean) => ({ directory, more: { worker: { maintains } } })
    await withVendor(worker(true), async (one) => {
      await withVendor(worker(false), async (two) => {
        const by = (under: Under) => () => under.call(chat, ask, cached)
        // Replies are kept beside the request: another process finds them shortly after.
        const kept = async (): Promise<unknown> => {
          const status = await two.call('GET /v1alpha/admin/response-cache')
          return ((await status.json()) as { entries: number }).entries
        }
        expect(await saysEach([by(one)])).toEqual(['miss'])
        await expect.poll(kept).toBe(1)
        expect(await saysEach([by(two), by(one)])).toEqual([HIT, HIT])
        await two.call('DELETE /v1alpha/admin/response-cache')
        expect(await saysEach([by(one)])).toEqual(['miss'])
        await expect.poll(kept).toBe(1)
        expect(await saysEach([by(two)])).toEqual([HIT])
      })
    })
  })

  test('a completion once: a hit is not stored again, and is found under its id', async () => {
    await withVendor({}, async ({ call }) => {
      const of = (store: boolean) => () => call(chat, { ...ask, store }, cached)
      expect(await saysEach([of(false), of(false), of(true), of(true)])).toEqual(['miss', HIT, 'miss', HIT])
      const hit = await call(chat, ask, cached)
      // A chat completion, as above.
      const { id } = (await hit.json()) as { id: string }
      expect(await (await call('GET /v1/chat/completions')).json()).toMatchObject({ data: [{ id }] })
      expect((await call(`GET /v1/chat/completions/${id}`)).status).toBe(200)
    })
  })

  test('nothing when a model is tried out', async () => {
    await withVendor({ config: { responseCache: { defaultTtlSeconds: 60 } } }, async ({ call, asked }) => {
      const probe = async (): Promise<number> => {
        const before = asked()
        expect((await call('POST /v1alpha/admin/models/vendor/m1/probe')).status).toBe(200)
        return asked() - before
      }
      const first = await probe()
      expect([first > 0, await probe()]).toEqual([true, first])
    })
  })

  test('nothing while recording: each call is made', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'recordings-'))
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
    const recordings = { mode: 'record', directory } as const
    await withVendor({ more: { recordings } }, async ({ call, asked }) => {
      expect(await saysEach([() => call(chat, ask, cached), () => call(chat, ask, cached)])).toEqual([null, null])
      expect(asked()).toBe(2)
      expect(readdirSync(directory).length).toBeGreaterThan(0)
      expect(await (await call('GET /v1alpha/admin/response-cache')).json()).toMatchObject({ enabled: false })
    })
  })
})

describe('every operation', () => {
  const computed = (headers: Readonly<Record<string, string>>) => {
    let count = 0
    return defineProvider({
      api: 'inference',
      type: 'inline::counter',
      description: 'Counts its calls.',
      config: z.strictObject({}),
      create: () => ({
        async rerank() {
          count += 1
          return { kind: 'value', value: { data: [{ index: 0, relevance_score: count }] }, headers }
        },
        async models() {
          return [{ id: 'r', type: 'rerank', metadata: {} }]
        },
      }),
    })
  }
  const counter = (headers = {}): UnderTestOptions => ({
    config: { providers: [{ api: 'inference', id: 'counter', type: 'inline::counter' }] },
    more: { providers: [computed(headers)] },
  })

  test('text completions, streamed and not', async () => {
    const choice = { index: 0, text: 'there', finish_reason: 'stop', logprobs: null }
    const json = { id: 'cmpl-1', object: 'text_completion', created: 1, model: 'm1', choices: [choice] }
    const route = 'POST /v1/completions'
    const reply = ({ body }: { readonly body: string }): ScriptedReply =>
      body.includes('"stream":true') ? { events: [json] } : { json }
    await withVendor({ routes: { [route]: reply } }, async ({ call }) => {
      for (const stream of [true, false]) {
        const of = () => call(route, { model: 'vendor/m1', prompt: 'Hello', stream }, cached)
        expect(await saysEach([of, of])).toEqual(['miss', HIT])
      }
    })
  })

  test('embeddings, each encoding by itself', async () => {
    const route = 'POST /v1/embeddings'
    const json = { object: 'list', data: [{ object: 'embedding', index: 0, embedding: [0.5] }], model: 'e', usage: {} }
    await withVendor({ routes: { [route]: { json } } }, async ({ call, asked }) => {
      const of = (format?: string) => () =>
        call(route, { model: 'vendor/text-embedding-3-small', input: 'Hi', encoding_format: format }, cached)
      expect(await saysEach([of(), of(), of('base64'), of('base64')])).toEqual(['miss', HIT, 'miss', HIT])
      expect(await (await of('base64')()).json()).toMatchObject({ data: [{ embedding: 'AAAAPw==' }] })
      expect(asked()).toBe(2)
    })
  })

  test('rerank, in both of its shapes', async () => {
    await withStack(counter(), async ({ call }) => {
      const ours = { model: 'counter/r', query: 'q', items: ['a'] }
      const first = await call('POST /v1alpha/inference/rerank', ours, cached)
      expect([says(first), await first.json()]).toEqual(['miss', { data: [{ index: 0, relevance_score: 1 }] }])
      const theirs = await call('POST /v1/rerank', { model: 'counter/r', query: 'q', documents: ['a'] }, cached)
      expect(says(theirs)).toBe('hit; age=0')
      expect(await theirs.json()).toMatchObject({ results: [{ index: 0, relevance_score: 1 }] })
    })
  })

  test('but not what a stand-in answered: the model may be there the next time', async () => {
    await withStack(counter({ 'x-llama-stack-substitute': 'lexical' }), async ({ call }) => {
      const of = () => call('POST /v1alpha/inference/rerank', { model: 'counter/r', query: 'q', items: ['a'] }, cached)
      expect(await saysEach([of, of])).toEqual(['miss', 'miss'])
    })
  })
})

test('[B062] what the cache holds is told and cleared, by model or all', async () => {
  await withVendor({ config: { aliases: { fast: 'vendor/m1' } } }, async ({ call }) => {
    const of = (model: string, stream: boolean) => () => call(chat, { ...ask, model, stream }, cached)
    await saysEach([of('fast', true), of('fast', false), of('vendor/m1', false), of('fast', true)])
    const status = await (await call('GET /v1alpha/admin/response-cache')).json()
    expect(status).toMatchObject({
      object: 'response_cache',
      enabled: true,
      owner: 'local',
      entries: 3,
      max_bytes: 256 * 1024 * 1024,
      hits: 1,
      misses: 3,
      joined: 0,
      data: [
        { operation: 'chat', model: 'fast', entries: 2 },
        { operation: 'chat', model: 'vendor/m1', entries: 1 },
      ],
    })
    const cleared = await call('DELETE /v1alpha/admin/response-cache?model=fast')
    expect(await cleared.json()).toEqual({ object: 'response_cache.cleared', deleted: 2 })
    expect(await saysEach([of('fast', true), of('vendor/m1', false)])).toEqual(['miss', HIT])
    expect(await (await call('DELETE /v1alpha/admin/response-cache')).json()).toMatchObject({ deleted: 2 })
    expect(await (await call('GET /v1alpha/admin/response-cache')).json()).toMatchObject({ entries: 0, data: [] })
  })
})
