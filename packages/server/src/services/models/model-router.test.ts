import type { CallContext, ModelType } from '@llama-stack/api'
import { describe, expect, test, vi } from 'vitest'
import { callBy, createModelRig, listing, toModels } from '../../testing/model-rig.ts'
import type { ModelRig, ModelRigOptions, RigProvider } from '../../testing/model-rig.ts'
import type { DeclaredModel } from './model-registry.ts'

const placeholder = (more: Partial<DeclaredModel> = {}): DeclaredModel => ({
  model_id: 'stand-in',
  provider_id: 'all',
  provider_model_id: 'auto',
  model_type: 'llm',
  metadata: {},
  ...more,
})

/** A rig whose providers have listed their models. */
async function createListedRig(
  providers: ModelRigOptions['providers'],
  more: Omit<ModelRigOptions, 'providers'> = {},
): Promise<ModelRig> {
  const rig = await createModelRig({ providers, ...more })
  await rig.registry.refresh()
  return rig
}

/** Where a model leads, as `provider: resource`. */
async function whereTo(
  rig: ModelRig,
  model: string,
  { type = 'llm', context = callBy() }: { readonly type?: ModelType; readonly context?: CallContext } = {},
): Promise<string> {
  const { requested, targets } = await rig.router.route(model, type, context)
  expect(requested).toBe(model)
  return targets.map(({ target }) => `${target.provider.id}: ${target.model}`).join(', ')
}

const mixed: RigProvider = {
  models: () => Promise.resolve([...toModels(['chat-1', 'chat-2']), ...toModels(['embed'], 'embedding')]),
}
const demo: RigProvider = { demo: true, ...listing('demo-chat') }

