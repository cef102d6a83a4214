/** What every provider of web search has to do, run against a scripted engine. */
import { bug, isStackError } from '@llama-stack/api'
import type {
  AnyProviderDefinition,
  ErrorCode,
  JsonObject,
  ProviderCall,
  ProviderInput,
  StackError,
  ToolRuntimeProvider,
  Upstream,
  UpstreamRequest,
  WebSearchHit,
  WebSearchRequest,
  WebSearchResult,
} from '@llama-stack/api'
import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { silentLog } from '../kernel/log.ts'
import { createUpstream } from '../kernel/upstream.ts'
import { createScriptedUpstream } from './scripted-upstream.ts'
import type { ScriptedReply, ScriptedRequest, ScriptedRoute, ScriptedUpstream } from './scripted-upstream.ts'

const KEY = 'sk-conformance-key'
const CALLER_KEY = 'sk-of-the-caller'

/** One failure in the engine's own words, and what becomes of it. */
export interface EngineFault {
  readonly about: string
  readonly reply: ScriptedReply
  readonly code: ErrorCode
  /** What the message has to contain. */
  readonly words: string
}

/** What the suite has to know of an engine. */
export interface WebSearchConformance {
  readonly definition: AnyProviderDefinition<'tool_runtime'>
  /** The path that a search asks for. */
  readonly path: string
  /** Where the key travels. */
  readonly keyHeader: (key: string) => readonly [name: string, value: string]
  /** The setting of the number of results. */
  readonly resultsKey: string
  /** The engine's name in recordings. */
  readonly recordedAs: string
  /** A reply of the engine with these pages, in this order. */
  readonly reply: (pages: readonly WebSearchHit[]) => JsonObject
  /** What was asked of the engine, read back from the request. */
  readonly asked: (request: ScriptedRequest) => { readonly query: string; readonly count: number }
  readonly faults: readonly EngineFault[]
}

const pages: readonly WebSearchHit[] = [
  { title: 'Llamas', url: 'https://example.com/llamas', text: 'Llamas are tame.', date: '2025-01-15' },
  { title: 'More of them', url: 'https://docs.example.com/more?x=1', text: 'They hum — “mhmm”.' },
  { title: 'Elsewhere', url: 'https://notexample.com/', text: 'Alpacas are smaller.' },
  { title: 'A shop', url: 'https://shop.example.org/wool', text: 'Wool to buy.' },
]

/** Declares the suite for one provider. */
export function describeWebSearch(suite: WebSearchConformance): void {
  describe(`${suite.definition.type} conforms`, () => {
    describeResults(suite)
    describeDomains(suite)
    describeKeys(suite)
    describeFailures(suite)
    describeRecording(suite)
  })
}

