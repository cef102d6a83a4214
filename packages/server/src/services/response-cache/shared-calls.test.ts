import type { CallContext, RequestRecord } from '@llama-stack/api'
import { describe, expect, test } from 'vitest'
import type { CallIdentity } from './call-identity.ts'
import { SharedCalls } from './shared-calls.ts'

const identity: CallIdentity = { circumstances: 'here', body: { input: ['Hi', 'Ho'], n: 1 } }

interface Caller {
  readonly context: CallContext
  readonly record: RequestRecord
  readonly leave: () => void
}

function caller(): Caller {
  const controller = new AbortController()
  const record: RequestRecord = { model: 'asked' }
  const context = { principal: { id: 'anna' }, requestId: 'r', signal: controller.signal, providerData: {}, record }
  return { context, record, leave: () => controller.abort(new DOMException('The client left.', 'AbortError')) }
}

/** A call that ends when the test says so. */
function made() {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const contexts: CallContext[] = []
  const make = (context: CallContext): Promise<string> => {
    contexts.push(context)
    return promise
  }
  return { make, contexts, resolve, reject }
}

const attempt = { providerId: 'a', model: 'm', status: null, errorCode: null, durationMs: 1 }

describe('equal calls', () => {
  test('[B063] are made once, and the log says of all what it says of one, but for the attempts', async () => {
    const calls = new SharedCalls<string>()
    const { make, contexts, resolve } = made()
    const callers = [caller(), caller(), caller()]
    const waiting = callers.map(({ context }) => calls.join(identity, context, make))
    expect(contexts).toHaveLength(1)
    Object.assign(contexts[0]?.record ?? {}, { providerId: 'a', totalTokens: 7, firstByteMs: 3, attempts: [attempt] })
    resolve('answer')
    expect(await Promise.all(waiting)).toEqual([
      { result: 'answer', joined: false },
      { result: 'answer', joined: true },
      { result: 'answer', joined: true },
    ])
    const facts = { model: 'asked', providerId: 'a', totalTokens: 7 }
    expect(callers.map(({ record }) => record)).toEqual([
      { ...facts, firstByteMs: 3, attempts: [attempt] },
      facts,
      facts,
    ])
  })

  test('are told by their circumstances and their bodies', async () => {
    const calls = new SharedCalls<string>()
    const { make, contexts, resolve } = made()
    const others: CallIdentity[] = [
      { ...identity, circumstances: 'there' },
      { ...identity, body: { input: ['Hi', 'Hu'], n: 1 } },
      { ...identity, body: { n: 1, input: ['Hi', 'Ho'] } },
    ]
    const waiting = [identity, ...others].map((each) => calls.join(each, caller().context, make))
    resolve('answer')
    expect((await Promise.all(waiting)).map(({ joined }) => joined)).toEqual([false, false, false, true])
    expect(contexts).toHaveLength(3)
  })

  test('are made again when the first is over, whether it succeeded or not', async () => {
    const calls = new SharedCalls<string>()
    const [fine, failing, last] = [made(), made(), made()]
    fine.resolve('one')
    expect((await calls.join(identity, caller().context, fine.make)).result).toBe('one')
    const failed = [
      calls.join(identity, caller().context, failing.make),
      calls.join(identity, caller().context, last.make),
    ]
    failing.reject(new Error('out of order'))
    for (const each of failed) await expect(each).rejects.toThrow('out of order')
    last.resolve('two')
    expect((await calls.join(identity, caller().context, last.make)).result).toBe('two')
    expect([failing.contexts.length, last.contexts.length]).toEqual([1, 1])
  })

  test('go on for those who stay; who is first among them stands for the call', async () => {
    const calls = new SharedCalls<string>()
    const { make, contexts, resolve } = made()
    const [first, second, third] = [caller(), caller(), caller()]
    const left = calls.join(identity, first.context, make)
    const stayed = [second, third].map(({ context }) => calls.join(identity, context, make))
    Object.assign(contexts[0]?.record ?? {}, { attempts: [attempt] })
    first.leave()
    await expect(left).rejects.toThrow('The client left.')
    expect(contexts[0]?.signal.aborted).toBe(false)
    resolve('answer')
    expect((await Promise.all(stayed)).map(({ joined }) => joined)).toEqual([false, true])
    expect([first, second, third].map(({ record }) => record.attempts?.length)).toEqual([undefined, 1, undefined])
  })

  test('end when the last has left, and nobody joins what is ending', async () => {
    const calls = new SharedCalls<string>()
    const ending = made()
    const [first, second] = [caller(), caller()]
    const waiting = [first, second].map(({ context }) => calls.join(identity, context, ending.make))
    first.leave()
    second.leave()
    for (const each of waiting) await expect(each).rejects.toThrow('The client left.')
    expect(ending.contexts[0]?.signal.aborted).toBe(true)
    const next = made()
    const later = calls.join(identity, caller().context, next.make)
    ending.reject(new Error('cancelled'))
    next.resolve('answer')
    expect(await later).toEqual({ result: 'answer', joined: false })
  })

  test('whoever left before the call waits for nothing', async () => {
    const gone = caller()
    gone.leave()
    await expect(new SharedCalls<string>().join(identity, gone.context, made().make)).rejects.toThrow(
      'The client left.',
    )
  })
})
