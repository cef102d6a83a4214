import { describe, expect, test } from 'vitest'
import { AliasGroup, ReliabilitySettings } from '../reliability-settings.ts'
import { AliasesBlock, readAliases, readReliability, ReliabilityBlock } from './reliability-block.ts'

describe('the block reliability', () => {
  test('has a key for every setting', () => {
    const block = ReliabilityBlock.parse({
      deadline_ms: '5000',
      retries: 0,
      backoff: { base_ms: 1, max_ms: 2 },
      breaker: { failures: 1, failure_rate: '0.25', min_calls: 2, window_ms: 30, open_ms: 4, max_open_ms: 5 },
      bulkhead: { max_concurrent: 6, max_queue: 0, queue_timeout_ms: 7 },
      providers: { p: { max_concurrent: '8' } },
      continuation: 'true',
    })
    expect(ReliabilitySettings.parse(readReliability(block))).toEqual({
      deadlineMs: 5000,
      retries: 0,
      backoff: { baseMs: 1, maxMs: 2 },
      breaker: { failures: 1, failureRate: 0.25, minCalls: 2, windowMs: 30, openMs: 4, maxOpenMs: 5 },
      bulkhead: { maxConcurrent: 6, maxQueue: 0, queueTimeoutMs: 7 },
      providers: { p: { maxConcurrent: 8, maxQueue: 100, queueTimeoutMs: 10_000 } },
      continuation: true,
    })
  })

  test('takes an empty value for the default', () => {
    const empty = { deadline_ms: null, retries: null, backoff: null, breaker: { failures: null }, bulkhead: null }
    const read = readReliability(ReliabilityBlock.parse(empty))
    expect(ReliabilitySettings.parse(read)).toEqual(ReliabilitySettings.parse({}))
  })

  test.each([
    { retries: -1 },
    { deadline_ms: 0 },
    { breaker: { failure_rate: 0 } },
    { breaker: { failure_rate: 1.1 } },
    { bulkhead: {} },
    { bulkhead: { max_concurrent: 0 } },
    { hedge_after_ms: 5 },
  ])('refuses %j', (block) => {
    expect(ReliabilityBlock.safeParse(block).success).toBe(false)
  })
})

describe('the block aliases', () => {
  test('has names for one model and for groups', () => {
    const block = AliasesBlock.parse({
      one: 'openai/gpt-4o',
      group: {
        targets: ['a/m', { model: 'b/m', weight: '0.5' }],
        strategy: 'session',
        hedge_after_ms: 10,
        continuation: false,
        retries: 1,
      },
    })
    const { one, group } = readAliases(block)
    expect(one).toBe('openai/gpt-4o')
    expect(AliasGroup.parse(group)).toEqual({
      targets: [
        { model: 'a/m', weight: 1 },
        { model: 'b/m', weight: 0.5 },
      ],
      strategy: 'session',
      hedgeAfterMs: 10,
      continuation: false,
      retries: 1,
    })
  })

  test('may be read twice: what a program is given, it may hand on', () => {
    const once = AliasGroup.parse({ targets: ['a/m'] })
    expect(AliasGroup.parse(once)).toEqual(once)
  })

  test.each([{ targets: [] }, { targets: ['a'], strategy: 'random' }, { targets: [{ model: 'a', weight: 0 }] }, true])(
    'refuses %j',
    (group) => {
      expect(AliasesBlock.safeParse({ group }).success).toBe(false)
    },
  )
})
