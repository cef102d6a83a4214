/** What every storage backend has to do, run against real stores. */
import { isStackError } from '@llama-stack/api'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { ChatCompletionRepository, NewChatCompletion, RequestLogEntry, Storage } from '../storage/storage.ts'
import { describeCachedReplies } from './cached-replies-conformance.ts'
import { describeConnectorLogins } from './connector-logins-conformance.ts'
import { describeConversations } from './conversations-conformance.ts'
import { describeJobs } from './jobs-conformance.ts'
import { newcomer } from './newcomer.ts'
import { describePrompts } from './prompts-conformance.ts'
import { describeResponses } from './responses-conformance.ts'
import { describeShields } from './shields-conformance.ts'

/** The cases that a backend may skip, with a reason. */
export type StorageCase = 'log in time' | 'log by disposal' | 'log retention' | 'closed store'

export interface StorageConformance {
  /** What the suite is named after. */
  readonly name: string
  /**
   * Opens the store of this name with the machine's clock, 30 days of request log and room for 10,000 bytes of cached
   * replies. It is empty the first time; the same name again is the same store, also while the first is open. The suite
   * disposes what it opens.
   */
  open(store: string): Promise<Storage>
  readonly skips?: Readonly<Partial<Record<StorageCase, string>>>
}

/** Declares the suite for one backend. */
export function describeStorage(suite: StorageConformance): void {
  describe(`${suite.name} conforms`, () => {
    let shared: Storage
    beforeAll(async () => {
      shared = await suite.open('shared')
    })
    afterAll(() => shared[Symbol.asyncDispose]())
    const store = (): Storage => shared
    describeChatCompletions(store)
    describeOwners(store)
    describeLists(store)
    describeModels(store)
    describeRequestLog(store)
    describeLogKeeping(suite)
    describeCachedReplies((name) => suite.open(name))
    describeResponses((name) => suite.open(name))
    describeConversations((name) => suite.open(name))
    describePrompts(store)
    describeJobs((name) => suite.open(name))
    describeConnectorLogins((name) => suite.open(name))
    describeShields((name) => suite.open(name))
    describeClosing(suite)
  })
}

function caseOf(suite: StorageConformance, name: StorageCase): (run: () => Promise<void>) => void {
  const reason = suite.skips?.[name]
  const title = reason === undefined ? name : `${name}: ${reason}`
  // eslint-disable-next-line vitest/valid-title, vitest/expect-expect -- cases and their reasons are data here
  return (run) => test.skipIf(reason !== undefined)(title, run)
}

/** The store that the tests of one suite share. */
type SharedStore = () => Storage

function completion(id: string, more: Partial<NewChatCompletion> = {}): NewChatCompletion {
  return {
    id,
    createdAtMs: 1_700_000_000_000,
    model: 'openai/gpt-4o',
    request: Buffer.from('{"model":"openai/gpt-4o"}'),
    reply: { format: 'json', bytes: Buffer.from(`{"id":"${id}"}`) },
    ...more,
  }
}

async function ids(repository: ChatCompletionRepository, query = {}): Promise<string[]> {
  const page = await repository.list({ limit: 100, order: 'asc', ...query })
  return page.rows.map((row) => row.id)
}

