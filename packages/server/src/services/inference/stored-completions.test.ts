import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CallContext, Reply } from '@llama-stack/api'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../kernel/clock.ts'
import { silentLog } from '../../kernel/log.ts'
import { sseData, sseDone } from '../../kernel/sse.ts'
import { openStorage } from '../../storage/open-storage.ts'
import type { NewChatCompletion, Storage } from '../../storage/storage.ts'
import { createStoredCompletions } from './stored-completions.ts'

let folder: string
let storage: Storage
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stored-completions-'))
  const backend = { type: 'sqlite' as const, db_path: join(folder, 'state.db'), busy_timeout_ms: 1000 }
  storage = await openStorage({ backend, clock: systemClock, log: silentLog })
})
afterAll(async () => {
  await storage[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

/** A caller whom nobody else is. */
function newcomer(): CallContext {
  const signal = new AbortController().signal
  return { principal: { id: crypto.randomUUID() }, requestId: 'req_1', signal, providerData: {} }
}

const messages = ['Be brief.', 'Hi', 'And now?'].map((content, index) => ({
  role: index === 0 ? 'system' : 'user',
  content,
}))
const completion = {
  id: 'c1',
  object: 'chat.completion',
  created: 5,
  model: 'vendor/m',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop', logprobs: null }],
}

async function insert(context: CallContext, more: Partial<NewChatCompletion> = {}): Promise<void> {
  await storage.chatCompletions(context.principal).insert({
    id: 'c1',
    createdAtMs: 5000,
    model: 'vendor/m',
    request: Buffer.from(JSON.stringify({ model: 'vendor/m', messages })),
    reply: { format: 'json', bytes: Buffer.from(JSON.stringify(completion)) },
    ...more,
  })
}

async function valueOf<Value>(answering: Promise<Reply<Value>>): Promise<Value> {
  const reply = await answering
  if (reply.kind !== 'value') throw new Error(`expected a value, got ${reply.kind}`)
  return reply.value
}

const stored = (): ReturnType<typeof createStoredCompletions> =>
  createStoredCompletions({ storage, storesCompletions: true })

describe('a stored completion', () => {
  test('is what was sent, with what was asked', async () => {
    const context = newcomer()
    await insert(context, { metadata: { a: '1' } })
    const found = await valueOf(stored().retrieveChatCompletion({ completion_id: 'c1' }, context))
    expect(found).toEqual({ ...completion, input_messages: messages, metadata: { a: '1' } })
  })

  test('is put together from a stream, also from one without its end', async () => {
    const chunk = (delta: object, finish_reason: string | null) =>
      sseData(
        JSON.stringify({
          ...completion,
          object: 'chat.completion.chunk',
          choices: [{ index: 0, delta, finish_reason }],
        }),
      )
    const stream = chunk({ role: 'assistant', content: 'Hel' }, null) + chunk({ content: 'lo' }, 'stop')
    for (const text of [stream, stream + sseDone, stream.trimEnd()]) {
      const context = newcomer()
      await insert(context, { reply: { format: 'sse', bytes: Buffer.from(text) } })
      const found = await valueOf(stored().retrieveChatCompletion({ completion_id: 'c1' }, context))
      expect(found).toEqual({ ...completion, input_messages: messages, metadata: null })
    }
  })

  test('is shown under its own id when the vendor gave it twice', async () => {
    const context = newcomer()
    await insert(context)
    await insert(context)
    const page = await valueOf(stored().listChatCompletions({ limit: 10, order: 'asc' }, context))
    const [older, newer] = page.data.map(({ id }) => id)
    expect(older).toMatch(/^c1~/)
    expect(newer).toBe('c1')
    expect(page).toMatchObject({ object: 'list', first_id: older, last_id: 'c1', has_more: false })
    const found = await valueOf(stored().retrieveChatCompletion({ completion_id: older ?? '' }, context))
    expect(found.id).toBe(older)
  })

  test('is nobody else’s', async () => {
    await insert(newcomer())
    const [service, other] = [stored(), newcomer()]
    const id = { completion_id: 'c1' }
    const refused = { code: 'completion_not_found', details: { id: 'c1' } }
    await expect(service.retrieveChatCompletion(id, other)).rejects.toMatchObject(refused)
    await expect(service.updateChatCompletion({ ...id, metadata: {} }, other)).rejects.toMatchObject(refused)
    await expect(service.deleteChatCompletion(id, other)).rejects.toMatchObject(refused)
    const asking = service.listChatCompletionMessages({ ...id, limit: 10, order: 'asc' }, other)
    await expect(asking).rejects.toMatchObject(refused)
    expect(await valueOf(service.listChatCompletions({ limit: 10, order: 'asc' }, other))).toEqual({
      object: 'list',
      data: [],
      first_id: null,
      last_id: null,
      has_more: false,
    })
  })

  test('takes 16 pairs of metadata and no more; null clears them', async () => {
    const context = newcomer()
    await insert(context)
    const pairs = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v']))
    const update = (metadata: Record<string, string> | null) =>
      valueOf(stored().updateChatCompletion({ completion_id: 'c1', metadata }, context))
    expect((await update(pairs(16))).metadata).toEqual(pairs(16))
    await expect(update(pairs(17))).rejects.toMatchObject({ code: 'invalid_value', param: 'metadata' })
    expect((await update(null)).metadata).toBeNull()
  })
})

describe('the messages of a stored completion', () => {
  const list = async (context: CallContext, more: { after?: string; limit?: number; order?: 'asc' | 'desc' } = {}) =>
    valueOf(stored().listChatCompletionMessages({ completion_id: 'c1', limit: 10, order: 'asc', ...more }, context))

  test('have ids of their own and come in either order', async () => {
    const context = newcomer()
    await insert(context)
    const all = messages.map((message, index) => ({ ...message, id: `c1-${index}` }))
    expect(await list(context)).toEqual({
      object: 'list',
      data: all,
      first_id: 'c1-0',
      last_id: 'c1-2',
      has_more: false,
    })
    expect((await list(context, { order: 'desc' })).data).toEqual(all.toReversed())
  })

  test.each(['asc', 'desc'] as const)('come in pages that end: %s', async (order) => {
    const context = newcomer()
    await insert(context)
    const seen: string[] = []
    const ends: boolean[] = []
    for (let after: string | undefined; seen.length < 3; after = seen.at(-1)) {
      const page = await list(context, { order, limit: 1, ...(after === undefined ? {} : { after }) })
      seen.push(...page.data.map(({ id }) => id))
      ends.push(page.has_more)
    }
    expect(seen).toEqual(order === 'asc' ? ['c1-0', 'c1-1', 'c1-2'] : ['c1-2', 'c1-1', 'c1-0'])
    expect(ends).toEqual([true, true, false])
    const beyond = await list(context, { order, limit: 1, after: seen.at(-1) ?? '' })
    expect(beyond).toMatchObject({ data: [], first_id: null, has_more: false })
  })

  test('refuse a cursor of another completion', async () => {
    const context = newcomer()
    await insert(context)
    await expect(list(context, { after: 'c2-0' })).rejects.toMatchObject({ code: 'invalid_value', param: 'after' })
  })
})

test('nothing is asked of the store where completions are not stored', async () => {
  const service = createStoredCompletions({ storage, storesCompletions: false })
  const context = newcomer()
  await insert(context)
  const refused = { code: 'store_disabled' }
  await expect(service.retrieveChatCompletion({ completion_id: 'c1' }, context)).rejects.toMatchObject(refused)
  await expect(service.deleteChatCompletion({ completion_id: 'c1' }, context)).rejects.toMatchObject(refused)
})
