import { StackError } from '@llama-stack/api'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ProviderHealthBook, ProviderHealthRecord, toHealthFailure } from './provider-health.ts'

function createRecord() {
  let nowMs = 1_000_000
  const record = new ProviderHealthRecord({ now: () => nowMs + 5_000_000, monotonic: () => nowMs })
  return { record, pass: (ms: number) => (nowMs += ms) }
}

const down = { code: 'provider_unreachable', message: 'refused', fix: 'start it' }

describe('what is known of a provider', () => {
  test('is nothing at first', () => {
    const { record } = createRecord()
    expect(record.look()).toMatchObject({ state: 'unknown', window: { calls: 0, failures: 0 } })
    expect(record.look().heardAtMs).toBeUndefined()
    expect(record.silentForMs()).toBe(Infinity)
  })

  test('is its first failure, and its first answer after it; the failure stays known', () => {
    const { record, pass } = createRecord()
    record.fail('probe', down)
    expect(record.look()).toMatchObject({ state: 'failing', sinceMs: 6_000_000, heardBy: 'probe', lastFailure: down })
    pass(1000)
    record.succeed('traffic')
    expect(record.look()).toMatchObject({
      state: 'well',
      sinceMs: 6_001_000,
      heardAtMs: 6_001_000,
      heardBy: 'traffic',
      lastFailure: { ...down, atMs: 6_000_000 },
      window: { calls: 2, failures: 1 },
    })
    pass(500)
    record.succeed('traffic')
    expect(record.look()).toMatchObject({ sinceMs: 6_001_000, heardAtMs: 6_001_500 })
  })

  test('is not spoilt by one failure among many answers, but by five in a row', () => {
    const { record } = createRecord()
    for (let call = 0; call < 100; call += 1) record.succeed('traffic')
    for (let call = 0; call < 4; call += 1) record.fail('traffic', down)
    expect(record.look().state).toBe('well')
    record.fail('traffic', down)
    expect(record.look().state).toBe('failing')
  })

  test('counts the calls of the last five minutes', () => {
    const { record, pass } = createRecord()
    record.succeed('traffic')
    record.fail('traffic', down)
    pass(299_000)
    record.succeed('traffic')
    pass(31_000)
    expect(record.look().window).toEqual({ windowMs: 300_000, calls: 1, failures: 0 })
    expect(record.silentForMs()).toBe(31_000)
  })

  test('is well exactly after an answer, whatever came before it', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 1 }), (outcomes) => {
        const { record } = createRecord()
        for (const isAnswer of outcomes) {
          if (isAnswer) record.succeed('traffic')
          else record.fail('traffic', down)
        }
        const { state, window, lastFailure } = record.look()
        const failures = outcomes.filter((isAnswer) => !isAnswer).length
        expect(window).toMatchObject({ calls: outcomes.length, failures })
        expect(lastFailure === undefined).toBe(failures === 0)
        expect(state === 'well' || outcomes.at(-1) === false).toBe(true)
        expect(state === 'failing' || failures < outcomes.length).toBe(true)
      }),
    )
  })
})

test('a book has one record for each provider', () => {
  const book = new ProviderHealthBook({ now: () => 0, monotonic: () => 0 })
  book.get('one').succeed('listing')
  expect(book.get('one').look().state).toBe('well')
  expect(book.get('two').look().state).toBe('unknown')
})

describe('a failure as it is shown', () => {
  test('has what to do apart from what happened', () => {
    const error = new StackError('provider_unreachable', { provider: 'groq', reason: 'the connection was refused' })
    expect(toHealthFailure(error)).toEqual({
      code: 'provider_unreachable',
      message: "Provider 'groq' cannot be reached: the connection was refused.",
      fix: 'Check that it runs and that its URL is right.',
    })
    expect(
      toHealthFailure(new StackError('provider_authentication', { provider: 'groq', reason: 'no' })),
    ).toMatchObject({
      message: "Provider 'groq' refused the credentials: no",
      fix: expect.stringContaining('Check the key') as string,
    })
  })

  test('may be of any kind', () => {
    expect(toHealthFailure(new StackError('internal_error', {}))).not.toHaveProperty('fix')
    expect(toHealthFailure(new TypeError('odd'))).toEqual({ message: 'odd' })
    expect(toHealthFailure('odd')).toEqual({ message: 'odd' })
  })
})
