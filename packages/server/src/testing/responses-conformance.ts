/** What every storage backend has to do with responses, their events and their tool calls. */
import { describe, expect, onTestFinished, test } from 'vitest'
import type { EventSegment, ResponseRepository, ResponseRow } from '../storage/agent-state.ts'
import { toEvents } from '../storage/delta-run.ts'
import type { DeltaRun } from '../storage/delta-run.ts'
import type { Storage } from '../storage/storage.ts'
import { newcomer } from './newcomer.ts'

/** Declares the cases. `open` is that of the suite of storage. */
export function describeResponses(open: (store: string) => Promise<Storage>): void {
  const store = async (name = 'responses'): Promise<Storage> => {
    const opened = await open(name)
    onTestFinished(() => opened[Symbol.asyncDispose]())
    return opened
  }
  describe('responses', () => {
    describeRows(store)
    describeChains(store)
    describeProgress(store)
    describeEvents(store)
    describeCalls(store)
    describeStrangers(store)
  })
}

type OpenStore = (name?: string) => Promise<Storage>

function response(id: string, more: Partial<ResponseRow> = {}): ResponseRow {
  return {
    id,
    createdAtMs: 1_700_000_000_000,
    model: 'openai/gpt-4o',
    status: 'completed',
    background: false,
    previousId: null,
    conversationId: null,
    input: [`{"id":"msg_${id}","text":"a \\n line"}`],
    output: ['{"type":"reasoning"}', '{"type":"message"}'],
    messages: ['{"role":"user"}'],
    body: `{"id":"${id}"}`,
    state: null,
    ...more,
  }
}

const running = (id: string, more: Partial<ResponseRow> = {}): ResponseRow =>
  response(id, { status: 'in_progress', background: true, output: [], messages: [], state: '{"turn":0}', ...more })

/** Events that are their numbers, in texts long enough to be packed. */
function segment(firstSequence: number, lastSequence: number): EventSegment {
  const count = lastSequence - firstSequence + 1
  return {
    firstSequence,
    lastSequence,
    events: Array.from({ length: count }, (_, index) => event(firstSequence + index)),
  }
}

const event = (sequence: number): string => `{"type":"response.output_text.delta","sequence_number":${sequence}}`

async function ids(repository: ResponseRepository, query = {}): Promise<string[]> {
  const page = await repository.list({ limit: 100, order: 'asc', ...query })
  return page.rows.map(({ id }) => id)
}