function describeResults(suite: WebSearchConformance): void {
  test('pages come back in the order of the engine, and the model is told the same', async () => {
    await using rig = await createSearchRig(suite, { json: suite.reply(pages) })
    const { hits, modelText } = await rig.search({ query: 'llamas' })
    expect(hits).toEqual(pages)
    const told = JSON.parse(modelText) as { query: string; top_k: JsonObject[] }
    expect(told.query).toBe('llamas')
    expect(told.top_k.map(({ url, title, content }) => [url, title, content])).toEqual(
      pages.map(({ url, title, text }) => [url, title, text]),
    )
    const [asked] = rig.engine.requests
    expect(asked?.path.split('?')[0]).toBe(suite.path)
    expect(asked && suite.asked(asked)).toEqual({ query: 'llamas', count: 5 })
  })

  test('the number of results is the request’s, else the configuration’s', async () => {
    const config = { [suite.resultsKey]: 3 }
    await using rig = await createSearchRig(suite, { json: suite.reply(pages) }, { config })
    expect((await rig.search({ query: 'q' })).hits).toHaveLength(3)
    expect((await rig.search({ query: 'q', maxResults: 2 })).hits).toHaveLength(2)
    expect(rig.engine.requests.map((request) => suite.asked(request).count)).toEqual([3, 2])
  })

  test('nothing found is no failure', async () => {
    await using rig = await createSearchRig(suite, { json: suite.reply([]) })
    expect(await rig.search({ query: 'q' })).toEqual({ hits: [], modelText: '{"query":"q","top_k":[]}' })
  })

  test('pages without an address are left out, missing texts are empty', async () => {
    const odd = [{ title: 'x', url: 'no address', text: '' }, ...pages.slice(0, 1)]
    await using rig = await createSearchRig(suite, { json: suite.reply(odd) })
    expect((await rig.search({ query: 'q' })).hits).toEqual(pages.slice(0, 1))
  })

  test('a low context tells the beginning of each page', async () => {
    const long = [{ title: 'long', url: 'https://example.com/', text: 'word '.repeat(1000) }]
    await using rig = await createSearchRig(suite, { json: suite.reply(long) })
    const low = await rig.search({ query: 'q', contextSize: 'low' })
    const usual = await rig.search({ query: 'q' })
    expect(low.hits[0]?.text).toMatch(/^(word )+word…$/)
    expect(low.modelText.length).toBeLessThan(600)
    expect(usual.modelText.length).toBeGreaterThan(4900)
  })

  test('a query is sent as it is, whatever its letters', async () => {
    const query = 'Zürich & "größe" 50% ?#+ 羊驼'
    await using rig = await createSearchRig(suite, { json: suite.reply([]) })
    await rig.search({ query })
    expect(rig.engine.requests.map((request) => suite.asked(request).query)).toEqual([query])
  })
}

function describeDomains(suite: WebSearchConformance): void {
  test.each([
    [{ allowedDomains: ['example.com'] }, [0, 1]],
    [{ allowedDomains: ['docs.example.com', 'example.org'] }, [1, 3]],
    [{ blockedDomains: ['example.com'] }, [2, 3]],
    [{ allowedDomains: ['example.com'], blockedDomains: ['docs.example.com'] }, [0]],
  ])('with %o only those pages are found, subdomains included', async (domains, kept) => {
    await using rig = await createSearchRig(suite, { json: suite.reply(pages) })
    const { hits, modelText } = await rig.search({ query: 'q', ...domains })
    expect(hits).toEqual(kept.map((index) => pages[index]))
    expect((JSON.parse(modelText) as { top_k: unknown[] }).top_k).toHaveLength(kept.length)
    const [asked] = rig.engine.requests
    const wire = `${decodeURIComponent(asked?.path ?? '').replaceAll('+', ' ')} ${asked?.body ?? ''}`
    for (const domain of Object.values(domains).flat()) expect(wire).toContain(domain)
  })

  test('a country that the engine refuses is left out', async () => {
    let calls = 0
    await using rig = await createSearchRig(suite, () => {
      calls += 1
      return calls === 1 ? { status: 400, json: { message: 'country' } } : { json: suite.reply(pages) }
    })
    const { hits } = await rig.search({ query: 'q', location: { country: 'FR' } })
    expect(hits).toHaveLength(4)
    const [first, second] = rig.engine.requests
    const words = /france|\bFR\b/
    expect(`${first?.path} ${first?.body}`).toMatch(words)
    expect(`${second?.path} ${second?.body}`).not.toMatch(words)
  })
}

