import type { ProviderCall, ProviderModel } from '@llama-stack/api'
import { StackError } from '@llama-stack/api'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { callBy, createModelRig, listing, toModels } from '../../testing/model-rig.ts'
import { toIdentifier } from './model-registry.ts'
import type { DeclaredModel, KnownModel, ModelRegistry } from './model-registry.ts'

const anna = { id: 'anna' }
const bert = { id: 'bert' }
const idsOf = async (registry: ModelRegistry, principal = anna): Promise<string[]> =>
  (await registry.list(principal)).map(({ id }) => id)

const declare = (id: string, more: Partial<DeclaredModel> = {}): DeclaredModel => ({
  model_id: id,
  provider_id: 'one',
  provider_model_id: id,
  model_type: 'llm',
  metadata: {},
  ...more,
})
const known = (id: string, more: Partial<KnownModel> = {}): KnownModel => ({
  id,
  providerId: 'one',
  resourceId: 'm',
  type: 'llm',
  metadata: {},
  created: 0,
  ...more,
})

/** A listing whose end the test decides. */
function createHeldListing() {
  const calls: { readonly call: ProviderCall; readonly answer: PromiseWithResolvers<ProviderModel[]> }[] = []
  return {
    calls,
    models(call: ProviderCall): Promise<ProviderModel[]> {
      const answer = Promise.withResolvers<ProviderModel[]>()
      calls.push({ call, answer })
      return answer.promise
    },
  }
}

test.each([
  ['gpt-4o', 'gpt-4o', 'openai', 'openai/gpt-4o'],
  ['openai/gpt-4o', 'gpt-4o', 'openai', 'openai/gpt-4o'],
  ['openai/gpt-4o', 'openai/gpt-4o', 'openai', 'openai/gpt-4o'],
  ['openai/gpt-4o', 'openai/gpt-4o', 'router', 'router/openai/gpt-4o'],
  ['fast', 'gpt-4o', 'openai', 'fast'],
])('model %s, called %s by its provider %s, answers to %s', (...row) => {
  const [modelId, providerModelId, providerId, expected] = row
  expect(toIdentifier(modelId, providerModelId, providerId)).toBe(expected)
})

describe('declared models', () => {
  test('are there before anything is listed, and first in the list', async () => {
    const declared = [declare('m', { metadata: { context_length: 10 } }), declare('fast', { provider_model_id: 'm' })]
    await using rig = await createModelRig({ providers: { one: listing('a', 'm') }, declared })
    expect(await idsOf(rig.registry)).toEqual(['one/m', 'fast'])
    await rig.registry.refresh()
    expect(await idsOf(rig.registry)).toEqual(['one/m', 'fast', 'one/a'])
    expect(await rig.registry.find('one/m', bert)).toMatchObject({ metadata: { context_length: 10 } })
  })

  test('that stand for others are not models themselves', async () => {
    const declared = [declare('any', { provider_id: 'all' }), declare('first', { provider_model_id: 'auto' })]
    await using rig = await createModelRig({ providers: { one: {} }, declared })
    expect(await idsOf(rig.registry)).toEqual([])
    expect(rig.registry.findPlaceholder('any')).toEqual(declared[0])
    expect([...rig.registry.placeholders]).toEqual(declared)
    expect(rig.registry.findPlaceholder('other')).toBeUndefined()
  })
})

