import type { Clock } from '@llama-stack/api'
import { describe, expect, test } from 'vitest'
import { MAX_TIME_MS } from '../../config/responses-settings.ts'
import { toCallKey } from './call-key.ts'
import { DEFAULT_MAX_TURNS, RunLimits, RunUsage } from './run-limits.ts'
import type { AskedCall, RunLimitSettings } from './run-limits.ts'

function createClock(): Clock & { nowMs: number } {
  return {
    nowMs: 1_000_000,
    now() {
      return this.nowMs
    },
    monotonic() {
      return this.nowMs
    },
  }
}

const start = (settings: Partial<RunLimitSettings> = {}): RunLimits =>
  new RunLimits({ maxTurns: DEFAULT_MAX_TURNS, ...settings }, createClock())

const call = (name: string, args = '{}'): AskedCall => ({ name, arguments: args })

describe('turns', () => {
  test('end after as many as are allowed', () => {
    const limits = start({ maxTurns: 2 })
    expect([limits.beginTurn(), limits.beginTurn(), limits.beginTurn()]).toEqual([
      undefined,
      undefined,
      'max_infer_iters',
    ])
    expect(limits.used.turns).toBe(2)
  })

  test('share the tokens of the run', () => {
    const limits = start({ maxOutputTokens: 100 })
    expect(limits.beginTurn()).toBeUndefined()
    expect(limits.remainingOutputTokens).toBe(100)
    limits.addOutputTokens(60)
    expect(limits.remainingOutputTokens).toBe(40)
    limits.addOutputTokens(60)
    expect(limits.remainingOutputTokens).toBe(0)
    expect(limits.beginTurn()).toBe('max_output_tokens')
    expect(start().remainingOutputTokens).toBeUndefined()
  })

  test('end with the time of the run', () => {
    const clock = createClock()
    const limits = new RunLimits({ maxTurns: 10, maxWallTimeMs: 500 }, clock)
    clock.nowMs += 499
    expect(limits.beginTurn()).toBeUndefined()
    expect(limits.remainingMs).toBe(1)
    clock.nowMs += 1
    expect(limits.beginTurn()).toBe('deadline')
    expect(start().remainingMs).toBeUndefined()
  })

  test('have no more time than the whole, whatever becomes of the clock', () => {
    const clock = createClock()
    const limits = new RunLimits({ maxTurns: 10, maxWallTimeMs: MAX_TIME_MS }, clock)
    clock.nowMs -= 60_000
    // A longer timer would end at once.
    expect(limits.remainingMs).toBe(2 ** 31 - 1)
    expect(limits.beginTurn()).toBeUndefined()
  })
})

describe('calls of tools', () => {
  test('beyond the limit are answered with upstream’s words, and a model that asks on is stopped', () => {
    const limits = start({ maxToolCalls: 1 })
    const skipped = { run: false, output: 'Tool call skipped: maximum tool calls limit (1) reached.' }
    expect(limits.judgeCalls([call('a'), call('b')])).toEqual([{ run: true }, skipped])
    expect(limits.beginTurn()).toBeUndefined()
    expect(limits.judgeCalls([call('b')])).toEqual([skipped])
    expect(limits.beginTurn()).toBeUndefined()
    expect(limits.judgeCalls([call('c')])).toEqual([skipped])
    expect(limits.beginTurn()).toBe('max_tool_calls')
  })

  test('are not run a third time in a row, and again once the model did something else', () => {
    const limits = start()
    const judge = (name: string, args: string): boolean | undefined => limits.judgeCalls([call(name, args)])[0]?.run
    expect(judge('search', '{"q":"a","n":1}')).toBe(true)
    expect(judge('search', '{ "n": 1, "q": "a" }')).toBe(true)
    expect(judge('search', '{"n":1,"q":"a"}')).toBe(false)
    expect(judge('search', '{"n":1,"q":"a"}')).toBe(false)
    expect(judge('search', '{"n":2,"q":"a"}')).toBe(true)
    expect(judge('search', '{"n":1,"q":"a"}')).toBe(true)
    expect(limits.used.toolCalls).toBe(4)
  })

  test('that are equal within one turn are one turn', () => {
    const limits = start()
    expect(limits.judgeCalls([call('a'), call('a'), call('a')]).every(({ run }) => run)).toBe(true)
    expect(limits.judgeCalls([call('a')])[0]?.run).toBe(true)
    expect(limits.judgeCalls([call('a')])[0]).toMatchObject({ run: false, output: expect.stringContaining('3 turns') })
  })

  test('are forgotten by a turn without them', () => {
    const limits = start()
    limits.judgeCalls([call('a')])
    limits.judgeCalls([call('a')])
    limits.judgeCalls([])
    expect(limits.judgeCalls([call('a')])[0]?.run).toBe(true)
  })
})

test('a run goes on after a restart with what it had used', () => {
  const clock = createClock()
  const settings = { maxTurns: 3, maxToolCalls: 2, maxOutputTokens: 50, maxWallTimeMs: 1000 }
  const limits = new RunLimits(settings, clock)
  limits.beginTurn()
  limits.addOutputTokens(20)
  limits.judgeCalls([call('a')])
  limits.judgeCalls([call('a')])
  clock.nowMs += 400
  const kept = RunUsage.parse(JSON.parse(JSON.stringify(limits.used)))
  const resumed = new RunLimits(settings, clock, kept)
  expect(resumed.used).toEqual(limits.used)
  expect(resumed.remainingOutputTokens).toBe(30)
  expect(resumed.remainingMs).toBe(600)
  expect(resumed.judgeCalls([call('a')])).toEqual([{ run: false, output: expect.stringContaining('not made') }])
})

test('equal calls have equal keys, others have not', () => {
  const key = toCallKey(call('f', '{"a":{"x":[1,2],"y":null},"b":"c"}'))
  expect(toCallKey(call('f', ' {"b":"c","a":{"y":null,"x":[1,2]}}'))).toBe(key)
  expect(toCallKey(call('f', '{"b":"c","a":{"y":null,"x":[2,1]}}'))).not.toBe(key)
  expect(toCallKey(call('g', '{"a":{"x":[1,2],"y":null},"b":"c"}'))).not.toBe(key)
  expect(toCallKey(call('f', '{"__proto__":1}'))).not.toBe(toCallKey(call('f', '{}')))
  expect(toCallKey(call('f', ''))).toBe(toCallKey(call('f', '{}')))
  expect(toCallKey(call('f', '{"a":'))).not.toBe(toCallKey(call('f', '{"a":1')))
})