function describeKeys(suite: WebSearchConformance): void {
  const { credential } = suite.definition

  test('the operator’s key is sent, the caller’s own goes first', async () => {
    await using rig = await createSearchRig(suite, { json: suite.reply([]) })
    await rig.search({ query: 'q' })
    await rig.search({ query: 'q' }, { providerData: { [credential?.providerData ?? '']: CALLER_KEY } })
    const [name] = suite.keyHeader('')
    expect(rig.engine.requests.map(({ headers }) => headers[name])).toEqual([
      suite.keyHeader(KEY)[1],
      suite.keyHeader(CALLER_KEY)[1],
    ])
    expect(rig.engine.requests.map(({ path, body }) => path + body).join()).not.toContain('sk-')
  })

  test('without a key it is off, and a search says which one is missing', async () => {
    for (const key of [null, '']) {
      await using rig = await createSearchRig(suite, { json: suite.reply([]) }, { config: { api_key: key } })
      expect(rig.off).toContain(credential?.env)
      const failure = await failureOf(rig.search({ query: 'q' }))
      expect(failure.code).toBe('provider_key_missing')
      expect(failure.message).toContain(credential?.env)
      expect(failure.message).toContain(credential?.providerData)
      expect(rig.engine.requests).toEqual([])
    }
  })

  test('the configuration is strict, and a key of digits is one', () => {
    const { config } = suite.definition
    expect(config.safeParse({ api_key: 1234, [suite.resultsKey]: 3 }).success).toBe(true)
    expect(config.safeParse({ api_kye: 'x' }).success).toBe(false)
    expect(config.safeParse({ [suite.resultsKey]: 0 }).success).toBe(false)
  })
}

function describeFailures(suite: WebSearchConformance): void {
  const general: readonly EngineFault[] = [
    {
      about: 'a limit with a time to wait',
      reply: { status: 429, headers: { 'retry-after': '7' }, json: { message: 'Slow down' } },
      code: 'provider_rate_limited',
      words: 'Slow down',
    },
    { about: 'a crash', reply: { status: 500, json: {} }, code: 'provider_internal', words: 'HTTP 500' },
    { about: 'a page of a proxy', reply: { text: '<html>' }, code: 'provider_bad_reply', words: 'not JSON' },
    { about: 'another API', reply: { json: { hello: 1 } }, code: 'provider_bad_reply', words: 'no list of results' },
    { about: 'a redirect', reply: { status: 302, json: {} }, code: 'provider_bad_reply', words: 'redirects' },
    { about: 'a lost connection', reply: { reset: true }, code: 'provider_unreachable', words: 'closed' },
  ]

  test.each([...general, ...suite.faults])('$about is $code', async ({ reply, code, words }) => {
    await using rig = await createSearchRig(suite, reply)
    const failure = await failureOf(rig.search({ query: 'q' }))
    expect(failure.code).toBe(code)
    expect(failure.message).toContain(words)
    expect(inspect(failure)).not.toContain(KEY)
    expect(failure.details).toMatchObject(code === 'provider_rate_limited' ? { retryAfterMs: 7000 } : {})
  })

  test('an engine that stays silent is given up', async () => {
    const config = { timeout: 0.05 }
    await using rig = await createSearchRig(suite, { delayMs: 2000, json: suite.reply([]) }, { config })
    expect((await failureOf(rig.search({ query: 'q' }))).code).toBe('provider_timeout')
  })

  test('a search that nobody waits for is cancelled', async () => {
    const leaving = new AbortController()
    await using rig = await createSearchRig(suite, { delayMs: 5000, json: suite.reply([]) })
    const searching = rig.search({ query: 'q' }, { signal: leaving.signal })
    const settled = searching.catch((error: unknown) => error)
    while (rig.engine.requests.length === 0) await sleep(5)
    leaving.abort()
    expect(await settled).toBeInstanceOf(Error)
    while (!(rig.engine.requests[0]?.aborted ?? false)) await sleep(5)
  })
}