describe('listed models', () => {
  test('carry the provider’s id and the time when they were first seen', async () => {
    const ids = ['m']
    await using rig = await createModelRig({ providers: { one: { models: () => Promise.resolve(toModels(ids)) } } })
    rig.setTime(100)
    await rig.registry.refresh()
    ids.push('new')
    rig.setTime(200)
    await rig.registry.refresh()
    expect(await rig.registry.find('one/m', anna)).toEqual(known('one/m', { created: 100, isListed: true }))
    expect(await rig.registry.find('one/new', anna)).toMatchObject({ created: 200 })
    expect(await rig.registry.find('m', anna)).toBeUndefined()
  })

  test('come in the order of the providers, whoever answers first', async () => {
    const slow = { models: async () => (await sleep(30), toModels(['s'])) }
    await using rig = await createModelRig({ providers: { slow, fast: listing('f') } })
    await rig.registry.refresh()
    expect(await idsOf(rig.registry)).toEqual(['slow/s', 'fast/f'])
  })

  test('answer to the other names that their provider takes for them', async () => {
    const models = () => Promise.resolve([{ ...toModels(['m:latest'])[0], names: ['m'] } as ProviderModel])
    await using rig = await createModelRig({ providers: { one: { models }, two: listing('m') } })
    await rig.registry.refresh()
    expect(await rig.registry.find('one/m', anna)).toMatchObject({ id: 'one/m:latest', resourceId: 'm:latest' })
    expect(await rig.registry.find('two/m', anna)).toMatchObject({ id: 'two/m' })
    // Such a name is free: it may be registered with metadata of one's own.
    const mine = known('one/m', { resourceId: 'm:latest', metadata: { mine: true } })
    await rig.registry.register(mine, anna)
    expect(await rig.registry.find('one/m', anna)).toEqual(mine)
    expect(await rig.registry.find('one/m', bert)).toMatchObject({ id: 'one/m:latest' })
  })

  test('of one provider do not wait for those of another', async () => {
    const held = createHeldListing()
    await using rig = await createModelRig({ providers: { held, fast: listing('f') } })
    const refreshing = rig.registry.refresh()
    await expect.poll(() => idsOf(rig.registry)).toEqual(['fast/f'])
    held.calls[0]?.answer.resolve(toModels(['h']))
    await refreshing
    expect(await idsOf(rig.registry)).toEqual(['held/h', 'fast/f'])
  })

  test('are swapped without a gap', async () => {
    const held = createHeldListing()
    await using rig = await createModelRig({ providers: { held } })
    const first = rig.registry.refresh()
    await expect.poll(() => held.calls.length).toBe(1)
    held.calls[0]?.answer.resolve(toModels(['old', 'both']))
    await first
    const second = rig.registry.refresh()
    await expect.poll(() => held.calls.length).toBe(2)
    expect(await idsOf(rig.registry)).toEqual(['held/old', 'held/both'])
    held.calls[1]?.answer.resolve(toModels(['both', 'new']))
    await second
    expect(await idsOf(rig.registry)).toEqual(['held/both', 'held/new'])
  })

  test('are asked for once by all who ask at the same time', async () => {
    let listings = 0
    const models = async () => ((listings += 1), await sleep(10), toModels(['m']))
    await using rig = await createModelRig({ providers: { one: { models } } })
    await Promise.all([rig.registry.refresh(), rig.registry.refresh(), rig.registry.pending])
    expect(listings).toBe(1)
    await rig.registry.refresh()
    expect(listings).toBe(2)
  })

  test('are listed for the first time by whoever waits for them', async () => {
    await using rig = await createModelRig({ providers: { one: listing('m') } })
    const { pending } = rig.registry
    expect(pending).toBeInstanceOf(Promise)
    await pending
    expect(await idsOf(rig.registry)).toEqual(['one/m'])
    expect(rig.registry.pending).toBeUndefined()
  })

  test('are not asked of a provider that is off, and not expected of one that cannot tell', async () => {
    const off = { off: 'no key', models: () => Promise.reject(new Error('asked')) }
    const silent = { models: () => Promise.resolve(undefined) }
    await using rig = await createModelRig({ providers: { off, silent, none: {} } })
    await rig.registry.refresh()
    expect(await idsOf(rig.registry)).toEqual([])
    expect(rig.logged).toEqual([])
  })
})

