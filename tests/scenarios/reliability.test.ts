import { setTimeout as sleep } from 'node:timers/promises'
import { defineProvider, StackError } from '@llama-stack/api'
import type { AnyProviderDefinition, ChatCompletionChunk } from '@llama-stack/api'
import { z } from 'zod'
import type { RequestLogRow } from '../../packages/server/src/storage/storage.ts'
import { createScriptedUpstream } from '../../packages/server/src/testing/scripted-upstream.ts'
import type {
  ScriptedReply,
  ScriptedRoute,
  ScriptedUpstream,
} from '../../packages/server/src/testing/scripted-upstream.ts'
import { describe, expect, test } from 'vitest'
import { chatChunks, chatReply, eventsOf, withStack } from './stack-under-test.ts'
import type { UnderTest, UnderTestOptions } from './stack-under-test.ts'
import { timed } from '../../packages/server/src/testing/timed.ts'

const chat = 'POST /v1/chat/completions'
const messages = [{ role: 'user', content: 'Hi' }]
const ask = { model: 'team', messages }

const failure = { error: { message: 'out of order', type: 'server_error', param: null, code: null } }
const broken: ScriptedReply = { status: 500, json: failure }
const fine = ({ body }: { readonly body: string }): ScriptedReply =>
  body.includes('"stream":true') ? { events: chatChunks(['Hel', 'lo']) } : { json: chatReply }

type Config = NonNullable<UnderTestOptions['config']>
type Group = Exclude<NonNullable<Config['aliases']>[string], string>

interface Team {
  /** What each vendor answers to a chat, by the id of its provider, in the order of the alias. */
  readonly vendors: Readonly<Record<string, ScriptedRoute>>
  readonly group?: Partial<Group>
  /** Providers beside the vendors. */
  readonly more?: NonNullable<Config['providers']>
  readonly reliability?: Config['reliability']
  readonly options?: UnderTestOptions
}

type TeamUnderTest = Omit<UnderTest, 'upstream'> & {
  /** How often each vendor was asked for a chat. */
  readonly asked: () => Readonly<Record<string, number>>
  readonly vendors: Readonly<Record<string, ScriptedUpstream>>
  readonly log: () => Promise<readonly RequestLogRow[]>
}

/** A stack with the alias `team` over one model of each vendor. Retries wait for next to nothing. */
async function withTeam(team: Team, scenario: (under: TeamUnderTest) => Promise<void>): Promise<void> {
  await using opened = new AsyncDisposableStack()
  const vendors: Record<string, ScriptedUpstream> = {}
  for (const [id, route] of Object.entries(team.vendors)) {
    vendors[id] = opened.use(await createScriptedUpstream({ routes: { [chat]: route } }))
  }
  const config: Config = {
    providers: [
      ...Object.entries(vendors).map(([id, { url }]) => ({
        api: 'inference',
        id,
        type: 'remote::openai',
        config: { base_url: `${url}/v1`, api_key: 'sk-test' },
      })),
      ...(team.more ?? []),
    ],
    aliases: { team: { targets: Object.keys(vendors).map((id) => `${id}/m`), ...team.group } },
    reliability: { retries: 0, backoff: { baseMs: 1 }, ...team.reliability },
  }
  await withStack({ door: 'fetch', ...team.options, config: { ...config, ...team.options?.config } }, async (under) => {
    const asked = (): Record<string, number> =>
      Object.fromEntries(
        Object.entries(vendors).map(([id, { requests }]) => [
          id,
          requests.filter((one) => one.method === 'POST').length,
        ]),
      )
    const log = async () => (await under.stack.requestLog({ id: 'local' }).list({ limit: 100, order: 'asc' })).rows
    await scenario({ ...under, asked, vendors, log })
  })
}

const attemptsOf = (response: Response): string | null => response.headers.get('x-llama-stack-attempts')
const providerOf = (response: Response): string | null => response.headers.get('x-llama-stack-provider')