function describeChatCompletions(store: SharedStore): void {
  test('a chat completion gives back the bytes that it was given', async () => {
    const repository = store().chatCompletions(newcomer())
    const request = Buffer.from([0, 255, 10, 123])
    await repository.insert(completion('one', { request, metadata: { team: 'a', 'odd "key".$': "it's" } }))
    const parts = [Buffer.from('data: {"a":1}\n\n'), Buffer.from('data: [DONE]\n\n')]
    await repository.insert(completion('two', { reply: { format: 'sse', bytes: parts } }))

    const one = await repository.find('one')
    expect(one).toMatchObject({ id: 'one', createdAtMs: 1_700_000_000_000, model: 'openai/gpt-4o' })
    expect(one?.metadata).toEqual({ team: 'a', 'odd "key".$': "it's" })
    expect(Buffer.from(one?.request ?? [])).toEqual(request)
    expect(one?.reply.format).toBe('json')

    const two = await repository.find('two')
    expect(two?.metadata).toBeNull()
    expect(two?.reply.format).toBe('sse')
    expect(Buffer.from(two?.reply.bytes ?? []).toString()).toBe('data: {"a":1}\n\ndata: [DONE]\n\n')
    expect(await repository.find('three')).toBeUndefined()
  })

  test('a chat completion changes its metadata and can be deleted', async () => {
    const repository = store().chatCompletions(newcomer())
    await repository.insert(completion('one', { metadata: { a: '1' } }))
    expect(await repository.updateMetadata('one', { b: '2' })).toBe(true)
    expect((await repository.find('one'))?.metadata).toEqual({ b: '2' })
    expect(await repository.updateMetadata('one', null)).toBe(true)
    expect((await repository.find('one'))?.metadata).toBeNull()
    expect(await repository.delete('one')).toBe(true)
    expect(await repository.delete('one')).toBe(false)
    expect(await repository.updateMetadata('one', {})).toBe(false)
  })

  test('completions that arrive together are all kept', async () => {
    const repository = store().chatCompletions(newcomer())
    const names = Array.from({ length: 50 }, (_, index) => `c${index}`)
    await Promise.all(names.map((name) => repository.insert(completion(name))))
    expect((await ids(repository)).toSorted()).toEqual(names.toSorted())
  })

  test('every row is kept when a vendor repeats an id, and the newest owns it', async () => {
    const repository = store().chatCompletions(newcomer())
    for (const model of ['first', 'second', 'third']) await repository.insert(completion('chatcmpl-123', { model }))

    expect(await repository.find('chatcmpl-123')).toMatchObject({ model: 'third' })
    const { rows } = await repository.list({ limit: 10, order: 'asc' })
    expect(rows.map((row) => row.model)).toEqual(['first', 'second', 'third'])
    const [first, second] = rows
    expect(first?.id).toMatch(/^chatcmpl-123~\d+$/)
    expect(await repository.find(first?.id ?? '')).toMatchObject({ model: 'first' })

    // Paging by ids passes over each row once, because each has an id of its own.
    expect(await ids(repository, { after: first?.id, limit: 1 })).toEqual([second?.id])
    expect(await ids(repository, { after: second?.id })).toEqual(['chatcmpl-123'])

    // The older rows do not take the place of the newest.
    expect(await repository.delete('chatcmpl-123')).toBe(true)
    expect(await repository.find('chatcmpl-123')).toBeUndefined()
    expect(await repository.delete('chatcmpl-123')).toBe(false)
    expect(await ids(repository)).toEqual([first?.id, second?.id])
    expect(await repository.delete(first?.id ?? '')).toBe(true)
    expect(await ids(repository)).toEqual([second?.id])
  })

  test('an id that looks like that of a superseded row is found and cannot hide one', async () => {
    const repository = store().chatCompletions(newcomer())
    for (const model of ['old', 'new']) await repository.insert(completion('a', { model }))
    const [old] = await ids(repository)
    await repository.insert(completion(old ?? '', { model: 'posing' }))
    const shown = await ids(repository)
    expect(new Set(shown).size).toBe(3)
    const models = await Promise.all(shown.map(async (id) => (await repository.find(id))?.model))
    expect(models).toEqual(['old', 'new', 'posing'])
    await repository.insert(completion('b~99999', { model: 'numbered' }))
    expect(await repository.find('b~99999')).toMatchObject({ model: 'numbered' })
  })
}

function describeOwners(store: SharedStore): void {
  test('chat completions belong to one owner', async () => {
    const [mine, theirs] = [store().chatCompletions(newcomer()), store().chatCompletions(newcomer())]
    await mine.insert(completion('secret', { metadata: { a: '1' } }))

    expect(await theirs.find('secret')).toBeUndefined()
    expect(await ids(theirs)).toEqual([])
    expect(await ids(theirs, { metadata: { a: '1' } })).toEqual([])
    expect(await theirs.updateMetadata('secret', { a: '2' })).toBe(false)
    expect(await theirs.delete('secret')).toBe(false)
    await expect(ids(theirs, { after: 'secret' })).rejects.toMatchObject({ code: 'invalid_value', param: 'after' })

    // The same id of another owner is another row.
    await theirs.insert(completion('secret', { model: 'other' }))
    expect(await mine.find('secret')).toMatchObject({ model: 'openai/gpt-4o', metadata: { a: '1' } })
    expect(await theirs.delete('secret')).toBe(true)
    expect(await ids(mine)).toEqual(['secret'])
  })

  test('a store takes every text as a value and never as a part of a query', async () => {
    const hostile = `x' OR '1'='1" $."]--${crypto.randomUUID()}`
    const repository = store().chatCompletions(newcomer())
    await repository.insert(completion('plain', { metadata: { a: '1' } }))
    await repository.insert(completion(hostile, { model: hostile, metadata: { [hostile]: hostile } }))

    expect(await ids(repository, { model: hostile })).toEqual([hostile])
    expect(await ids(repository, { metadata: { [hostile]: hostile } })).toEqual([hostile])
    expect(await ids(repository, { metadata: { [`${hostile} `]: hostile } })).toEqual([])
    expect(await ids(repository, { after: 'plain' })).toEqual([hostile])
    expect(await ids(store().chatCompletions({ id: hostile }))).toEqual([])
  })
}