describe('a model is found by', () => {
  test('its exact id', async () => {
    await using rig = await createListedRig({ one: mixed, two: mixed })
    expect(await whereTo(rig, 'two/chat-2')).toBe('two: chat-2')
    expect(await whereTo(rig, 'two/embed', { type: 'embedding' })).toBe('two: embed')
  })

  test('another name that its provider takes for it, with or without the provider', async () => {
    const named = { models: () => Promise.resolve(toModels(['m:latest']).map((model) => ({ ...model, names: ['m'] }))) }
    await using rig = await createListedRig({ one: named })
    expect(await whereTo(rig, 'one/m')).toBe('one: m:latest')
    expect(await whereTo(rig, 'm')).toBe('one: m:latest')
  })

  test('its exact id before anything else that the name could mean', async () => {
    await using rig = await createListedRig({ one: listing('two/m'), two: listing('m', 'one/two/m') })
    expect(await whereTo(rig, 'one/two/m')).toBe('one: two/m')
  })

  test('an alias of the configuration, also to what nobody listed', async () => {
    const aliases = { fast: 'one/chat-2', bare: 'chat-2', open: 'one/never-listed', first: 'auto' }
    await using rig = await createListedRig({ one: mixed }, { aliases })
    expect(await whereTo(rig, 'fast')).toBe('one: chat-2')
    expect(await whereTo(rig, 'bare')).toBe('one: chat-2')
    expect(await whereTo(rig, 'open')).toBe('one: never-listed')
    expect(await whereTo(rig, 'first')).toBe('one: chat-1')
  })

  test('an alias of several, as far as they are found, each with its weight', async () => {
    const group = { strategy: 'weighted' as const, retries: 0 }
    const named = (...models: string[]) => ({ ...group, targets: models.map((model) => ({ model, weight: 2 })) })
    const aliases = {
      team: named('chat-2', 'nobody/m', 'two/open', 'fast'),
      fast: 'one/chat-1',
      none: named('x', 'y'),
      nested: named('team', 'two/m'),
      circle: named('circle'),
    }
    await using rig = await createListedRig({ one: mixed, two: listing('m') }, { aliases })
    expect(await whereTo(rig, 'team')).toBe('one: chat-2, two: open, one: chat-1')
    const route = await rig.router.route('team', 'llm', callBy())
    expect(route).toMatchObject({ ...group, targets: [{ weight: 2 }, { weight: 2 }, { weight: 2 }] })
    expect(await rig.router.route('team', 'llm', callBy())).toBe(route)
    await expect(whereTo(rig, 'none')).rejects.toMatchObject({ code: 'model_not_found', details: { model: 'x' } })
    expect(await whereTo(rig, 'nested')).toBe('one: chat-2, two: m')
    await expect(whereTo(rig, 'circle')).rejects.toMatchObject({ code: 'model_not_found' })
  })

  test('a registered name, with its metadata, by its owner only', async () => {
    await using rig = await createListedRig({ one: mixed })
    const model = { providerId: 'one', resourceId: 'chat-2', type: 'llm' as const, metadata: { tier: 1 }, created: 0 }
    await rig.registry.register({ id: 'mine', ...model }, { id: 'anna' })
    expect((await rig.router.route('mine', 'llm', callBy('anna'))).targets[0].metadata).toEqual({ tier: 1 })
    await expect(whereTo(rig, 'mine', { context: callBy('bert') })).rejects.toMatchObject({ code: 'model_not_found' })
  })

  test('the provider’s own id where only one provider has it', async () => {
    await using rig = await createListedRig({ one: listing('a', 'org/b'), two: listing('a') })
    expect(await whereTo(rig, 'org/b')).toBe('one: org/b')
    await expect(whereTo(rig, 'a')).rejects.toMatchObject({
      code: 'model_ambiguous',
      details: { model: 'a', candidates: 'one/a, two/a' },
    })
  })

  test('its provider, where nobody listed it', async () => {
    await using rig = await createListedRig({ one: mixed, closed: { openModels: false, ...listing('m') } })
    expect(await whereTo(rig, 'one/never-listed')).toBe('one: never-listed')
    expect(await whereTo(rig, 'one/org/model:7b')).toBe('one: org/model:7b')
    expect(await whereTo(rig, 'closed/m')).toBe('closed: m')
    for (const model of ['closed/never-listed', 'nobody/m', '/m', 'one']) {
      await expect(whereTo(rig, model)).rejects.toMatchObject({ code: 'model_not_found' })
    }
  })
})

describe('auto stands for', () => {
  test('the first model of the type that is asked for', async () => {
    await using rig = await createListedRig({ one: listing(), two: mixed, three: mixed })
    expect(await whereTo(rig, 'auto')).toBe('two: chat-1')
    expect(await whereTo(rig, 'auto', { type: 'embedding' })).toBe('two: embed')
    await expect(whereTo(rig, 'auto', { type: 'rerank' })).rejects.toMatchObject({ code: 'model_not_found' })
    expect(await rig.router.findAuto({ id: 'anna' })).toBe('two/chat-1')
  })

  test('no model of a provider that is off or that failed to list', async () => {
    let fails = false
    const models = () => (fails ? Promise.reject(new Error('down')) : Promise.resolve(toModels(['m'])))
    const declared = [placeholder({ model_id: 'd', provider_id: 'off', provider_model_id: 'd' })]
    await using rig = await createListedRig({ off: { off: 'no key' }, weak: { models }, good: mixed }, { declared })
    expect(await whereTo(rig, 'auto')).toBe('weak: m')
    fails = true
    await rig.registry.refresh()
    expect(await whereTo(rig, 'auto')).toBe('good: chat-1')
    expect(await rig.router.findAuto({ id: 'anna' })).toBe('good/chat-1')
    // Asked for by name, they are called all the same: they may be up again, and the caller may have a key.
    expect(await whereTo(rig, 'weak/m')).toBe('weak: m')
    expect(await whereTo(rig, 'off/d')).toBe('off: d')
  })

  test('a demo model only where there is no other', async () => {
    await using alone = await createListedRig({ demo, off: { off: 'no key', ...listing('m') } })
    expect(await whereTo(alone, 'auto')).toBe('demo: demo-chat')
    expect(await alone.router.findAuto({ id: 'anna' })).toBe('demo/demo-chat')
    await using rig = await createListedRig({ demo, one: mixed })
    expect(await whereTo(rig, 'auto')).toBe('one: chat-1')
    expect(await rig.router.findAuto({ id: 'anna' })).toBe('one/chat-1')
  })

  test('nothing where there are no models', async () => {
    await using rig = await createListedRig({ one: {} })
    await expect(whereTo(rig, 'auto')).rejects.toMatchObject({ code: 'model_not_found' })
    expect(await rig.router.findAuto({ id: 'anna' })).toBeUndefined()
  })
})