async function errorOf(response: Response): Promise<Record<string, unknown>> {
  const { error } = (await response.json()) as { error: Record<string, unknown> }
  return error
}

describe('[B031] a reply says who gave it', () => {
  test('whether it streams or not', async () => {
    await withTeam({ vendors: { a: fine } }, async ({ call }) => {
      for (const stream of [false, true]) {
        const response = await call(chat, { ...ask, stream })
        expect(providerOf(response)).toBe('a')
        expect(response.headers.get('x-llama-stack-model')).toBe('m')
        expect(attemptsOf(response)).toBeNull()
        await response.text()
      }
    })
  })

  test('in letters that a header can carry', async () => {
    await withTeam({ vendors: { a: fine }, group: { targets: ['a/模型'] } }, async ({ call }) => {
      const response = await call(chat, ask)
      expect(response.headers.get('x-llama-stack-model')).toBe(encodeURIComponent('模型'))
    })
  })
})

describe('[B029] what one target cannot answer', () => {
  test.each([
    ['fails', broken, 'provider_internal'],
    ['refuses the key', { status: 401, json: failure }, 'provider_authentication'],
    ['has no credit', { status: 402, json: failure }, 'provider_quota_exceeded'],
    ['is busy', { status: 429, json: failure }, 'provider_rate_limited'],
    ['does not have the model', { status: 404, json: failure }, 'provider_invalid_request'],
    ['closes the connection', { reset: true }, 'provider_unreachable'],
    ['sends no JSON', { text: '<html>' }, 'provider_bad_reply'],
  ] as const)('is asked of the next when the first %s', async (_, reply, code) => {
    await withTeam({ vendors: { a: reply, b: fine } }, async ({ call, log }) => {
      for (const stream of [false, true]) {
        if (stream && code === 'provider_bad_reply') continue
        const response = await call(chat, { ...ask, stream })
        expect(response.status).toBe(200)
        expect(providerOf(response)).toBe('b')
        expect(attemptsOf(response)).toBe(`a=${code}, b=ok`)
        expect(await response.text()).toContain('lo')
      }
      const [first] = await log()
      expect(first).toMatchObject({
        providerId: 'b',
        status: 200,
        errorCode: null,
        attempts: [
          { providerId: 'a', model: 'm', errorCode: code },
          { providerId: 'b', model: 'm', errorCode: null },
        ],
      })
    })
  })

  test.each([
    ['the request is wrong', { status: 400, json: failure }],
    ['the content is refused', { status: 400, json: { error: { ...failure.error, code: 'content_filter' } } }],
  ])('is asked of nobody else when %s', async (_, reply) => {
    await withTeam({ vendors: { a: reply, b: fine }, reliability: { retries: 2 } }, async ({ call, asked }) => {
      for (let count = 0; count < 10; count += 1) expect((await call(chat, ask)).status).toBe(400)
      expect(asked()).toEqual({ a: 10, b: 0 })
    })
  })

  test('fails with the last error, which names what was tried', async () => {
    const busy = { status: 429, json: { error: { message: 'slow down', type: 'requests', param: null, code: 'rate' } } }
    await withTeam({ vendors: { a: broken, b: busy } }, async ({ call }) => {
      const response = await call(chat, ask)
      expect(response.status).toBe(429)
      expect(attemptsOf(response)).toBe('a=provider_internal, b=provider_rate_limited')
      expect(await errorOf(response)).toEqual({
        message: 'slow down [tried: a=provider_internal, b=provider_rate_limited]',
        type: 'requests',
        param: null,
        code: 'rate',
      })
    })
  })

  test('is not asked again when the client has left', async () => {
    await withTeam({ vendors: { a: { ...broken, delayMs: 200 }, b: fine } }, async ({ call, asked, fetch, url }) => {
      const leaving = new AbortController()
      const body = JSON.stringify(ask)
      const headers = { 'content-type': 'application/json' }
      const left = fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body, signal: leaving.signal })
      setTimeout(() => leaving.abort(), 50)
      await expect(left).rejects.toMatchObject({ name: 'AbortError' })
      await sleep(300)
      expect(asked()).toEqual({ a: 1, b: 0 })
      // And nobody is blamed for it.
      await call(chat, ask)
      expect(asked()).toEqual({ a: 2, b: 1 })
    })
  })
})