function describeLists(store: SharedStore): void {
  test('a list is filtered by model and by every metadata pair given', async () => {
    const repository = store().chatCompletions(newcomer())
    await repository.insert(completion('a', { metadata: { team: 'x', tier: '1' } }))
    await repository.insert(completion('b', { metadata: { team: 'x', tier: '2' } }))
    await repository.insert(completion('c', { model: 'small', metadata: { team: 'x' } }))
    await repository.insert(completion('d'))

    expect(await ids(repository, { metadata: { team: 'x' } })).toEqual(['a', 'b', 'c'])
    expect(await ids(repository, { metadata: { team: 'x', tier: '2' } })).toEqual(['b'])
    expect(await ids(repository, { metadata: { team: 'x' }, model: 'small' })).toEqual(['c'])
    expect(await ids(repository, { metadata: { team: 'X' } })).toEqual([])
    expect(await ids(repository, { metadata: {} })).toEqual(['a', 'b', 'c', 'd'])
  })

  test('a list refuses an unknown cursor with the field and the value', async () => {
    const listing = ids(store().chatCompletions(newcomer()), { after: 'nowhere' })
    const error: unknown = await listing.catch((reason: unknown) => reason)
    expect(isStackError(error, 'invalid_value') && [error.param, error.status]).toEqual(['after', 400])
    expect(String(error)).toContain('"nowhere"')
  })

  test('a list goes on after a row that was deleted', async () => {
    const repository = store().chatCompletions(newcomer())
    for (const id of ['a', 'b', 'c', 'd']) await repository.insert(completion(id))
    await repository.delete('b')
    expect(await ids(repository, { after: 'b' })).toEqual(['c', 'd'])
    expect(await ids(repository, { after: 'b', order: 'desc' })).toEqual(['a'])
    expect(await ids(repository)).toEqual(['a', 'c', 'd'])
  })

  // Rows of one millisecond are the ones that a cursor by time loses: most of these share theirs with another.
  const sizes = [0, 1, 2, 3, 6, 7, 13]
  test.each(sizes)('%i rows come in pages without a gap or a repeat', async (size) => {
    const repository = store().chatCompletions(newcomer())
    const rows = Array.from({ length: size }, (_, index) => ({ id: `c${index}`, createdAtMs: (index * 5) % 3 }))
    await Promise.all(rows.map(({ id, createdAtMs }) => repository.insert(completion(id, { createdAtMs }))))
    const sorted = rows.map(({ id }) => id)
    for (const limit of [1, 2, 3, 7, 100]) {
      expect(await pages(repository, limit, 'asc')).toEqual(chunksOf(sorted, limit))
      expect(await pages(repository, limit, 'desc')).toEqual(chunksOf(sorted.toReversed(), limit))
    }
  })
}

async function pages(repository: ChatCompletionRepository, limit: number, order: 'asc' | 'desc'): Promise<string[][]> {
  const seen: string[][] = []
  for (let more = true; more;) {
    const page = await repository.list({ limit, order, after: seen.at(-1)?.at(-1) })
    seen.push(page.rows.map((row) => row.id))
    more = page.hasMore
  }
  return seen
}

/** One page at least, and never an empty one after a full one. */
function chunksOf(items: readonly string[], size: number): string[][] {
  const count = Math.max(1, Math.ceil(items.length / size))
  return Array.from({ length: count }, (_, index) => items.slice(index * size, (index + 1) * size))
}

