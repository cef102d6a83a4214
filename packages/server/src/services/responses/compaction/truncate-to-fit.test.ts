import type { ChatMessage } from '@llama-stack/api'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toMessages, toUnits } from './message-units.ts'
import { planCompaction } from './plan-compaction.ts'
import { truncateToFit } from './truncate-to-fit.ts'

/** A token for each character of a message, and one for the message. */
const count = (messages: readonly ChatMessage[]): Promise<number> =>
  Promise.resolve(messages.reduce((sum, { content }) => sum + 1 + (content ?? '').length, 0))

const user = (content: string): ChatMessage => ({ role: 'user', content })
const said = (content: string): ChatMessage => ({ role: 'assistant', content })
const system = (content: string): ChatMessage => ({ role: 'system', content })
const calls = (...ids: readonly string[]): ChatMessage => ({
  role: 'assistant',
  content: '',
  tool_calls: ids.map((id) => ({ id, type: 'function', function: { name: 'f', arguments: '{}' } })),
})
const output = (id: string, content = 'done'): ChatMessage => ({ role: 'tool', tool_call_id: id, content })

/** Conversations of any kind: outputs may be late, others may speak in between. */
const conversations = fc
  .array(
    fc.record({
      kind: fc.constantFrom('user', 'said', 'system', 'calls', 'lateCalls'),
      text: fc.string({ maxLength: 8 }),
      parallel: fc.integer({ min: 1, max: 3 }),
    }),
    { maxLength: 14 },
  )
  .map((steps) => {
    const messages: ChatMessage[] = []
    let late: ChatMessage[] = []
    for (const [index, { kind, text, parallel }] of steps.entries()) {
      if (kind === 'user') messages.push(user(text))
      else if (kind === 'said') messages.push(said(text))
      else if (kind === 'system') messages.push(system(text))
      else {
        const ids = Array.from({ length: parallel }, (_, each) => `call_${index}_${each}`)
        messages.push(calls(...ids))
        const outputs = ids.map((id) => output(id, text))
        if (kind === 'calls') messages.push(...outputs)
        else late = [...late, ...outputs]
      }
    }
    return [...messages, ...late]
  })

function callIds(messages: readonly ChatMessage[]): readonly (string | undefined)[] {
  return messages.flatMap((message) =>
    message.role === 'assistant' ? (message.tool_calls ?? []).map(({ id }) => id) : [],
  )
}

function outputIds(messages: readonly ChatMessage[]): readonly string[] {
  return messages.flatMap((message) => (message.role === 'tool' ? [message.tool_call_id] : []))
}

/** What has to stay: instructions, and what the user said last. */
function indispensable(messages: readonly ChatMessage[]): readonly ChatMessage[] {
  const last = messages.findLast(({ role }) => role === 'user')
  return messages.filter((message) => message.role === 'system' || message === last)
}

describe('units', () => {
  test('put together are the conversation', () => {
    fc.assert(
      fc.property(conversations, (messages) => {
        expect(toMessages(toUnits(messages))).toEqual(messages)
      }),
    )
  })

  test('hold calls with their outputs, and what stands between', () => {
    const messages = [calls('a', 'b'), output('a'), user('see the picture'), output('b'), said('so')]
    expect(toUnits(messages).map((unit) => [unit.kind, unit.messages.length])).toEqual([
      ['user', 4],
      ['other', 1],
    ])
  })
})