describe('[B029] the same target is asked again', () => {
  /** Fails so often, then answers. */
  const recovering = (failures: number, reply: ScriptedReply = broken): ScriptedRoute => {
    let left = failures
    return (request) => {
      left -= 1
      return left >= 0 ? reply : fine(request)
    }
  }

  test('as often as the policy says, or the alias', async () => {
    await withTeam({ vendors: { a: recovering(2), b: fine }, reliability: { retries: 2 } }, async ({ call }) => {
      expect(attemptsOf(await call(chat, ask))).toBe('a=provider_internal, a=provider_internal, a=ok')
    })
    const once = { vendors: { a: recovering(2), b: fine }, group: { retries: 1 }, reliability: { retries: 2 } }
    await withTeam(once, async ({ call }) => {
      expect(attemptsOf(await call(chat, ask))).toBe('a=provider_internal, a=provider_internal, b=ok')
    })
  })

  test('when the vendor says that the request met another one', async () => {
    const vendors = { a: recovering(1, { status: 409, json: failure }) }
    await withTeam({ vendors, reliability: { retries: 1 } }, async ({ call }) => {
      expect(attemptsOf(await call(chat, ask))).toBe('a=provider_invalid_request, a=ok')
    })
  })

  test('after the time that it asked for, where nobody else can be asked', async () => {
    const reply = { status: 429, headers: { 'retry-after-ms': '150' }, json: failure }
    await withTeam({ vendors: { a: recovering(1, reply) }, reliability: { retries: 1 } }, async ({ call }) => {
      const started = performance.now()
      expect(attemptsOf(await call(chat, ask))).toBe('a=provider_rate_limited, a=ok')
      expect(performance.now() - started).toBeGreaterThan(145)
    })
  })

  test('not while another can be asked; until its time has come the other is asked first', async () => {
    const reply = { status: 429, headers: { 'retry-after-ms': '400' }, json: failure }
    const team = { vendors: { a: recovering(1, reply), b: fine }, reliability: { retries: 2 } }
    await withTeam(team, async ({ call }) => {
      expect(attemptsOf(await call(chat, ask))).toBe('a=provider_rate_limited, b=ok')
      const second = await call(chat, ask)
      expect([providerOf(second), attemptsOf(second)]).toEqual(['b', null])
      await sleep(400)
      expect(providerOf(await call(chat, ask))).toBe('a')
    })
  })
})

describe('[B030] a target that keeps failing', () => {
  const breaker = { failures: 3, openMs: 200 }

  test('is left alone, and asked once when its time has come', async () => {
    let isDown = true
    const vendors = { a: () => (isDown ? broken : { json: chatReply, delayMs: 100 }), b: fine }
    await withTeam({ vendors, reliability: { breaker } }, async ({ call, asked }) => {
      for (let count = 0; count < 10; count += 1) expect((await call(chat, ask)).status).toBe(200)
      expect(asked()).toEqual({ a: 3, b: 10 })
      isDown = false
      await sleep(200)
      // The first is the probe; while it is under way the others go on to b.
      const providers = await Promise.all([1, 2, 3].map(async () => providerOf(await call(chat, ask))))
      expect(providers).toEqual(['a', 'b', 'b'])
      expect(providerOf(await call(chat, ask))).toBe('a')
    })
  })

  test('is told where nobody else can be asked, with its last failure and when to come back', async () => {
    await withTeam({ vendors: { a: broken }, reliability: { breaker } }, async ({ call, asked }) => {
      for (let count = 0; count < 3; count += 1) expect((await call(chat, ask)).status).toBe(500)
      const response = await call(chat, ask)
      expect(response.status).toBe(503)
      expect(response.headers.get('retry-after')).toBe('1')
      expect(await errorOf(response)).toMatchObject({ code: 'provider_unavailable', message: /out of order/ })
      expect(asked()).toEqual({ a: 3 })
    })
  })

  test('is not closed to all by a caller’s own key', async () => {
    const vendors = {
      a: ({ headers }: { headers: Readonly<Record<string, string>> }) =>
        headers['authorization'] === 'Bearer sk-test' ? { json: chatReply } : { status: 401, json: failure },
    }
    await withTeam({ vendors, reliability: { breaker } }, async ({ call, asked }) => {
      const own = { 'x-llamastack-provider-data': JSON.stringify({ openai_api_key: 'sk-wrong' }) }
      for (let count = 0; count < 5; count += 1) expect((await call(chat, ask, own)).status).toBe(401)
      expect((await call(chat, ask)).status).toBe(200)
      expect(asked()).toEqual({ a: 6 })
    })
  })
})