function describeRows(open: OpenStore): void {
  test('are given back as they were stored, also by the next start', async () => {
    const owner = newcomer()
    const first = await open('responses-kept')
    const rows = [
      response('one'),
      response('two', { previousId: 'one', conversationId: 'conv_1', input: [], output: [], messages: [] }),
      running('three', { status: 'queued', state: '{"a":["b"]}' }),
    ]
    for (const row of rows) await first.responses(owner).insert(row)
    await first[Symbol.asyncDispose]()
    const next = (await open('responses-kept')).responses(owner)
    for (const row of rows) expect(await next.find(row.id)).toEqual(row)
    expect(await next.find('four')).toBeUndefined()
  })

  test('are found together, as far as they are there', async () => {
    const storage = await open()
    const repository = storage.responses(newcomer())
    const rows = [response('one'), running('two', { previousId: 'one' }), response('three', { beginsHistory: true })]
    for (const row of rows) await repository.insert(row)
    const [one, two, three] = rows.map(({ id, status, previousId, input, output, messages, beginsHistory }) => {
      const link = { id, status, previousId, input, output, messages }
      return beginsHistory === undefined ? link : { ...link, beginsHistory }
    })
    const found = async (...wanted: string[]) =>
      (await repository.findMany(wanted)).toSorted((a, b) => (a.id < b.id ? -1 : 1))
    expect(await found('two', 'gone', 'one', 'one')).toEqual([one, two])
    expect(await found()).toEqual([])
    const many = Array.from({ length: 5000 }, (_, index) => `resp_${index}`)
    expect(await found(...many, 'three')).toEqual([three])
    expect(await storage.responses(newcomer()).findMany(['one'])).toEqual([])
  })

  test('are told apart from those that are gone, and from those of others', async () => {
    const storage = await open()
    const repository = storage.responses(newcomer())
    for (const id of ['one', 'two']) await repository.insert(response(id))
    expect(await repository.hasAll(['two', 'one'])).toBe(true)
    expect(await repository.hasAll(['one', 'three'])).toBe(false)
    expect(await storage.responses(newcomer()).hasAll(['one'])).toBe(false)
    await repository.delete('one')
    expect(await repository.hasAll(['one', 'two'])).toBe(false)
    expect(await repository.hasAll([])).toBe(true)
  })

  test('keep items that are written over several lines', async () => {
    const repository = (await open()).responses(newcomer())
    await repository.insert(response('lines', { input: ['{\n  "a": [\n1]\n}', '{"b":"\\n"}'] }))
    const { input = [] } = (await repository.find('lines')) ?? {}
    expect(input.map((text): unknown => JSON.parse(text))).toEqual([{ a: [1] }, { b: '\n' }])
  })

  test('are listed in the order of insertion, page by page, though they share a millisecond', async () => {
    const repository = (await open()).responses(newcomer())
    for (const id of ['c', 'a', 'd', 'b']) await repository.insert(response(id, { model: id === 'a' ? 'small' : 'm' }))
    expect(await ids(repository)).toEqual(['c', 'a', 'd', 'b'])
    expect(await ids(repository, { order: 'desc', limit: 3 })).toEqual(['b', 'd', 'a'])
    expect(await ids(repository, { after: 'a' })).toEqual(['d', 'b'])
    expect(await ids(repository, { after: 'a', order: 'desc' })).toEqual(['c'])
    expect(await ids(repository, { model: 'm', after: 'c' })).toEqual(['d', 'b'])
    const page = async (limit: number) => (await repository.list({ limit, order: 'asc' })).hasMore
    expect([await page(3), await page(4)]).toEqual([true, false])
    await expect(ids(repository, { after: 'nowhere' })).rejects.toMatchObject({ code: 'invalid_value', param: 'after' })
  })

  test('are deleted with their events, calls and job', async () => {
    const storage = await open('responses-deleted')
    const repository = storage.responses(newcomer())
    const job = { id: crypto.randomUUID(), kind: 'deleted', payload: {}, leaseMs: 0 }
    await repository.insert(running('one'), { events: segment(0, 3), job })
    await repository.claimCall('one', 'call')
    expect(await repository.delete('one')).toBe(true)
    expect(await repository.delete('one')).toBe(false)
    expect(await repository.advance('one', { output: [] })).toBe(false)
    expect(await repository.events('one', -1)).toEqual([])
    expect(await storage.jobs.claim('deleted', { worker: 'w', leaseMs: 10 })).toBeUndefined()
    // One of the same name has nothing of the one before.
    await repository.insert(running('one'))
    expect(await repository.events('one', -1)).toEqual([])
    expect(await repository.claimCall('one', 'call')).toEqual({ kind: 'claimed' })
  })
}