describe('a placeholder of the configuration stands for', () => {
  test('the first model of any provider, or of its own', async () => {
    const declared = [placeholder(), placeholder({ model_id: 'of-two', provider_id: 'two' })]
    await using rig = await createListedRig({ demo, one: mixed, two: listing('m') }, { declared })
    expect(await whereTo(rig, 'stand-in')).toBe('one: chat-1')
    expect(await whereTo(rig, 'of-two')).toBe('two: m')
  })

  test('a model of its own type, and no other', async () => {
    const declared = [placeholder({ model_type: 'embedding' })]
    await using rig = await createListedRig({ one: mixed }, { declared })
    expect(await whereTo(rig, 'stand-in', { type: 'embedding' })).toBe('one: embed')
    await expect(whereTo(rig, 'stand-in')).rejects.toMatchObject({
      code: 'model_type_mismatch',
      details: { model: 'stand-in', actual: 'embedding', expected: 'llm' },
    })
  })

  test('nothing where its provider has no model', async () => {
    const declared = [placeholder({ provider_id: 'none' })]
    await using rig = await createListedRig({ none: {}, one: mixed }, { declared })
    await expect(whereTo(rig, 'stand-in')).rejects.toMatchObject({ code: 'model_not_found' })
  })
})

describe('a model that is not served', () => {
  test('is refused with the nearest name of its type', async () => {
    await using rig = await createListedRig({ one: mixed })
    await expect(whereTo(rig, 'chat1')).rejects.toMatchObject({ details: { model: 'chat1', nearest: 'chat-1' } })
    await expect(whereTo(rig, 'on/chat-1')).rejects.toMatchObject({ details: { nearest: 'one/chat-1' } })
    await expect(whereTo(rig, 'embedd')).rejects.not.toMatchObject({ details: { nearest: 'embed' } })
    await expect(whereTo(rig, 'embedd', { type: 'embedding' })).rejects.toMatchObject({ details: { nearest: 'embed' } })
    await expect(whereTo(rig, 'something else')).rejects.toMatchObject({ details: { model: 'something else' } })
  })

  test('of another type is told apart from one that is unknown', async () => {
    await using rig = await createListedRig({ one: mixed })
    for (const model of ['one/embed', 'embed']) {
      await expect(whereTo(rig, model)).rejects.toMatchObject({
        code: 'model_type_mismatch',
        details: { model, actual: 'embedding', expected: 'llm' },
      })
    }
  })
})

/** A provider that lists when the test lets it. */
function createHeldProvider() {
  const released = Promise.withResolvers<void>()
  const models = async () => {
    await released.promise
    return toModels(['m'])
  }
  return { models, release: () => released.resolve() }
}