function describeModels(store: SharedStore): void {
  const model = (modelId: string, providerId = 'ollama') => ({
    modelId,
    providerId,
    providerModelId: 'llama3.2:3b',
    type: 'embedding' as const,
    metadata: { embedding_dimension: 768, nested: { a: [1, null] } },
    createdAtMs: 5,
  })

  test('models are found, listed and deleted by their owner only', async () => {
    const [mine, theirs] = [store().models(newcomer()), store().models(newcomer())]
    await mine.insert(model('fast/alias'))
    await mine.insert(model('second'))
    expect(await mine.find('fast/alias')).toEqual(model('fast/alias'))
    expect(await mine.list()).toEqual([model('fast/alias'), model('second')])

    expect(await theirs.find('second')).toBeUndefined()
    expect(await theirs.list()).toEqual([])
    expect(await theirs.delete('second')).toBe(false)
    await theirs.insert(model('second', 'vllm'))

    expect(await mine.delete('second')).toBe(true)
    expect(await mine.delete('second')).toBe(false)
    expect(await theirs.list()).toEqual([model('second', 'vllm')])
  })

  test('of each tried model the last outcome is kept, for its owner only', async () => {
    const [mine, theirs] = [store().modelProbes(newcomer()), store().modelProbes(newcomer())]
    const probe = { providerId: 'one', providerModelId: 'a/b', facts: { tools: true }, probedAtMs: 5 }
    await mine.save(probe)
    await mine.save({ ...probe, providerModelId: 'c' })
    await mine.save({ ...probe, facts: { tools: false, input_modalities: ['text'] }, probedAtMs: 7 })
    await theirs.save({ ...probe, providerId: 'two' })
    expect(await mine.list()).toEqual([
      { ...probe, facts: { tools: false, input_modalities: ['text'] }, probedAtMs: 7 },
      { ...probe, providerModelId: 'c' },
    ])
    expect(await theirs.list()).toEqual([{ ...probe, providerId: 'two' }])
  })

  test('an id that is taken is refused, with the name of the provider that has it', async () => {
    const repository = store().models(newcomer())
    await repository.insert(model('gpt', 'openai'))
    const error: unknown = await repository.insert(model('gpt', 'azure')).catch((reason: unknown) => reason)
    expect(isStackError(error, 'model_exists') && error.details).toEqual({ model: 'gpt', provider: 'openai' })
    expect(await repository.list()).toEqual([model('gpt', 'openai')])
  })

  test('of two that want an id at once, one gets it', async () => {
    const repository = store().models(newcomer())
    const outcomes = await Promise.allSettled(
      ['one', 'two'].map((provider) => repository.insert(model('gpt', provider))),
    )
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    expect(await repository.list()).toHaveLength(1)
  })
}

function logEntry(more: Partial<RequestLogEntry>): RequestLogEntry {
  return {
    principal: { id: 'anna' },
    requestId: 'req-1',
    startedAtMs: Date.now(),
    operation: 'createChatCompletion',
    route: '/chat/completions',
    method: 'POST',
    path: '/v1/chat/completions',
    status: 200,
    errorCode: null,
    model: 'openai/gpt-4o',
    providerId: 'openai',
    providerModel: 'gpt-4o',
    streamed: true,
    demo: false,
    inputTokens: 12,
    outputTokens: 30,
    totalTokens: 42,
    firstByteMs: 1.5,
    durationMs: 20.25,
    attempts: [{ providerId: 'openai', model: 'gpt-4o', status: 200, errorCode: null, durationMs: 19 }],
    client: 'openai-python/2.0',
    cached: false,
    adjustments: ['dropped:seed', 'emulated:text.format'],
    ...more,
  }
}

const NOTHING_KNOWN = Object.freeze({
  operation: null,
  route: null,
  errorCode: 'route_not_found',
  model: null,
  providerId: null,
  providerModel: null,
  streamed: false,
  demo: true,
  inputTokens: null,
  outputTokens: null,
  totalTokens: null,
  firstByteMs: null,
  attempts: [],
  client: null,
  cached: true,
  adjustments: [],
})