describe('truncation', () => {
  test('never parts a call from its output, keeps instructions and the last of the user, and fits or says that it does not', async () => {
    await fc.assert(
      fc.asyncProperty(conversations, fc.integer({ min: 0, max: 120 }), async (messages, room) => {
        const { messages: kept, dropped, fits } = await truncateToFit(messages, room, count)
        expect(new Set(outputIds(kept))).toEqual(new Set(callIds(kept)))
        // The rest is as it was, in its order.
        let at = -1
        for (const message of kept) expect((at = messages.indexOf(message, at + 1))).toBeGreaterThan(-1)
        expect(kept.length + dropped).toBe(messages.length)
        expect(kept).toEqual(expect.arrayContaining([...indispensable(messages)]))
        expect((await count(kept)) <= room).toBe(fits)
        expect(dropped > 0 && (await count(messages)) <= room).toBe(false)
      }),
    )
  })

  test('drops whole turns first, then earlier steps of the last one, and no more than is needed', async () => {
    const first = [user('1111'), calls('a'), output('a'), said('2222')]
    const second = [user('3333'), said('4444')]
    const last = [user('5555'), calls('b'), output('b'), calls('c'), output('c')]
    const all = [system('s'), ...first, ...second, ...last]
    const total = await count(all)
    const truncated = async (room: number): Promise<readonly ChatMessage[]> =>
      (await truncateToFit(all, room, count)).messages
    expect(await truncated(total)).toEqual(all)
    expect(await truncated(total - 1)).toEqual([system('s'), ...second, ...last])
    expect(await truncated(28)).toEqual([system('s'), ...last])
    expect(await truncated(18)).toEqual([system('s'), user('5555'), calls('c'), output('c')])
    expect(await truncateToFit(all, 3, count)).toMatchObject({ fits: false, dropped: 8 })
  })

  test('of long conversations counts a few times', async () => {
    let counted = 0
    const long = Array.from({ length: 4000 }, (_, index) => (index % 2 === 0 ? user('q') : said('a')))
    const { fits } = await truncateToFit(long, 100, (messages) => {
      counted += 1
      return count(messages)
    })
    expect(fits).toBe(true)
    expect(counted).toBeLessThan(15)
  })
})

describe('the plan of a compaction', () => {
  const summary = said('SUMMARY')

  test('parts nothing, and keeps instructions and the last of the user', async () => {
    await fc.assert(
      fc.asyncProperty(conversations, async (messages) => {
        const plan = await planCompaction(messages, { threshold: 1, count })
        if (plan === undefined) return
        const shorter = plan.withSummary(summary)
        for (const part of [shorter, plan.toSummarise]) expect(new Set(outputIds(part))).toEqual(new Set(callIds(part)))
        expect(shorter.filter((message) => message === summary)).toHaveLength(1)
        const others = shorter.filter((message) => message !== summary)
        expect(others.length + plan.toSummarise.length).toBe(messages.length)
        expect(plan.toSummarise.some(({ role }) => role === 'system')).toBe(false)
        expect(others).toEqual(expect.arrayContaining([...indispensable(messages)]))
      }),
    )
  })

  const long = 'x'.repeat(100)

  test('summarises what was before the last turn', async () => {
    const history = [system('s'), user(long), said(long), user('now'), calls('a'), output('a')]
    const plan = await planCompaction(history, { threshold: 200, count })
    expect(plan?.toSummarise).toEqual([user(long), said(long)])
    expect(plan?.withSummary(summary)).toEqual([system('s'), summary, user('now'), calls('a'), output('a')])
    expect(await planCompaction(history, { threshold: 1000, count })).toBeUndefined()
  })

  test('does not summarise a summary again', async () => {
    const history = [said(long), user('now')]
    expect(await planCompaction(history, { threshold: 10, count })).toBeUndefined()
    const more = [said(long), user('before'), user('now')]
    expect((await planCompaction(more, { threshold: 10, count }))?.toSummarise).toEqual([said(long), user('before')])
  })

  test('takes the earlier steps of the turn where there is little before it', async () => {
    const history = [summary, user('now'), calls('a'), output('a', long), calls('b'), output('b', long)]
    const plan = await planCompaction(history, { threshold: 100, count })
    expect(plan?.toSummarise).toEqual([summary, calls('a'), output('a', long)])
    expect(plan?.withSummary(said('NEW'))).toEqual([user('now'), said('NEW'), calls('b'), output('b', long)])
  })

  test('gives up where a summary would not help', async () => {
    expect(await planCompaction([summary, user(long + long)], { threshold: 10, count })).toBeUndefined()
    expect(await planCompaction([user(long)], { threshold: 10, count })).toBeUndefined()
  })
})