describe('[B029] a stream', () => {
  const head = chatChunks([])[0] ?? {}
  /** Begins, and breaks off before anything is said. */
  const silent: ScriptedReply = { events: [head, head], resetAfter: 1 }
  const other = (words: readonly string[]): ScriptedReply => ({
    events: chatChunks(words).map((chunk) => ({ ...chunk, id: 'chatcmpl-other', created: 1, model: 'other' })),
  })

  test('that breaks off before it says anything is taken up by the next target', async () => {
    await withTeam({ vendors: { a: silent, b: other(['Hel', 'lo']) } }, async ({ call, log }) => {
      const text = await (await call(chat, { ...ask, stream: true })).text()
      expect(text).toContain(': llama-stack {"provider":"b","model":"m"}\n\n')
      const chunks = [...text.matchAll(/^data: (\{.*)$/gm)].map(([, json = '']) => JSON.parse(json) as typeof head)
      // One stream to the client: the same id and time, one role.
      expect(new Set(chunks.map(({ id, created, model }) => JSON.stringify([id, created, model])))).toEqual(
        new Set(['["chatcmpl-2",1700000000,"team"]']),
      )
      expect(text.match(/"role"/g)).toHaveLength(1)
      expect(text).toMatch(/data: \[DONE\]\n\n$/)
      const stored = await (await call('GET /v1/chat/completions/chatcmpl-2')).json()
      expect(stored).toMatchObject({ choices: [{ message: { content: 'Hello' } }] })
      const [row] = await log()
      expect(row?.attempts).toMatchObject([
        { providerId: 'a', errorCode: 'provider_stream_broken' },
        { providerId: 'b', errorCode: null },
      ])
    })
  })

  test('that breaks off without a byte is begun anew', async () => {
    const vendors = { a: { events: [head], resetAfter: 0 } as const, b: other(['Hello']) }
    await withTeam({ vendors }, async ({ call }) => {
      const events = await eventsOf(await call(chat, { ...ask, stream: true }))
      expect(events.at(-1)).toBe('[DONE]')
      expect(JSON.parse(events[0] ?? '')).toMatchObject({
        id: 'chatcmpl-other',
        choices: [{ delta: { role: 'assistant' } }],
      })
    })
  })

  test('that nobody can take up ends with the last error', async () => {
    await withTeam({ vendors: { a: silent, b: broken } }, async ({ call }) => {
      const events = await eventsOf(await call(chat, { ...ask, stream: true }))
      expect(JSON.parse(events.at(-1) ?? '')).toMatchObject({
        error: { message: /\[tried: a=provider_stream_broken, b=provider_internal\]/ },
      })
    })
  })

  test('of typed events is no different, whichever comes first', async () => {
    const speak = (events: () => AsyncGenerator<ChatCompletionChunk>): AnyProviderDefinition =>
      defineProvider({
        api: 'inference',
        type: 'inline::talker',
        description: 'Says what the test lets it say.',
        config: z.strictObject({}),
        create: () => ({ chatCompletion: () => Promise.resolve({ kind: 'events', events: events() }) }),
      })
    const talker = { api: 'inference', id: 'talker', type: 'inline::talker' }
    // What a test makes up is a chunk as far as the server looks.
    const chunks = chatChunks(['Hel', 'lo']) as unknown as ChatCompletionChunk[]
    const talks = speak(async function* () {
      for (const chunk of chunks) yield await Promise.resolve(chunk)
    })
    const second = { vendors: { a: silent }, group: { targets: ['a/m', 'talker/m'] }, more: [talker] }
    await withTeam({ ...second, options: { more: { providers: [talks] } } }, async ({ call }) => {
      const text = await (await call(chat, { ...ask, stream: true })).text()
      expect(text).toContain(': llama-stack {"provider":"talker","model":"m"}\n\n')
      expect(text.match(/"role"/g)).toHaveLength(1)
      expect(text).toMatch(/"content":"Hel"[^]*"content":"lo"[^]*data: \[DONE\]\n\n$/)
    })
    const stumbles = speak(async function* () {
      yield await Promise.resolve(chunks[0] as ChatCompletionChunk)
      throw new StackError('provider_stream_broken', { provider: 'talker', reason: 'it stumbled' })
    })
    const first = { vendors: { a: fine }, group: { targets: ['talker/m', 'a/m'] }, more: [talker] }
    await withTeam({ ...first, options: { more: { providers: [stumbles] } } }, async ({ call }) => {
      const events = await eventsOf(await call(chat, { ...ask, stream: true }))
      expect(events.join('')).toMatch(/"content":"Hel".*"content":"lo".*\[DONE\]$/)
    })
  })
})

describe('[B029] every operation is answered in the same way', () => {
  const vector = { object: 'list', data: [{ object: 'embedding', index: 0, embedding: [1, 2] }], model: 'm' }
  const text = { id: 'c', object: 'text_completion', created: 1, model: 'm' }
  test.each([
    ['/v1/embeddings', { input: 'a' }, { ...vector, usage: { prompt_tokens: 1, total_tokens: 1 } }],
    ['/v1/completions', { prompt: 'a' }, { ...text, choices: [{ index: 0, text: 'b', finish_reason: 'stop' }] }],
  ])('%s', async (path, body, reply) => {
    await using dead = await createScriptedUpstream({ routes: { [`POST ${path}`]: broken } })
    await using alive = await createScriptedUpstream({ routes: { [`POST ${path}`]: { json: reply } } })
    const toProvider = (id: string, url: string) => {
      const config = { base_url: `${url}/v1`, api_key: 'sk-test' }
      return { api: 'inference', id, type: 'remote::openai', config }
    }
    const config: Config = {
      providers: [toProvider('dead', dead.url), toProvider('alive', alive.url)],
      aliases: { team: { targets: ['dead/m', 'alive/m'] } },
      reliability: { retries: 0 },
    }
    await withStack({ door: 'fetch', config }, async ({ call }) => {
      const response = await call(`POST ${path}`, { model: 'team', ...body })
      expect(attemptsOf(response)).toBe('dead=provider_internal, alive=ok')
      expect(await response.json()).toMatchObject({ model: 'team' })
    })
  })
})

describe('[B032] a stream that breaks off after it said something', () => {
  const cut = (words: readonly string[]): ScriptedReply => ({ events: chatChunks(words), resetAfter: words.length + 1 })
  const rest: ScriptedReply = {
    events: chatChunks([' world', '!']).map((chunk) => ({ ...chunk, id: 'chatcmpl-other' })),
  }

  test('ends with an error, unless it may be continued', async () => {
    await withTeam({ vendors: { a: cut(['Hel', 'lo']), b: rest } }, async ({ call, asked }) => {
      const events = await eventsOf(await call(chat, { ...ask, stream: true }))
      expect(JSON.parse(events.at(-1) ?? '')).toMatchObject({ error: { code: 'provider_stream_broken' } })
      expect(asked()).toEqual({ a: 1, b: 0 })
    })
  })

  test('is continued where the alias says so, and kept as one reply', async () => {
    const team = { vendors: { a: cut(['Hel', 'lo']), b: rest }, group: { continuation: true } }
    await withTeam(team, async ({ call, vendors }) => {
      const events = await eventsOf(await call(chat, { ...ask, stream: true }))
      const chunks = events.slice(0, -1).map((event) => JSON.parse(event) as ReturnType<typeof chatChunks>[number])
      expect(events.at(-1)).toBe('[DONE]')
      expect(new Set(chunks.map((chunk) => chunk['id']))).toEqual(new Set(['chatcmpl-2']))
      const stored = await (await call('GET /v1/chat/completions/chatcmpl-2')).json()
      expect(stored).toMatchObject({ choices: [{ message: { content: 'Hello world!' }, finish_reason: 'stop' }] })
      const sent = vendors['b']?.requests.at(-1)?.json() as { messages: Record<string, unknown>[] }
      expect(sent.messages).toMatchObject([...messages, { role: 'assistant', content: 'Hello' }, { role: 'user' }])
    })
  })

  test('is not continued where the rest would not fit: within JSON, or after a call of a tool', async () => {
    const calls = [{ index: 0, id: 'c', type: 'function', function: { name: 'f', arguments: '{"a' } }]
    const events = chatChunks([]).slice(0, 1)
    events.push({ ...events[0], choices: [{ index: 0, delta: { tool_calls: calls }, finish_reason: null }] })
    const vendors = { a: { events: [...events, {}], resetAfter: 2 }, b: rest }
    await withTeam({ vendors, reliability: { continuation: true } }, async ({ call, asked }) => {
      expect((await eventsOf(await call(chat, { ...ask, stream: true }))).at(-1)).toContain('provider_stream_broken')
      expect(asked()).toEqual({ a: 1, b: 0 })
    })
    const json = { ...ask, stream: true, response_format: { type: 'json_object' } }
    await withTeam(
      { vendors: { a: cut(['{"a']), b: rest }, group: { continuation: true } },
      async ({ call, asked }) => {
        expect((await eventsOf(await call(chat, json))).at(-1)).toContain('provider_stream_broken')
        expect(asked()).toEqual({ a: 1, b: 0 })
      },
    )
  })
})

describe('[B033] the deadline', () => {
  test('ends everything that is tried, and the target that hangs is blamed', timed, async () => {
    const hangs: ScriptedReply = { json: chatReply, delayMs: 5000 }
    const team = { vendors: { a: broken, b: hangs, c: fine }, reliability: { deadlineMs: 300 } }
    await withTeam(team, async ({ call, vendors, log }) => {
      const started = performance.now()
      const response = await call(chat, ask)
      expect(performance.now() - started).toBeLessThan(600)
      expect(response.status).toBe(504)
      expect(await errorOf(response)).toMatchObject({
        code: 'deadline_exceeded',
        message: /within 300 ms.*\[tried: a=provider_internal, b=provider_timeout\]/,
      })
      await sleep(50)
      expect(vendors['b']?.requests.at(-1)?.aborted).toBe(true)
      expect((await log())[0]).toMatchObject({
        errorCode: 'deadline_exceeded',
        attempts: [{ providerId: 'a' }, { providerId: 'b' }],
      })
    })
  })

  test('leaves a stream alone that flows', async () => {
    const slow: ScriptedReply = { events: chatChunks(['a', 'b', 'c', 'd']), gapMs: 100 }
    await withTeam({ vendors: { a: slow }, reliability: { deadlineMs: 200 } }, async ({ call }) => {
      expect((await eventsOf(await call(chat, { ...ask, stream: true }))).at(-1)).toBe('[DONE]')
    })
  })
})

describe('[B034] a second target is asked when the first is slow', () => {
  const group = { hedgeAfterMs: 100 }

  test('and the slower one is called off', timed, async () => {
    const slow: ScriptedReply = { json: chatReply, delayMs: 2000 }
    await withTeam({ vendors: { a: slow, b: fine }, group }, async ({ call, vendors, log }) => {
      for (const stream of [false, true]) {
        const started = performance.now()
        const response = await call(chat, { ...ask, stream })
        expect(performance.now() - started).toBeLessThan(1000)
        expect(providerOf(response)).toBe('b')
        expect(attemptsOf(response)).toBe('a=cancelled, b=ok')
        await response.text()
      }
      await sleep(50)
      const calledOff = vendors['a']?.requests.filter(({ method }) => method === 'POST')
      expect(calledOff?.map(({ aborted }) => aborted)).toEqual([true, true])
      const [row] = await log()
      expect(row?.providerId).toBe('b')
      // In the order in which they ended.
      const ends = row?.attempts.map(({ providerId, errorCode }) => `${providerId}: ${errorCode}`)
      expect(ends?.toSorted()).toEqual(['a: cancelled', 'b: null'])
    })
  })

  test('not before, and not when the first answers', async () => {
    await withTeam({ vendors: { a: { json: chatReply, delayMs: 30 }, b: fine }, group }, async ({ call, asked }) => {
      expect(attemptsOf(await call(chat, ask))).toBeNull()
      await sleep(150)
      expect(asked()).toEqual({ a: 1, b: 0 })
    })
  })

  test('and when both fail, the next', async () => {
    const vendors = { a: { ...broken, delayMs: 200 }, b: broken, c: fine }
    await withTeam({ vendors, group }, async ({ call }) => {
      expect(attemptsOf(await call(chat, ask))).toBe('b=provider_internal, a=provider_internal, c=ok')
    })
  })
})

describe('[B035] calls are spread', () => {
  const vendors = { a: fine, b: fine, c: fine }

  test('by session: the same conversation meets the same target, and only a dead one’s move', async () => {
    let isDown = false
    const dying = { ...vendors, b: (request: { readonly body: string }) => (isDown ? broken : fine(request)) }
    await withTeam({ vendors: dying, group: { strategy: 'session' } }, async ({ call }) => {
      const whereTo = async (session: number) =>
        providerOf(await call(chat, { ...ask, prompt_cache_key: `s${session}` }))
      const sessions = Array.from({ length: 30 }, (_, session) => session)
      const first = await Promise.all(sessions.map(whereTo))
      expect(new Set(first)).toEqual(new Set(['a', 'b', 'c']))
      expect(await Promise.all(sessions.map(whereTo))).toEqual(first)
      isDown = true
      const moved = await Promise.all(sessions.map(whereTo))
      expect(moved).not.toContain('b')
      const stayed = sessions.filter((session) => moved[session] === first[session])
      expect(stayed).toEqual(sessions.filter((session) => first[session] !== 'b'))
    })
  })

  test('by weight', async () => {
    const group: Partial<Group> = {
      strategy: 'weighted',
      targets: [
        { model: 'a/m', weight: 9 },
        { model: 'b/m', weight: 1 },
      ],
    }
    await withTeam({ vendors, group }, async ({ call, asked }) => {
      for (let count = 0; count < 100; count += 1) await (await call(chat, ask)).text()
      expect(asked()['a']).toBeGreaterThan(70)
      expect(asked()['c']).toBe(0)
    })
  })

  test('by latency', async () => {
    const mixed = { a: { json: chatReply, delayMs: 60 }, b: fine }
    await withTeam({ vendors: mixed, group: { strategy: 'least_latency' } }, async ({ call, asked }) => {
      for (let count = 0; count < 20; count += 1) await (await call(chat, ask)).text()
      expect(asked()['b']).toBeGreaterThan(15)
    })
  })
})

describe('[B036] the calls to one provider are bounded', () => {
  const slow: ScriptedReply = { json: chatReply, delayMs: 100 }

  test('what does not fit waits, then goes elsewhere, then is refused', async () => {
    const bounds = { maxConcurrent: 1, maxQueue: 1, queueTimeoutMs: 1000 }
    await withTeam({ vendors: { a: slow, b: slow }, reliability: { bulkhead: bounds } }, async ({ call }) => {
      const responses = await Promise.all([1, 2, 3, 4, 5].map(() => call(chat, ask)))
      expect(responses.map(providerOf)).toEqual(['a', 'a', 'b', 'b', null])
      const [, , third, , last] = responses
      expect(third === undefined ? '' : attemptsOf(third)).toBe('a=provider_overloaded, b=ok')
      expect(last?.status).toBe(503)
      expect(last?.headers.get('retry-after')).toBe('1')
      expect(last === undefined ? {} : await errorOf(last)).toMatchObject({ code: 'provider_overloaded' })
    })
  })

  test('a stream keeps its place until it ends', async () => {
    const streams: ScriptedReply = { events: chatChunks(['a', 'b', 'c']), gapMs: 40 }
    const providers = { a: { maxConcurrent: 1, maxQueue: 5, queueTimeoutMs: 5000 } }
    await withTeam({ vendors: { a: streams }, reliability: { providers } }, async ({ call }) => {
      const started = performance.now()
      const calls = [1, 2].map(async () => eventsOf(await call(chat, { ...ask, stream: true })))
      for (const events of await Promise.all(calls)) expect(events.at(-1)).toBe('[DONE]')
      expect(performance.now() - started).toBeGreaterThan(2 * 4 * 35)
    })
  })
})

describe('[B037] reasoning that only its provider can read', () => {
  const seal = `gAAAA${'x'.repeat(60)}`
  const thoughts = [{ type: 'reasoning.encrypted', id: 'rs_1', data: seal }]
  const [choice] = chatReply.choices
  const message = { ...choice?.message, reasoning_details: thoughts }
  const sealed: ScriptedReply = { json: { ...chatReply, choices: [{ ...choice, message }] } }
  const [head, ...spoken] = chatChunks(['He', 'l', 'lo'])
  const sealedStream: ScriptedReply = {
    events: [
      head,
      ...spoken.slice(0, 2),
      { ...head, choices: [{ index: 0, delta: { reasoning_details: thoughts }, finish_reason: null }] },
      ...spoken.slice(2),
    ],
  }
  const later = {
    ...ask,
    messages: [...messages, message, { role: 'user', content: 'And then?' }],
  }

  test.each([
    ['whole', sealed, false],
    ['streamed', sealedStream, true],
  ])('goes back to it, wherever the conversation would go otherwise: %s', async (_, reply, stream) => {
    let isDown = true
    const vendors = { a: (request: { readonly body: string }) => (isDown ? broken : fine(request)), b: reply, c: fine }
    await withTeam({ vendors }, async ({ call, vendors: servers }) => {
      await (await call(chat, { ...ask, stream })).text()
      isDown = false
      const response = await call(chat, { ...later, stream })
      expect([providerOf(response), response.headers.get('x-llama-stack-notice')]).toEqual(['b', null])
      expect(servers['b']?.requests.at(-1)?.json()).toMatchObject({ messages: later.messages })
    })
  })

  test('is kept from others, the rest of the history is not, and the reply says so', async () => {
    let isDown = false
    const vendors = { a: () => (isDown ? broken : sealed), b: fine }
    await withTeam({ vendors }, async ({ call, vendors: servers }) => {
      await (await call(chat, ask)).text()
      isDown = true
      const response = await call(chat, later)
      expect(providerOf(response)).toBe('b')
      expect(response.headers.get('x-llama-stack-notice')).toContain('left out')
      const { reasoning_details: _, ...rest } = message
      const sent = servers['b']?.requests.at(-1)?.json()
      expect(sent).toMatchObject({ messages: [messages[0], rest, { role: 'user', content: 'And then?' }] })
      expect(JSON.stringify(sent)).not.toContain(seal)
      // Asked for by the name of a model, in a client's own choice, it is the same.
      const chosen = await call(chat, { ...later, model: 'b/m' })
      expect(chosen.headers.get('x-llama-stack-notice')).toContain('left out')
    })
  })
})