function describeChains(open: OpenStore): void {
  const chain = async (repository: ResponseRepository, id: string) => (await repository.chain(id))?.map((row) => row.id)

  test('are followed back to the first, oldest first', async () => {
    const repository = (await open()).responses(newcomer())
    for (const [index, id] of ['a', 'b', 'c', 'd'].entries())
      await repository.insert(response(id, { previousId: 'abcd'[index - 1] ?? null }))
    await repository.insert(response('fork', { previousId: 'b' }))
    expect(await chain(repository, 'd')).toEqual(['a', 'b', 'c', 'd'])
    expect(await chain(repository, 'fork')).toEqual(['a', 'b', 'fork'])
    expect(await chain(repository, 'a')).toEqual(['a'])
    expect(response('a')).toMatchObject((await repository.chain('b'))?.[0] ?? {})
  })

  test('have an end where one is deleted', async () => {
    const repository = (await open()).responses(newcomer())
    for (const [index, id] of ['a', 'b', 'c'].entries())
      await repository.insert(response(id, { previousId: 'abc'[index - 1] ?? null }))
    await repository.delete('a')
    expect(await chain(repository, 'c')).toBeUndefined()
    expect(await chain(repository, 'b')).toBeUndefined()
    expect(await chain(repository, 'a')).toBeUndefined()
  })

  test('of another owner are not followed', async () => {
    const storage = await open()
    const [mine, theirs] = [storage.responses(newcomer()), storage.responses(newcomer())]
    await theirs.insert(response('a'))
    await mine.insert(response('b', { previousId: 'a' }))
    expect(await chain(mine, 'b')).toBeUndefined()
  })
}

function describeProgress(open: OpenStore): void {
  test('advance by what is given, and keep the rest', async () => {
    const repository = (await open()).responses(newcomer())
    await repository.insert(running('one', { status: 'queued' }))
    expect(await repository.advance('one', { status: 'in_progress', output: ['{"n":1}'] })).toBe(true)
    expect(await repository.advance('one', { state: '{"turn":1}', messages: ['{}'] })).toBe(true)
    const expected = running('one', { output: ['{"n":1}'], state: '{"turn":1}', messages: ['{}'] })
    expect(await repository.find('one')).toEqual(expected)
    expect(await repository.advance('one', { status: 'completed', body: '{"done":true}' })).toBe(true)
    const done = { ...expected, status: 'completed', body: '{"done":true}', state: null }
    expect(await repository.find('one')).toEqual(done)
  })

  test('say whether their messages stand for what came before, from then on', async () => {
    const repository = (await open()).responses(newcomer())
    await repository.insert(response('one', { beginsHistory: true }))
    await repository.insert(running('two', { previousId: 'one' }))
    await repository.advance('two', { output: [], beginsHistory: true })
    await repository.advance('two', { status: 'completed', beginsHistory: false })
    await repository.insert(response('three', { previousId: 'two', beginsHistory: false }))
    const chain = (await repository.chain('three')) ?? []
    expect(chain.map(({ beginsHistory }) => beginsHistory ?? false)).toEqual([true, true, false])
    expect(await repository.find('two')).toMatchObject({ beginsHistory: true })
  })

  test('end once: what was cancelled stays cancelled', async () => {
    const storage = await open()
    const owner = newcomer()
    const repository = storage.responses(owner)
    await storage.conversations(owner).insert({ id: 'conv', createdAtMs: 1, metadata: {} }, [])
    await repository.insert(running('one', { conversationId: 'conv' }))
    const items = (id: string) => ({ addition: { conversationId: 'conv', items: [{ id, item: '{}' }] } })
    const ends = await Promise.all([
      repository.advance('one', { status: 'cancelled' }, { ...items('a'), events: segment(0, 1) }),
      repository.advance('one', { status: 'completed', output: ['{}'] }, { ...items('b'), events: segment(0, 2) }),
      repository.advance('one', { output: ['{}'] }, items('c')),
    ])
    expect(ends).toEqual([true, false, false])
    expect(await repository.find('one')).toMatchObject({ status: 'cancelled', output: [] })
    expect(await repository.events('one', -1)).toHaveLength(2)
    const { rows } = await storage.conversations(owner).listItems('conv', { order: 'asc' })
    expect(rows.map(({ id }) => id)).toEqual(['a'])
  })

  test('leave their items in the conversation and no job behind when they end', async () => {
    const storage = await open()
    const owner = newcomer()
    const [responses, conversations] = [storage.responses(owner), storage.conversations(owner)]
    const kind = `ended-${owner.id}`
    const job = { id: crypto.randomUUID(), kind, payload: {}, worker: 'dead', leaseMs: -1 }
    const item = (id: string) => ({ id, item: `{"id":"${id}"}`, responseId: 'one' })
    await conversations.insert({ id: 'conv', createdAtMs: 1, metadata: {} }, [{ id: 'old', item: '{}' }])
    await responses.insert(running('one', { conversationId: 'conv' }), {
      job,
      addition: { conversationId: 'conv', items: [item('question')] },
    })
    await responses.advance('one', { output: ['{}'] })
    expect(await storage.jobs.claim(kind, { worker: 'next', leaseMs: -1 })).toMatchObject({ id: job.id })
    const addition = { conversationId: 'conv', items: [item('answer'), item('old')] }
    await responses.advance('one', { status: 'completed' }, { addition })
    expect(await storage.jobs.claim(kind, { worker: 'next', leaseMs: -1 })).toBeUndefined()
    const { rows } = await conversations.listItems('conv', { order: 'asc' })
    // An item that is there already is not added again.
    expect(rows.map(({ id, responseId }) => [id, responseId])).toEqual([
      ['old', null],
      ['question', 'one'],
      ['answer', 'one'],
    ])
    // Nor does a deleted conversation keep a response from ending.
    await responses.insert(running('two', { conversationId: 'conv' }))
    await conversations.delete('conv')
    expect(await responses.advance('two', { status: 'completed' }, { addition })).toBe(true)
  })
}