function describeRequestLog(store: SharedStore): void {
  test('the request log gives back what was appended, to its owner only', async () => {
    const principal = newcomer()
    const { principal: _, ...full } = logEntry({})
    const after = (offset: number) => ({ requestId: `req-${offset}`, startedAtMs: full.startedAtMs + offset })
    const empty = { ...full, ...NOTHING_KNOWN, ...after(1) }
    const attempt = { providerId: 'openai', model: 'gpt-4o', status: null, errorCode: null, durationMs: 19.25 }
    const ordinary = { ...full, ...after(2), attempts: [attempt] }
    const failed = { ...full, ...after(3), attempts: [{ ...attempt, errorCode: 'provider_timeout' }] }
    const elsewhere = { ...full, ...after(4), attempts: [{ ...attempt, model: 'gpt-4o-mini' }] }
    const repeated = { ...full, ...after(5), attempts: [attempt, attempt] }
    const entries = [full, empty, ordinary, failed, elsewhere, repeated]
    for (const entry of entries) store().appendRequestLog({ principal, ...entry })
    const { rows } = await store().requestLog(principal).list({ limit: 10, order: 'asc' })
    expect(rows.map(({ cursor: _cursor, ...row }) => row)).toEqual(entries)
    expect((await store().requestLog(newcomer()).list({ limit: 10, order: 'asc' })).rows).toEqual([])
  })

  test('the request log pages by cursor within a span of time', async () => {
    const principal = newcomer()
    const start = Date.now()
    for (const offset of [3, 1, 1, 1, 2]) {
      store().appendRequestLog(logEntry({ principal, requestId: `r${offset}`, startedAtMs: start + offset }))
    }
    const reader = store().requestLog(principal)
    const seen: string[] = []
    let after: string | undefined
    for (let more = true; more;) {
      const page = await reader.list({ after, limit: 2, order: 'desc', fromMs: start + 1, untilMs: start + 3 })
      seen.push(...page.rows.map((row) => row.requestId))
      after = page.rows.at(-1)?.cursor
      more = page.hasMore
    }
    expect(seen).toEqual(['r2', 'r1', 'r1', 'r1'])
    await expect(reader.list({ after: '1; DROP', limit: 2, order: 'asc' })).rejects.toMatchObject({ param: 'after' })
  })
}

const DAY_MS = 86_400_000

function describeLogKeeping(suite: StorageConformance): void {
  const open = async (store: string): Promise<Storage> => {
    const opened = await suite.open(store)
    onTestFinished(() => opened[Symbol.asyncDispose]())
    return opened
  }
  const read = async (storage: Storage): Promise<string[]> => {
    const { rows } = await storage.requestLog({ id: 'anna' }).list({ limit: 2000, order: 'asc' })
    return rows.map((row) => row.requestId)
  }

  caseOf(
    suite,
    'log in time',
  )(async () => {
    const [writing, reading] = [await open('log'), await open('log')]
    writing.appendRequestLog(logEntry({ requestId: 'timed' }))
    await sleep(400)
    expect(await read(reading)).toEqual(['timed'])
  })

  caseOf(
    suite,
    'log by disposal',
  )(async () => {
    const writing = await open('log-disposed')
    const late = Array.from({ length: 300 }, (_, index) => `late-${index}`)
    for (const requestId of late) writing.appendRequestLog(logEntry({ requestId }))
    await writing[Symbol.asyncDispose]()
    expect(new Set(await read(await open('log-disposed')))).toEqual(new Set(late))
  })

  caseOf(
    suite,
    'log retention',
  )(async () => {
    const before = await open('retention')
    for (let index = 0; index < 1200; index += 1) {
      before.appendRequestLog(logEntry({ startedAtMs: Date.now() - 40 * DAY_MS }))
    }
    before.appendRequestLog(logEntry({ requestId: 'recent', startedAtMs: Date.now() - 20 * DAY_MS }))
    await before[Symbol.asyncDispose]()
    const after = await open('retention')
    await expect.poll(() => read(after)).toEqual(['recent'])
  })
}

function describeClosing(suite: StorageConformance): void {
  caseOf(
    suite,
    'closed store',
  )(async () => {
    const principal = newcomer()
    const closed = await suite.open('closed')
    const last = closed.chatCompletions(principal).insert(completion('last'))
    await closed[Symbol.asyncDispose]()
    await expect(last).resolves.toBeUndefined()
    const late = closed.chatCompletions(principal).insert(completion('late'))
    await expect(late).rejects.toMatchObject({ code: 'server_shutting_down' })
    // Doing either again is harmless.
    await closed.flush()
    await closed[Symbol.asyncDispose]()

    await using opened = await suite.open('closed')
    expect(await ids(opened.chatCompletions(principal))).toEqual(['last'])
  })
}