describe('a listing that fails', () => {
  const failure = new StackError('provider_unreachable', { provider: 'one', reason: 'nobody is there' })

  test('keeps the list there was, says why, and is forgotten by the next success', async () => {
    let fails = false
    const models = () => (fails ? Promise.reject(failure) : Promise.resolve(toModels(['m'])))
    await using rig = await createModelRig({ providers: { one: { models }, two: listing('t') } })
    await rig.registry.refresh()
    fails = true
    await rig.registry.refresh()
    expect(await idsOf(rig.registry)).toEqual(['one/m', 'two/t'])
    expect(rig.registry.findFailure('one')).toContain('nobody is there')
    expect(rig.registry.findFailure('two')).toBeUndefined()
    expect(rig.logged).toMatchObject([{ level: 'warn', message: 'cannot list models', provider: 'one' }])
    fails = false
    await rig.registry.refresh()
    expect(rig.registry.findFailure('one')).toBeUndefined()
  })

  test('is no warning where it only was not recorded', async () => {
    const missing = new StackError('recording_not_found', { request: 'GET /v1/models', nearest: '' })
    await using rig = await createModelRig({ providers: { one: { models: () => Promise.reject(missing) } } })
    await rig.registry.refresh()
    expect(rig.logged).toMatchObject([{ level: 'debug', message: 'cannot list models', provider: 'one' }])
    expect(rig.registry.findFailure('one')).toContain('Recording not found')
  })
})

describe('listing with a caller’s keys', () => {
  test('asks those whose key was sent, and keeps nothing of it', async () => {
    const asked: ProviderCall[] = []
    const models = (call: ProviderCall) => {
      asked.push(call)
      return Promise.resolve(toModels(['m']))
    }
    const two = { credentialKey: 'two_key', models: () => Promise.reject(new Error('asked')) }
    await using rig = await createModelRig({
      providers: { one: { off: 'no key', credentialKey: 'one_key', models }, two },
    })
    const call = callBy('anna', { providerData: { one_key: 'k1', two_key: 2 } })
    expect((await rig.registry.listWith(call)).map(({ id }) => id)).toEqual(['one/m'])
    expect(asked).toMatchObject([{ requestId: 'req_1', providerData: call.providerData }])
    expect(await idsOf(rig.registry)).toEqual([])
    expect(await rig.registry.listWith(callBy())).toEqual([])
  })

  test('leaves out a provider that refuses the key', async () => {
    const refusing = { credentialKey: 'key', models: () => Promise.reject(new Error('who?')) }
    const good = { credentialKey: 'key', ...listing('m') }
    await using rig = await createModelRig({ providers: { refusing, good } })
    const listed = await rig.registry.listWith(callBy('anna', { providerData: { key: 'k' } }))
    expect(listed.map(({ id }) => id)).toEqual(['good/m'])
    expect(rig.registry.findFailure('refusing')).toBeUndefined()
  })

  test('ends when the caller leaves', async () => {
    const held = createHeldListing()
    await using rig = await createModelRig({ providers: { held: { credentialKey: 'key', ...held } } })
    const leaving = new AbortController()
    const listed = rig.registry.listWith(callBy('anna', { providerData: { key: 'k' }, signal: leaving.signal }))
    await expect.poll(() => held.calls.length).toBe(1)
    leaving.abort()
    expect(held.calls[0]?.call.signal.aborted).toBe(true)
    held.calls[0]?.answer.reject(new Error('aborted'))
    expect(await listed).toEqual([])
  })
})