function describeEvents(open: OpenStore): void {
  test('give their events from any number on, whatever they are packed in', async () => {
    const owner = newcomer()
    const first = await open('responses-events')
    await first.responses(owner).insert(running('one'), { events: segment(0, 2) })
    await first.responses(owner).advance('one', {}, { events: segment(3, 299) })
    await first.responses(owner).advance('one', { status: 'completed' }, { events: segment(300, 300) })
    await first[Symbol.asyncDispose]()
    const repository = (await open('responses-events')).responses(owner)
    const all = segment(0, 300).events
    for (const after of [-1, 0, 1, 2, 3, 150, 298, 299, 300, 1000])
      expect(await repository.events('one', after)).toEqual(all.slice(after + 1))
    expect(await repository.events('two', -1)).toEqual([])
  })

  test('give each of many deltas in a row', async () => {
    const repository = (await open()).responses(newcomer())
    const run = (first: number, count: number): DeltaRun => ({
      head: '{"type":"response.output_text.delta","delta":',
      rest: ',"logprobs":[]}',
      first,
      values: Array.from({ length: count }, (_, index) => JSON.stringify(`"${first + index}"`)),
    })
    const told = [event(0), run(1, 3), run(4, 2000), event(2004), run(2005, 2)]
    const segment = { firstSequence: 0, lastSequence: 2006, events: told }
    await repository.insert(response('one'), { events: segment })
    for (const after of [-1, 0, 2, 2004])
      expect(await repository.events('one', after)).toEqual(toEvents(told).slice(after + 1))
  })

  test('do not take events of numbers that they have: another worker goes on with them', async () => {
    const repository = (await open()).responses(newcomer())
    await repository.insert(running('one'), { events: segment(0, 4) })
    expect(await repository.advance('one', { output: ['{"stale":1}'] }, { events: segment(3, 8) })).toBe(false)
    expect(await repository.advance('one', { output: ['{"stale":1}'] }, { events: segment(0, 1) })).toBe(false)
    expect(await repository.find('one')).toMatchObject({ output: [] })
    expect(await repository.advance('one', {}, { events: segment(5, 8) })).toBe(true)
    expect(await repository.events('one', -1)).toEqual(segment(0, 8).events)
  })
}

