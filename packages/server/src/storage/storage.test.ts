import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isStackError } from '@llama-stack/api'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../kernel/clock.ts'
import { silentLog } from '../kernel/log.ts'
import { openStorage } from './open-storage.ts'
import type { ChatCompletionRepository, NewChatCompletion, RequestLogEntry, Storage } from './storage.ts'

const anna = { id: 'anna' }
const bert = { id: 'bert' }
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8')

let folder: string
let storage: Storage
let owners = 0

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'storage-'))
  storage = await open('shared.db')
})
afterAll(async () => {
  await storage[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

function open(name: string): Promise<Storage> {
  return openStorage({
    backend: { type: 'sqlite', db_path: join(folder, name), busy_timeout_ms: 1000 },
    clock: systemClock,
    log: silentLog,
  })
}

/** A principal nobody else uses, so that tests can share one file. */
function newcomer(): { id: string } {
  owners += 1
  return { id: `owner-${owners}` }
}

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

describe('chat completions', () => {
  test('give back the bytes they were given', async () => {
    const repository = storage.chatCompletions(newcomer())
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
    expect(text(two?.reply.bytes ?? new Uint8Array())).toBe('data: {"a":1}\n\ndata: [DONE]\n\n')
    expect(await repository.find('three')).toBeUndefined()
  })

  test('belong to one owner', async () => {
    const mine = storage.chatCompletions(anna)
    const theirs = storage.chatCompletions(bert)
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

  test('change their metadata and can be deleted', async () => {
    const repository = storage.chatCompletions(newcomer())
    await repository.insert(completion('one', { metadata: { a: '1' } }))
    expect(await repository.updateMetadata('one', { b: '2' })).toBe(true)
    expect((await repository.find('one'))?.metadata).toEqual({ b: '2' })
    expect(await repository.updateMetadata('one', null)).toBe(true)
    expect((await repository.find('one'))?.metadata).toBeNull()
    expect(await repository.delete('one')).toBe(true)
    expect(await repository.delete('one')).toBe(false)
    expect(await repository.updateMetadata('one', {})).toBe(false)
  })

  test('keep every row when a vendor repeats an id, and the newest owns it', async () => {
    const repository = storage.chatCompletions(newcomer())
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
  })

  test('are filtered by model and by every metadata pair given', async () => {
    const repository = storage.chatCompletions(newcomer())
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

  test('cannot be asked in SQL', async () => {
    const repository = storage.chatCompletions(newcomer())
    const hostile = `x' OR '1'='1" $."]--`
    await repository.insert(completion('plain', { metadata: { a: '1' } }))
    await repository.insert(completion(hostile, { model: hostile, metadata: { [hostile]: hostile } }))

    expect(await ids(repository, { model: hostile })).toEqual([hostile])
    expect(await ids(repository, { metadata: { [hostile]: hostile } })).toEqual([hostile])
    expect(await ids(repository, { metadata: { [`${hostile} `]: hostile } })).toEqual([])
    expect(await ids(repository, { after: 'plain' })).toEqual([hostile])
    expect(await ids(storage.chatCompletions({ id: hostile }))).toEqual([])
  })

  test('refuse an unknown cursor with the field and the value', async () => {
    const error: unknown = await ids(storage.chatCompletions(newcomer()), { after: 'nowhere' }).catch((e: unknown) => e)
    expect(isStackError(error, 'invalid_value') && [error.param, error.status]).toEqual(['after', 400])
    expect(String(error)).toContain('"nowhere"')
  })

  test('pages follow each other without a gap or a repeat, whatever the times', async () => {
    const scenario = fc.record({
      times: fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 30 }),
      limit: fc.integer({ min: 1, max: 7 }),
      order: fc.constantFrom('asc' as const, 'desc' as const),
    })
    await fc.assert(
      fc.asyncProperty(scenario, async ({ times, limit, order }) => {
        const repository = storage.chatCompletions(newcomer())
        await Promise.all(
          times.map((createdAtMs, index) => repository.insert(completion(`c${index}`, { createdAtMs }))),
        )
        const sorted = times
          .map((time, index) => ({ time, index }))
          .toSorted((a, b) => a.time - b.time || a.index - b.index)
        const expected = (order === 'asc' ? sorted : sorted.toReversed()).map(({ index }) => `c${index}`)

        const seen: string[] = []
        let more = true
        while (more) {
          const page = await repository.list({ limit, order, after: seen.at(-1) })
          seen.push(...page.rows.map((row) => row.id))
          more = page.hasMore
          expect(page.rows.length).toBe(more ? limit : expected.length - (seen.length - page.rows.length))
        }
        expect(seen).toEqual(expected)
      }),
      { numRuns: 40 },
    )
  })
})

describe('models', () => {
  const model = (modelId: string, providerId = 'ollama') => ({
    modelId,
    providerId,
    providerModelId: 'llama3.2:3b',
    type: 'embedding' as const,
    metadata: { embedding_dimension: 768, nested: { a: [1, null] } },
    createdAtMs: 5,
  })

  test('are found, listed and deleted by their owner only', async () => {
    const [mine, theirs] = [storage.models(newcomer()), storage.models(newcomer())]
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

  test('refuse an id that is taken, and say by whom', async () => {
    const repository = storage.models(newcomer())
    await repository.insert(model('gpt', 'openai'))
    const error: unknown = await repository.insert(model('gpt', 'azure')).catch((e: unknown) => e)
    expect(isStackError(error, 'model_exists') && error.details).toEqual({ model: 'gpt', provider: 'openai' })
    expect(await repository.list()).toEqual([model('gpt', 'openai')])
  })
})

describe('request log', () => {
  function entry(more: Partial<RequestLogEntry>): RequestLogEntry {
    return {
      principal: anna,
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
      ...more,
    }
  }

  test('gives back what was appended, to its owner only', async () => {
    const principal = newcomer()
    const { principal: _, ...full } = entry({ principal })
    const { principal: __, ...empty } = entry({
      principal,
      requestId: 'req-2',
      startedAtMs: full.startedAtMs + 1,
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
    })
    storage.appendRequestLog({ principal, ...full })
    storage.appendRequestLog({ principal, ...empty })
    const { rows } = await storage.requestLog(principal).list({ limit: 10, order: 'asc' })
    expect(rows.map(({ cursor: _cursor, ...row }) => row)).toEqual([full, empty])
    expect((await storage.requestLog(newcomer()).list({ limit: 10, order: 'asc' })).rows).toEqual([])
  })

  test('pages by cursor within a span of time', async () => {
    const principal = newcomer()
    const start = Date.now()
    for (const offset of [3, 1, 1, 1, 2]) {
      storage.appendRequestLog(entry({ principal, requestId: `r${offset}`, startedAtMs: start + offset }))
    }
    const reader = storage.requestLog(principal)
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

  test('is written within 250 ms without a flush, and by disposal', async () => {
    const first = await open('log.db')
    first.appendRequestLog(entry({ requestId: 'timed' }))
    await new Promise((resolve) => setTimeout(resolve, 400))
    const second = await open('log.db')
    onTestFinished(() => second[Symbol.asyncDispose]())
    const read = async () => (await second.requestLog(anna).list({ limit: 1000, order: 'asc' })).rows
    expect((await read()).map((row) => row.requestId)).toEqual(['timed'])

    for (let index = 0; index < 300; index += 1) first.appendRequestLog(entry({ requestId: `late-${index}` }))
    await first[Symbol.asyncDispose]()
    expect(await read()).toHaveLength(301)
  })

  test('drops rows older than its retention at the start', async () => {
    const day = 86_400_000
    const before = await open('retention.db')
    for (let index = 0; index < 1200; index += 1) before.appendRequestLog(entry({ startedAtMs: Date.now() - 40 * day }))
    before.appendRequestLog(entry({ requestId: 'recent', startedAtMs: Date.now() - 20 * day }))
    await before[Symbol.asyncDispose]()

    const after = await open('retention.db')
    onTestFinished(() => after[Symbol.asyncDispose]())
    const left = async () =>
      (await after.requestLog(anna).list({ limit: 2000, order: 'asc' })).rows.map((row) => row.requestId)
    await expect.poll(left).toEqual(['recent'])
  })
})

describe('a closed store', () => {
  let closed: Storage
  afterEach(() => closed[Symbol.asyncDispose]())

  test('refuses writes, and closing again is harmless', async () => {
    closed = await open('closed.db')
    const last = closed.chatCompletions(anna).insert(completion('last'))
    await closed[Symbol.asyncDispose]()
    await expect(last).resolves.toBeUndefined()
    await expect(closed.chatCompletions(anna).insert(completion('late'))).rejects.toMatchObject({
      code: 'server_shutting_down',
    })
    await closed.flush()
  })
})