describe('registered models', () => {
  test('belong to whoever registered them, and outlast a restart', async () => {
    await using rig = await createModelRig({ providers: { one: listing('m') } })
    const alias = known('fast', { metadata: { tier: 1 }, created: 5 })
    expect(await rig.registry.register(alias, anna)).toEqual(alias)
    expect(await idsOf(rig.registry)).toEqual(['fast'])
    expect(await idsOf(rig.registry, bert)).toEqual([])
    expect(await rig.registry.find('fast', bert)).toBeUndefined()
    const restarted = rig.restart()
    expect(await restarted.find('fast', anna)).toEqual(alias)
    expect(await idsOf(restarted, bert)).toEqual([])
    // The same id may be another model of another caller.
    await rig.registry.register(known('fast', { resourceId: 'other' }), bert)
    expect(await rig.registry.find('fast', anna)).toEqual(alias)
  })

  test('may be registered again with the same values, and conflict with other ones', async () => {
    await using rig = await createModelRig({ providers: { one: {} }, declared: [declare('d')] })
    await rig.registry.register(known('fast', { created: 5 }), anna)
    expect(await rig.registry.register(known('fast', { created: 9 }), anna)).toMatchObject({ created: 5 })
    for (const other of [{ resourceId: 'x' }, { providerId: 'two' }, { type: 'embedding' as const }]) {
      await expect(rig.registry.register(known('fast', other), anna)).rejects.toMatchObject({
        code: 'model_exists',
        details: { model: 'fast', provider: 'one' },
      })
    }
    await expect(rig.registry.register(known('one/d'), anna)).rejects.toMatchObject({ code: 'model_exists' })
  })

  test('are forgotten by their owner only, in the store too', async () => {
    await using rig = await createModelRig({ providers: { one: {} }, declared: [declare('d')] })
    await rig.registry.register(known('fast'), anna)
    expect(await rig.registry.unregister('fast', bert)).toBe(false)
    expect(await rig.registry.unregister('one/d', anna)).toBe(false)
    expect(await rig.registry.unregister('fast', anna)).toBe(true)
    expect(await rig.registry.unregister('fast', anna)).toBe(false)
    expect(await idsOf(rig.registry)).toEqual(['one/d'])
    expect(await idsOf(rig.restart())).toEqual(['one/d'])
  })

  test('win over listed ones of the same id', async () => {
    await using rig = await createModelRig({ providers: { one: listing('m') } })
    await rig.registry.register(known('one/m', { metadata: { mine: true } }), anna)
    await rig.registry.refresh()
    expect(await rig.registry.list(anna)).toEqual([known('one/m', { metadata: { mine: true } })])
    expect(await rig.registry.list(bert)).toEqual([known('one/m', { isListed: true })])
  })
})

test('the version changes with everything that changes a look-up, and with nothing else', async () => {
  await using rig = await createModelRig({ providers: { one: listing('m') } })
  const { registry } = rig
  const changes = async (act: () => Promise<unknown>): Promise<boolean> => {
    const before = registry.version
    await act()
    return registry.version !== before
  }
  expect(await changes(() => registry.refresh())).toBe(true)
  expect(await changes(() => registry.register(known('fast'), anna))).toBe(true)
  expect(await changes(() => registry.register(known('fast'), anna))).toBe(false)
  expect(await changes(() => registry.list(anna))).toBe(false)
  expect(await changes(() => registry.find('fast', anna))).toBe(false)
  expect(await changes(() => registry.unregister('fast', anna))).toBe(true)
})

describe('a started registry', () => {
  test('lists at once and again at each interval, until it is disposed', async () => {
    let listings = 0
    const models = () => ((listings += 1), Promise.resolve(toModels(['m'])))
    await using rig = await createModelRig({ providers: { one: { models } }, refreshIntervalMs: 20 })
    rig.registry.start()
    // A second start does not leave a second timer behind.
    rig.registry.start()
    await expect.poll(() => listings).toBeGreaterThan(3)
    rig.registry[Symbol.dispose]()
    await sleep(10)
    const atTheEnd = listings
    await sleep(100)
    expect(listings).toBe(atTheEnd)
  })

  test('ends a listing that is under way, without a complaint', async () => {
    const held = createHeldListing()
    await using rig = await createModelRig({ providers: { held } })
    rig.registry.start()
    await expect.poll(() => held.calls.length).toBe(1)
    rig.registry[Symbol.dispose]()
    expect(held.calls[0]?.call.signal.aborted).toBe(true)
    held.calls[0]?.answer.reject(new Error('aborted'))
    await rig.registry.pending
    expect(rig.logged).toEqual([])
  })
})