function describeCalls(open: OpenStore): void {
  test('let a call be claimed once, and tell its outcome to who asks again', async () => {
    const owner = newcomer()
    const first = await open('responses-calls')
    await first.responses(owner).insert(running('one'))
    await first.responses(owner).insert(running('two'))
    const claim = (callId: string) => first.responses(owner).claimCall('one', callId)
    const kinds = (await Promise.all([claim('a'), claim('a'), claim('b')])).map(({ kind }) => kind)
    expect(kinds).toEqual(['claimed', 'begun', 'claimed'])
    await first.responses(owner).settleCall('one', 'a', '{"text":"42"}')
    await first[Symbol.asyncDispose]()
    const next = (await open('responses-calls')).responses(owner)
    expect(await next.claimCall('one', 'a')).toEqual({ kind: 'done', outcome: '{"text":"42"}' })
    expect(await next.claimCall('one', 'b')).toEqual({ kind: 'begun' })
    expect(await next.claimCall('two', 'a')).toEqual({ kind: 'claimed' })
    await expect(next.claimCall('gone', 'a')).rejects.toMatchObject({ code: 'response_not_found' })
    await expect(next.settleCall('gone', 'a', '{}')).rejects.toMatchObject({ code: 'response_not_found' })
  })

  test('use an approval for one of them only', async () => {
    const owner = newcomer()
    const repository = (await open()).responses(owner)
    const used = [repository.consumeApproval('mcpr_1', 'one'), repository.consumeApproval('mcpr_1', 'two')]
    expect(await Promise.all(used)).toEqual([true, false])
    expect(await repository.consumeApproval('mcpr_1', 'one')).toBe(true)
    expect(await repository.consumeApproval('mcpr_2', 'two')).toBe(true)
    // Also when the response that used it is deleted.
    await repository.insert(response('one'))
    await repository.delete('one')
    expect(await repository.consumeApproval('mcpr_1', 'two')).toBe(false)
    expect(await (await open()).responses(newcomer()).consumeApproval('mcpr_1', 'two')).toBe(true)
  })
}

function describeStrangers(open: OpenStore): void {
  test('are seen, changed and deleted by their owner only', async () => {
    const storage = await open()
    const owner = newcomer()
    const [mine, theirs] = [storage.responses(owner), storage.responses(newcomer())]
    await mine.insert(running('one'), { events: segment(0, 1) })
    await mine.claimCall('one', 'call')
    expect(await theirs.find('one')).toBeUndefined()
    expect(await theirs.chain('one')).toBeUndefined()
    expect(await ids(theirs)).toEqual([])
    expect(await theirs.events('one', -1)).toEqual([])
    expect(await theirs.advance('one', { status: 'cancelled' })).toBe(false)
    expect(await theirs.delete('one')).toBe(false)
    await expect(ids(theirs, { after: 'one' })).rejects.toMatchObject({ code: 'invalid_value' })
    await expect(theirs.claimCall('one', 'call')).rejects.toMatchObject({ code: 'response_not_found' })
    await expect(theirs.settleCall('one', 'call', '{}')).rejects.toMatchObject({ code: 'response_not_found' })
    // The same id of another owner is another row.
    await theirs.insert(response('one', { model: 'theirs' }))
    expect(await theirs.delete('one')).toBe(true)
    expect(await mine.find('one')).toEqual(running('one'))
    expect(await mine.claimCall('one', 'call')).toEqual({ kind: 'begun' })
  })

  test('do not reach the conversations of others', async () => {
    const storage = await open()
    const [owner, stranger] = [newcomer(), newcomer()]
    await storage.conversations(owner).insert({ id: 'conv', createdAtMs: 1, metadata: {} }, [])
    const addition = { conversationId: 'conv', items: [{ id: 'a', item: '{}' }] }
    await storage.responses(stranger).insert(response('one', { conversationId: 'conv' }), { addition })
    expect((await storage.conversations(owner).listItems('conv', { order: 'asc' })).rows).toEqual([])
  })
}