function describeRecording(suite: WebSearchConformance): void {
  test('a search is recorded by its query and its domains', async () => {
    await using rig = await createSearchRig(suite, { json: suite.reply(pages) })
    await rig.search({ query: 'q', location: { country: 'FR' }, contextSize: 'high' }, { testId: 'a test' })
    await rig.search({ query: 'q', allowedDomains: ['example.com'] })
    const keys = rig.sent.map(({ recording }) => recording)
    const key = { kind: 'tool', provider: suite.recordedAs, toolName: 'web_search' }
    expect(keys).toMatchObject([
      { ...key, arguments: { query: 'q' }, testId: 'a test' },
      { ...key, arguments: { query: 'q', allowed_domains: ['example.com'] }, testId: null },
    ])
    expect(Object.keys(keys[0]?.kind === 'tool' ? keys[0].arguments : {})).toEqual(['query'])
  })

  test('what was recorded comes back to the letter, and needs no key', async () => {
    const recorded =
      '{"query": "q", "top_k": [{"url": "https://a.test/", "title": "A", "content": "\\u00e9", "score": 0.50}]}'
    await using rig = await createSearchRig(suite, { text: recorded }, { config: { api_key: '' }, replaying: true })
    expect(await rig.search({ query: 'q', contextSize: 'low' })).toEqual({
      modelText: recorded,
      hits: [{ url: 'https://a.test/', title: 'A', text: 'é' }],
    })
  })

  test('what would be recorded is what the caller gets', async () => {
    await using rig = await createSearchRig(suite, { json: suite.reply(pages) })
    const { modelText } = await rig.search({ query: 'q' })
    const key = rig.sent[0]?.recording
    const toResult = key?.kind === 'tool' ? key.toResult : undefined
    expect(toResult?.(JSON.stringify(suite.reply(pages)))).toBe(modelText)
  })
}

/** A provider under test, its scripted engine, and the calls that it handed to the transport. */
export interface SearchRig extends AsyncDisposable {
  readonly engine: ScriptedUpstream
  readonly sent: readonly UpstreamRequest[]
  readonly off: string | undefined
  search(request: WebSearchRequest, call?: Partial<ProviderCall>): Promise<WebSearchResult>
}

/** How a rig differs from the usual one. */
export interface SearchRigOptions {
  /** Laid over the configuration. */
  readonly config?: JsonObject
  readonly replaying?: boolean
}

/** Starts an engine that gives one answer to everything, and a provider that is configured for it. */
export async function createSearchRig(
  { definition }: Pick<WebSearchConformance, 'definition'>,
  answer: ScriptedRoute,
  { config: over, replaying = false }: SearchRigOptions = {},
): Promise<SearchRig> {
  const engine = await createScriptedUpstream({ handler: typeof answer === 'function' ? answer : () => answer })
  const transport = createUpstream()
  const sent: UpstreamRequest[] = []
  const config = definition.config.parse({ base_url: engine.url, api_key: KEY, ...over })
  const input: ProviderInput<unknown> = {
    id: 'under-test',
    config,
    deps: {},
    upstream: watched(transport, sent),
    log: silentLog,
    clock: { now: () => 0, monotonic: () => 0 },
    signal: new AbortController().signal,
    replaying,
  }
  // A definition has forgotten its configuration's type; the schema above has just checked it.
  const provider: ToolRuntimeProvider = definition.create(input as never)
  return {
    engine,
    sent,
    off: definition.off?.(config as never),
    search(request, more) {
      const call = { requestId: 'req_1', signal: new AbortController().signal, providerData: {}, ...more }
      return provider.webSearch?.(request, call) ?? bug('the provider does not search')
    },
    async [Symbol.asyncDispose]() {
      await transport[Symbol.asyncDispose]()
      await engine[Symbol.asyncDispose]()
    },
  }
}

function watched(upstream: Upstream, sent: UpstreamRequest[]): Upstream {
  return {
    send(request) {
      sent.push(request)
      return upstream.send(request)
    },
    with: (options) => watched(upstream.with(options), sent),
  }
}

async function failureOf(call: Promise<unknown>): Promise<StackError> {
  try {
    await call
  } catch (error) {
    if (isStackError(error)) return error
    throw error
  }
  return bug('the search did not fail')
}
