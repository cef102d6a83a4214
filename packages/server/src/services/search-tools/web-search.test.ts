import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { AnyProviderDefinition, ProviderCall, ProviderInput, Upstream } from '@llama-stack/api'
import { OutputItem } from '@llama-stack/api'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../kernel/clock.ts'
import { silentLog } from '../../kernel/log.ts'
import { createUpstream } from '../../kernel/upstream.ts'
import { provider as brave } from '../../providers/tool_runtime/brave-search.ts'
import { provider as tavily } from '../../providers/tool_runtime/tavily-search.ts'
import { createRecordedUpstream } from '../../recordings/recorded-upstream.ts'
import { createScriptedUpstream } from '../../testing/scripted-upstream.ts'
import type { ScriptedReply, ScriptedUpstream } from '../../testing/scripted-upstream.ts'
import type { ProviderHandle } from '../providers/provider-handle.ts'
import { findWebSearchDefault, toStartedWebSearch, toWebSearch } from './web-search.ts'
import type { WebSearchWishes } from './web-search.ts'

const call = (more: Partial<ProviderCall> = {}): ProviderCall => ({
  requestId: 'req_1',
  signal: new AbortController().signal,
  providerData: {},
  ...more,
})

interface EngineUnderTest {
  readonly definition: AnyProviderDefinition<'tool_runtime'>
  readonly config: Readonly<Record<string, unknown>>
}

function handlesOf(
  upstream: Upstream,
  engines: Readonly<Record<string, EngineUnderTest>>,
  replaying = false,
): ProviderHandle<'tool_runtime'>[] {
  return Object.entries(engines).map(([id, { definition, config }]) => {
    const settings = definition.config.parse(config)
    const input: ProviderInput<unknown> = {
      id,
      config: settings,
      deps: {},
      upstream,
      log: silentLog,
      clock: systemClock,
      signal: new AbortController().signal,
      replaying,
    }
    // A definition has forgotten its configuration's type; its schema has just checked it.
    const created = definition.create(input as never)
    return {
      api: 'tool_runtime',
      id,
      type: definition.type,
      shownConfig: {},
      off: replaying ? undefined : definition.off?.(settings as never),
      credentialKey: definition.credential?.providerData,
      created,
      get: () => Promise.resolve(created),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }
  })
}

const page = { url: 'https://example.com/', title: 'Llamas', content: 'They hum.' }

/** Two engines before one server: Brave's path answers as told, Tavily's with one page. */
async function twoEngines(
  reply: ScriptedReply,
  keys: { readonly brave?: string; readonly tavily?: string } = { brave: 'key-b', tavily: 'key-t' },
): Promise<
  AsyncDisposable & { readonly server: ScriptedUpstream; readonly handles: ProviderHandle<'tool_runtime'>[] }
