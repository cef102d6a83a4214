import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CircuitBreaker } from './circuit-breaker.ts'
import type { BreakerPolicy, Permit } from './circuit-breaker.ts'

const policy: BreakerPolicy = {
  failures: 3,
  failureRate: 0.5,
  minCalls: 6,
  windowMs: 1000,
  openMs: 100,
  maxOpenMs: 400,
}

function enter(breaker: CircuitBreaker, nowMs: number): Permit {
  const permit = breaker.enter(nowMs)
  expect(permit).toBeDefined()
  return permit as Permit
}

/** A breaker that opened at the time 0. */
function opened(): CircuitBreaker {
  const breaker = new CircuitBreaker(policy)
  for (let count = 0; count < policy.failures; count += 1) breaker.fail(enter(breaker, 0), 0)
  expect(breaker.state).toBe('open')
  return breaker
}

describe('a breaker opens', () => {
  test('after failures in a row, and not when a success comes between', () => {
    const breaker = new CircuitBreaker(policy)
    breaker.fail(enter(breaker, 0), 0)
    breaker.fail(enter(breaker, 0), 0)
    breaker.succeed(enter(breaker, 0), 0)
    breaker.fail(enter(breaker, 0), 0)
    breaker.fail(enter(breaker, 0), 0)
    expect(breaker.state).toBe('closed')
    breaker.fail(enter(breaker, 0), 0)
    expect(breaker.state).toBe('open')
    expect(breaker.enter(0)).toBeUndefined()
    expect(breaker.retryAfterMs(30)).toBe(70)
  })

  /** Whether it opens when every other call fails, two calls each so often. */
  function opensAtPairs(everyMs: number): boolean {
    const breaker = new CircuitBreaker(policy)
    for (let nowMs = 0; nowMs < 10_000 && breaker.state === 'closed'; nowMs += everyMs) {
      breaker.succeed(enter(breaker, nowMs), nowMs)
      breaker.fail(enter(breaker, nowMs), nowMs)
    }
    return breaker.state === 'open'
  }

  test('when half of the calls of its window fail, once they are enough to tell', () => {
    expect(opensAtPairs(0.1)).toBe(true)
    expect(opensAtPairs(300)).toBe(true)
    // Never six calls within a second.
    expect(opensAtPairs(600)).toBe(false)
  })
})

describe('an open breaker', () => {
  test('gives one permit after its time, and closes when that call succeeds', () => {
    const breaker = opened()
    expect(breaker.admits(99)).toBe(false)
    const probe = enter(breaker, 100)
    expect(breaker.state).toBe('half-open')
    expect(breaker.enter(100)).toBeUndefined()
    expect(breaker.admits(10_000)).toBe(false)
    breaker.succeed(probe, 110)
    expect(breaker.state).toBe('closed')
    // What happened before it opened is forgotten.
    breaker.fail(enter(breaker, 110), 110)
    expect(breaker.state).toBe('closed')
  })

  test('stays open twice as long after each probe that fails, up to a bound, and begins anew after a success', () => {
    const breaker = opened()
    let nowMs = 0
    for (const openMs of [100, 200, 400, 400]) {
      expect(breaker.admits(nowMs + openMs - 1)).toBe(false)
      nowMs += openMs
      breaker.fail(enter(breaker, nowMs), nowMs)
    }
    nowMs += 400
    breaker.succeed(enter(breaker, nowMs), nowMs)
    for (let count = 0; count < policy.failures; count += 1) breaker.fail(enter(breaker, nowMs), nowMs)
    expect(breaker.retryAfterMs(nowMs)).toBe(100)
  })

  test('lets another probe go when one ends without a word', () => {
    const breaker = opened()
    breaker.leave(enter(breaker, 100))
    expect(breaker.state).toBe('open')
    breaker.succeed(enter(breaker, 100), 100)
    expect(breaker.state).toBe('closed')
  })

  test('hears nothing of calls that began before it opened', () => {
    const breaker = new CircuitBreaker(policy)
    const early = enter(breaker, 0)
    for (let count = 0; count < policy.failures; count += 1) breaker.fail(enter(breaker, 0), 0)
    breaker.succeed(early, 50)
    expect(breaker.state).toBe('open')
    const probe = enter(breaker, 100)
    breaker.succeed(early, 110)
    breaker.fail(early, 110)
    breaker.leave(early)
    expect(breaker.state).toBe('half-open')
    breaker.succeed(probe, 120)
    expect(breaker.state).toBe('closed')
  })
})

interface Call {
  readonly permit: Permit
  readonly isProbe: boolean
}

/** What one step of a random history does; the call that it ended, or began. */
function act(breaker: CircuitBreaker, calls: Call[], step: { act: string; which: number; nowMs: number }) {
  if (step.act === 'enter') {
    const isProbe = breaker.state !== 'closed'
    const permit = breaker.enter(step.nowMs)
    if (permit !== undefined) calls.push({ permit, isProbe })
    return undefined
  }
  const [call] = calls.length === 0 ? [] : calls.splice(step.which % calls.length, 1)
  if (call === undefined) return undefined
  if (step.act === 'leave') breaker.leave(call.permit)
  else breaker[step.act === 'succeed' ? 'succeed' : 'fail'](call.permit, step.nowMs)
  return call
}

test('whatever happens: never two probes at once, closed only by a probe’s success, open never beyond the bound', () => {
  const step = fc.record({
    act: fc.constantFrom('enter', 'succeed', 'fail', 'leave'),
    which: fc.nat(),
    afterMs: fc.integer({ min: 0, max: 150 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const breaker = new CircuitBreaker(policy)
      const calls: Call[] = []
      let nowMs = 0
      for (const { afterMs, ...rest } of steps) {
        nowMs += afterMs
        const before = breaker.state
        const ended = act(breaker, calls, { ...rest, nowMs })
        const hasClosed = before !== 'closed' && breaker.state === 'closed'
        expect(!hasClosed || (rest.act === 'succeed' && ended?.isProbe === true)).toBe(true)
        const probes = calls.filter(({ isProbe }) => isProbe).length
        expect(probes).toBeLessThanOrEqual(1)
        expect(breaker.state !== 'half-open' || probes === 1).toBe(true)
        expect(breaker.retryAfterMs(nowMs)).toBeLessThanOrEqual(Math.max(policy.maxOpenMs, 1000))
        expect(breaker.state === 'half-open' || breaker.admits(nowMs + policy.maxOpenMs)).toBe(true)
      }
    }),
  )
})