describe('while models are being listed', () => {
  test('an unknown model waits for the list; a known one does not', async () => {
    const { release, ...held } = createHeldProvider()
    await using rig = await createModelRig({ providers: { one: listing('known'), held } })
    rig.registry.start()
    await expect.poll(() => rig.registry.find('one/known', { id: 'anna' })).toBeDefined()
    expect(await whereTo(rig, 'known')).toBe('one: known')
    expect(await whereTo(rig, 'one/never-listed')).toBe('one: never-listed')
    const waiting = Promise.all([whereTo(rig, 'm'), whereTo(rig, 'held/m')])
    release()
    expect(await waiting).toEqual(['held: m', 'held: m'])
  })

  test('the first call lists where nobody has', async () => {
    await using rig = await createModelRig({ providers: { one: listing('m') } })
    expect(await whereTo(rig, 'm')).toBe('one: m')
  })

  test('auto waits for a real model before it takes the demo’s', async () => {
    const { release, ...held } = createHeldProvider()
    await using rig = await createModelRig({ providers: { demo, held } })
    rig.registry.start()
    await expect.poll(() => rig.router.findAuto({ id: 'anna' })).toBe('demo/demo-chat')
    const waiting = whereTo(rig, 'auto')
    release()
    expect(await waiting).toBe('held: m')
  })

  test('nobody waits longer than three seconds, and auto then takes the demo’s', async () => {
    const { release, ...held } = createHeldProvider()
    await using rig = await createModelRig({ providers: { demo, held } })
    rig.registry.start()
    await expect.poll(() => rig.router.findAuto({ id: 'anna' })).toBe('demo/demo-chat')
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const [auto, unknown] = [whereTo(rig, 'auto'), whereTo(rig, 'm').catch((error: unknown) => error)]
      await vi.advanceTimersByTimeAsync(2999)
      expect(await Promise.race([auto, Promise.resolve('waiting')])).toBe('waiting')
      await vi.advanceTimersByTimeAsync(1)
      expect(await auto).toBe('demo: demo-chat')
      expect(await unknown).toMatchObject({ code: 'model_not_found' })
    } finally {
      vi.useRealTimers()
      release()
    }
    await rig.registry.pending
    expect(await whereTo(rig, 'auto')).toBe('held: m')
  })

  test('whoever leaves does not wait', async () => {
    const { release, ...held } = createHeldProvider()
    await using rig = await createModelRig({ providers: { held } })
    const leaving = new AbortController()
    const waiting = whereTo(rig, 'm', { context: callBy('anna', { signal: leaving.signal }) })
    leaving.abort()
    await expect(waiting).rejects.toMatchObject({ code: 'model_not_found' })
    release()
  })
})

describe('a route', () => {
  test('is remembered for its principal and type, until the models change', async () => {
    await using rig = await createListedRig({ one: mixed })
    const route = (type: ModelType, owner: string) => rig.router.route('auto', type, callBy(owner))
    const first = await route('llm', 'anna')
    expect(await route('llm', 'anna')).toBe(first)
    expect(await route('llm', 'bert')).not.toBe(first)
    expect((await route('embedding', 'anna')).targets[0].target.model).toBe('embed')
    await rig.registry.refresh()
    expect(await route('llm', 'anna')).not.toBe(first)
  })

  test('is forgotten with the model that it led to', async () => {
    await using rig = await createListedRig({ one: mixed })
    const model = { providerId: 'one', resourceId: 'chat-2', type: 'llm' as const, metadata: {}, created: 0 }
    await rig.registry.register({ id: 'mine', ...model }, { id: 'anna' })
    expect(await whereTo(rig, 'mine')).toBe('one: chat-2')
    await rig.registry.unregister('mine', { id: 'anna' })
    await expect(whereTo(rig, 'mine')).rejects.toMatchObject({ code: 'model_not_found' })
    await rig.registry.register({ id: 'mine', ...model, resourceId: 'chat-1' }, { id: 'anna' })
    expect(await whereTo(rig, 'mine')).toBe('one: chat-1')
  })

  test('is not kept for ever by those who make names up', async () => {
    await using rig = await createListedRig({ one: mixed })
    const first = await rig.router.route('auto', 'llm', callBy())
    for (let index = 0; index < 1000; index += 1) await rig.router.route(`one/made-up-${index}`, 'llm', callBy())
    expect(await rig.router.route('auto', 'llm', callBy())).not.toBe(first)
  })
})