> {
  const server = await createScriptedUpstream({
    routes: { 'GET /web/search': reply, 'POST /search': { json: { query: 'q', results: [page] } } },
  })
  const transport = createUpstream()
  const handles = handlesOf(transport, {
    'brave-search': { definition: brave, config: { base_url: server.url, api_key: keys.brave ?? '' } },
    'tavily-search': { definition: tavily, config: { base_url: server.url, api_key: keys.tavily ?? '' } },
  })
  return {
    server,
    handles,
    async [Symbol.asyncDispose]() {
      await transport[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

const braveReply: ScriptedReply = {
  json: { type: 'search', web: { results: [{ url: 'https://b.test/', title: 'B', description: 'b' }] } },
}
const paths = (server: ScriptedUpstream): string[] => server.requests.map(({ path }) => path.split('?')[0] ?? '')

describe('web search', () => {
  test('tells the model what the engine says, and fills the item', async () => {
    await using rig = await twoEngines(braveReply, { tavily: 'key-t' })
    const runner = toWebSearch({ providers: rig.handles }).prepare({}, call())
    const outcome = await runner.run('llamas', call())
    expect(outcome.content).toBe(JSON.stringify({ query: 'llamas', top_k: [page] }))
    expect(outcome.hits).toEqual([{ url: page.url, title: page.title, text: page.content }])
    const action = { type: 'search', query: 'llamas', queries: ['llamas'] }
    const sources = [{ type: 'url', url: page.url }]
    const results = [{ url: page.url, title: page.title, text: page.content }]
    const item = { type: 'web_search_call', status: 'completed' }
    expect(outcome.item).toEqual({ ...item, action: { ...action, sources }, results })
    expect(OutputItem.parse({ id: 'ws_1', ...outcome.item })).toEqual({ id: 'ws_1', ...outcome.item })
    expect(toStartedWebSearch('llamas')).toEqual({ ...item, status: 'in_progress', action })
  })

  test('asks as the request wishes', async () => {
    await using rig = await twoEngines(braveReply, { tavily: 'key-t' })
    const tool: WebSearchWishes = {
      filters: { allowed_domains: ['*.Example.com'], blocked_domains: ['ads.example.com'] },
      user_location: { type: 'approximate', country: 'DE', city: null },
      search_context_size: 'high',
    }
    await toWebSearch({ providers: rig.handles }).prepare(tool, call()).run('q', call())
    expect(rig.server.requests[0]?.json()).toMatchObject({
      include_domains: ['example.com'],
      exclude_domains: ['ads.example.com'],
      country: 'germany',
      search_depth: 'advanced',
    })
  })

  test.each([
    { who: 'the first in the configuration', expected: '/web/search' },
    { who: 'the operator’s choice', defaultProviderId: 'tavily-search', expected: '/search' },
    { who: 'the one that the caller has a key for', caller: { tavily_search_api_key: 'mine' }, expected: '/search' },
  ])('asks $who', async ({ caller = {}, expected, defaultProviderId }) => {
    await using rig = await twoEngines(braveReply)
    const asking = call({ providerData: caller })
    const search = toWebSearch({ providers: rig.handles, defaultProviderId })
    await search.prepare({}, asking).run('q', asking)
    expect(paths(rig.server)).toEqual([expected])
  })

  test.each([
    ['is down', { status: 503, json: {} }],
    ['has no searches left', { status: 402, json: { message: 'pay' } }],
    ['sends nonsense', { text: '<html>' }],
  ] satisfies [string, ScriptedReply][])('asks the next where one %s', async (_, reply) => {
    await using rig = await twoEngines(reply)
    const { hits } = await toWebSearch({ providers: rig.handles }).prepare({}, call()).run('q', call())
    expect(hits).toHaveLength(1)
    expect(paths(rig.server)).toEqual(['/web/search', '/search'])
  })

  test('a request that is wrong is not sent to the next', async () => {
    await using rig = await twoEngines({ status: 400, json: { message: 'too long' } })
    const running = toWebSearch({ providers: rig.handles }).prepare({}, call()).run('q', call())
    await expect(running).rejects.toMatchObject({ code: 'provider_invalid_request' })
    expect(paths(rig.server)).toEqual(['/web/search'])
  })

  test('the first failure is told where all fail', async () => {
    await using rig = await twoEngines({ status: 503, json: {} }, { brave: 'key-b' })
    const caller = call({ providerData: {} })
    const running = toWebSearch({ providers: rig.handles }).prepare({}, caller).run('q', caller)
    await expect(running).rejects.toMatchObject({ code: 'provider_internal' })
  })

  test.each([
    [
      [
        { toolgroup_id: 'builtin::rag', provider_id: 'x' },
        { toolgroup_id: 'builtin::websearch', provider_id: 'y' },
      ],
      'y',
    ],
    [[{ toolgroup_id: 'builtin::websearch', provider_id: '' }], undefined],
    [[], undefined],
  ])('of the tool groups %j the operator chose %s', (toolGroups, expected) => {
    expect(findWebSearchDefault(toolGroups)).toBe(expected)
  })

  test('is refused by name without an engine, and without a key for one', async () => {
    expect(() => toWebSearch({ providers: [] }).prepare({}, call())).toThrow(
      expect.objectContaining({ code: 'tool_unavailable', status: 400, param: 'tools' }),
    )
    await using rig = await twoEngines(braveReply, {})
    const search = toWebSearch({ providers: rig.handles })
    expect(() => search.prepare({}, call())).toThrow(
      /'web_search' cannot be used here: provider 'brave-search' has no key.*"tavily_search_api_key"/,
    )
    const caller = call({ providerData: { tavily_search_api_key: 'mine' } })
    await search.prepare({}, caller).run('q', caller)
    expect(rig.server.requests[0]?.headers['authorization']).toBe('Bearer mine')
  })

  test('what is no domain is refused before anything is asked', async () => {
    await using rig = await twoEngines(braveReply)
    const tool = { filters: { allowed_domains: ['ok.com', 'not a domain'] } }
    expect(() => toWebSearch({ providers: rig.handles }).prepare(tool, call(), 'tools[1]')).toThrow(
      expect.objectContaining({ code: 'invalid_value', param: 'tools[1].filters.allowed_domains[1]' }),
    )
  })
})

const recordings = fileURLToPath(new URL('../../../../../../shared/recordings/ogx/', import.meta.url))
const isThere = existsSync(recordings)
if (!isThere) console.warn('the replay of web searches is not tested: ../shared/recordings is absent')

interface RecordedRequest {
  readonly tool_name?: string
  readonly kwargs?: { readonly query: string }
  readonly body?: { readonly messages?: readonly { readonly role: string; readonly content: unknown }[] }
}

function recordedRequests(): readonly RecordedRequest[] {
  return readdirSync(recordings, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.json'))
    .map((file) => (JSON.parse(readFileSync(recordings + file, 'utf8')) as { request: RecordedRequest }).request)
}

describe.skipIf(!isThere)(`in upstream's recordings${isThere ? '' : ' (skipped: ../shared is absent)'}`, () => {
  const noNetwork: Upstream = {
    send: (request) => Promise.reject(new TypeError(`a replay called ${request.url}`)),
    with: () => noNetwork,
  }
  const engines = {
    'brave-search': { definition: brave, config: {} },
    'tavily-search': { definition: tavily, config: {} },
  }

  test('every search is found, and the model is told what it was told then', async () => {
    await using upstream = createRecordedUpstream({
      mode: 'replay',
      directory: recordings,
      upstream: noNetwork,
      clock: systemClock,
      log: silentLog,
    })
    const search = toWebSearch({ providers: handlesOf(upstream, engines, true) })
    const run = async (query: string): Promise<string> => {
      const { content } = await search.prepare({ search_context_size: 'low' }, call()).run(query, call())
      return content as string
    }
    const requests = recordedRequests()
    const queries = requests.flatMap(({ tool_name: name, kwargs }) =>
      name === 'web_search' && kwargs ? [kwargs.query] : [],
    )
    expect(queries).toHaveLength(8)
    const results = new Map(await Promise.all(queries.map(async (query) => [query, await run(query)] as const)))

    const told = requests
      .flatMap(({ body }) => body?.messages ?? [])
      .flatMap(({ role, content }) => (role === 'tool' && typeof content === 'string' ? [content] : []))
      .filter((content) => content.includes('"top_k"'))
    expect(told).toHaveLength(13)
    const differing = told.filter((content) => ![...results.values()].includes(content))
    expect(differing).toEqual([])
  })
})
