import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { GgufModel } from './_gguf-catalog.ts'
import { createLoader } from './_llama-loader.ts'
import { toSlots } from './_llama-slots.ts'

const modelOf = (id: string): GgufModel => ({
  id,
  path: id,
  url: undefined,
  sha256: undefined,
  type: 'llm',
  contextLength: 1,
  gpuLayers: undefined,
})
const never = new AbortController().signal

function createRecorded({ maxLoaded = 1, idleUnloadMs = 60_000 } = {}) {
  const events: string[] = []
  const loader = createLoader({
    maxLoaded,
    idleUnloadMs,
    provider: 'p',
    async load({ id }) {
      await sleep(5)
      if (id === 'broken') throw new Error('no such tensor')
      events.push(`+${id}`)
      return {
        async [Symbol.asyncDispose]() {
          await sleep(5)
          events.push(`-${id}`)
        },
      }
    },
  })
  return { loader, events, use: (id: string, ms = 0) => loader.use(modelOf(id), never, () => sleep(ms)) }
}

describe('models in memory', () => {
  test('are loaded once for all who ask, and make room one for the other', async () => {
    const { loader, events, use } = createRecorded()
    await Promise.all([use('a'), use('a'), use('b'), use('a', 20)])
    expect(events.filter((event) => event === '+b')).toHaveLength(1)
    // Never two at a time: each is gone before the next comes.
    expect(events.join(' ')).toMatch(/^(?:(\+\w -\w) )*\+\w$/)
    await loader[Symbol.asyncDispose]()
    expect(events.filter((event) => event.startsWith('+'))).toHaveLength(
      events.filter((event) => event.startsWith('-')).length,
    )
  })

  test('leave in the order of their last use', async () => {
    const { events, use } = createRecorded({ maxLoaded: 2 })
    for (const id of ['a', 'b', 'a', 'c']) await use(id)
    await expect.poll(() => events).toEqual(['+a', '+b', '-b', '+c'])
  })

  test('leave when nobody has used them for a while', async () => {
    const { loader, events, use } = createRecorded({ idleUnloadMs: 20 })
    await use('a', 40)
    expect(loader.loadedIds).toEqual(['a'])
    await expect.poll(() => events).toEqual(['+a', '-a'])
    expect(loader.loadedIds).toEqual([])
  })

  test('that fail to load are tried again, and leave their place to others', async () => {
    const { use } = createRecorded()
    for (const _ of [1, 2]) {
      await expect(use('broken')).rejects.toMatchObject({
        code: 'provider_internal',
        message: expect.stringContaining("model 'broken' cannot be loaded: no such tensor") as string,
      })
    }
    await use('a')
  })

  test('are not waited for by a caller who leaves', async () => {
    const { loader, use } = createRecorded()
    const busy = use('a', 80)
    await sleep(15)
    const leaving = new AbortController()
    const waiting = loader.use(modelOf('b'), leaving.signal, () => Promise.resolve('never'))
    leaving.abort(new Error('left'))
    await expect(waiting).rejects.toThrow('left')
    await busy
  })

  test('are all unloaded at the end, after what is running', async () => {
    const { loader, events, use } = createRecorded({ maxLoaded: 2 })
    const running = use('a', 40)
    await use('b')
    await loader[Symbol.asyncDispose]()
    await running
    expect(events.toSorted()).toEqual(['+a', '+b', '-a', '-b'])
    await expect(use('a')).rejects.toMatchObject({ code: 'server_shutting_down' })
  })
})

describe('slots', () => {
  const slotsOf = (maxWaiting: number) => toSlots({ slots: [1, 2], maxWaiting, provider: 'p', model: 'm' })

  test('are taken in turn, and no more wait than may', async () => {
    const slots = slotsOf(2)
    const order: string[] = []
    const start = (name: string) =>
      slots.use({
        signal: never,
        async run() {
          order.push(name)
          await sleep(10)
        },
      })
    const four = ['a', 'b', 'c', 'd'].map(start)
    await expect(start('e')).rejects.toMatchObject({ code: 'provider_overloaded' })
    await Promise.all(four)
    expect(order).toEqual(['a', 'b', 'c', 'd'])
  })

  test('are chosen by preference', async () => {
    const run = (slot: number) => Promise.resolve(slot)
    expect(await slotsOf(0).use({ signal: never, prefer: (slot) => slot, run })).toBe(2)
    expect(await slotsOf(0).use({ signal: never, prefer: (slot) => -slot, run })).toBe(1)
  })

  test('are not given to who has left', async () => {
    const slots = toSlots({ slots: [1], maxWaiting: 5, provider: 'p', model: 'm' })
    const leaving = new AbortController()
    const busy = slots.use({ signal: never, run: () => sleep(20) })
    const gone = slots.use({ signal: leaving.signal, run: () => Promise.resolve('never') })
    const next = slots.use({ signal: never, run: () => Promise.resolve('next') })
    leaving.abort(new Error('left'))
    await expect(gone).rejects.toThrow('left')
    await busy
    expect(await next).toBe('next')
  })
})
