import type { InferenceProvider, ProviderCall } from '@llama-stack/api'
import { StackError } from '@llama-stack/api'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { silentLog } from '../../kernel/log.ts'
import type { ProviderHandle } from './provider-handle.ts'
import { ProviderHealthBook } from './provider-health.ts'
import { ProviderWatch } from './provider-watch.ts'

const clock = { now: () => Date.now(), monotonic: () => performance.now() }

function createRig(providers: Readonly<Record<string, InferenceProvider & { off?: string }>>, intervalMs = 1000) {
  const health = new ProviderHealthBook(clock)
  const handles = Object.entries(providers).map(([id, { off, ...provider }]): ProviderHandle => ({
    api: 'inference',
    id,
    type: `test::${id}`,
    shownConfig: {},
    off,
    credentialKey: undefined,
    created: provider,
    get: () => Promise.resolve(provider),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }))
  const watch = new ProviderWatch({ providers: handles, health, clock, log: silentLog, random: () => 0, intervalMs })
  return { watch, health }
}

test('asks those that were silent, and notes what they say', async () => {
  const asked: string[] = []
  const saying = (id: string, say: () => Awaited<ReturnType<NonNullable<InferenceProvider['health']>>>) => ({
    health: () => {
      asked.push(id)
      return Promise.resolve(say())
    },
  })
  const { watch, health } = createRig({
    well: saying('well', () => ({ status: 'OK' })),
    ill: saying('ill', () => ({ status: 'Error', message: 'no disk', fix: 'free some' })),
    mute: saying('mute', () => ({ status: 'Not Implemented' })),
    broken: saying('broken', () => {
      throw new StackError('provider_unreachable', { provider: 'broken', reason: 'refused' })
    }),
    busy: saying('busy', () => ({ status: 'OK' })),
    off: { ...saying('off', () => ({ status: 'OK' })), off: 'no key' },
    listed: {},
  })
  using _watch = watch
  health.get('busy').succeed('traffic')
  await watch.look()
  expect(asked.toSorted()).toEqual(['broken', 'ill', 'mute', 'well'])
  expect(health.get('well').look()).toMatchObject({ state: 'well', heardBy: 'probe' })
  expect(health.get('ill').look()).toMatchObject({
    state: 'failing',
    lastFailure: { message: 'no disk', fix: 'free some' },
  })
  expect(health.get('broken').look()).toMatchObject({ state: 'failing', lastFailure: { code: 'provider_unreachable' } })
  expect(health.get('busy').look()).toMatchObject({ heardBy: 'traffic' })
  for (const id of ['mute', 'off', 'listed']) expect(health.get(id).look().state).toBe('unknown')
})

test('asks two at a time, and starts no second look before the first has ended', async () => {
  let open = 0
  let most = 0
  let asked = 0
  const slow = {
    async health() {
      open += 1
      asked += 1
      most = Math.max(most, open)
      await sleep(10)
      open -= 1
      return { status: 'OK' as const }
    },
  }
  const { watch } = createRig(Object.fromEntries(['a', 'b', 'c', 'd', 'e'].map((id) => [id, slow])))
  using _watch = watch
  await Promise.all([watch.look(), watch.look()])
  expect([asked, most]).toEqual([5, 2])
})

test('looks at each interval until it is disposed, and ends what is under way', async () => {
  let asked = 0
  let signal: AbortSignal | undefined
  const hanging = {
    health(call: ProviderCall) {
      asked += 1
      ;({ signal } = call)
      return asked === 1
        ? Promise.resolve({ status: 'OK' as const })
        : new Promise<never>((_, reject) => call.signal.addEventListener('abort', () => reject(new Error('ended'))))
    },
  }
  const { watch, health } = createRig({ hanging }, 20)
  watch.start()
  await expect.poll(() => asked).toBe(2)
  watch[Symbol.dispose]()
  await sleep(60)
  expect(asked).toBe(2)
  expect(signal?.aborted).toBe(true)
  expect(health.get('hanging').look()).toMatchObject({ state: 'well', lastFailure: undefined })
})
