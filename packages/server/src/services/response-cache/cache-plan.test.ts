import { describe, expect, test } from 'vitest'
import type { Route } from '../models/route.ts'
import { isSilent, toCachePlan } from './cache-plan.ts'
import type { CachePlan } from './cache-plan.ts'
import type { ResponseCachePolicy } from './cache-policy.ts'
import type { CacheableCall } from './cacheable-call.ts'

const silent: ResponseCachePolicy = {
  defaultTtlSeconds: 0,
  models: {},
  keys: {},
  shared: false,
  coalesce: true,
  maxEntryBytes: 1000,
  memoryBytes: 1000,
}

interface Asked extends Partial<Pick<CacheableCall, 'operation' | 'request'>> {
  readonly header?: string
}

function plan(policy: Partial<ResponseCachePolicy>, { header, ...more }: Asked = {}): CachePlan | undefined {
  const call: CacheableCall = {
    operation: 'chat',
    request: {},
    // The plan reads the names only.
    route: { requested: 'team', targets: [{ target: { name: 'a/m' } }] } as unknown as Route,
    context: {
      principal: { id: 'anna' },
      requestId: 'req-1',
      signal: new AbortController().signal,
      providerData: {},
      ...(header !== undefined && { cacheControl: header }),
    },
    ...more,
  }
  return toCachePlan(call, { ...silent, ...policy })
}

const use = (seconds: number) => ({
  saysMiss: 'miss',
  maxAgeMs: seconds * 1000,
  keepForMs: seconds * 1000,
  joins: true,
})

describe('without a wish', () => {
  test('nothing is cached unless it is configured; equal embeddings are made once', () => {
    expect(plan({})).toBeUndefined()
    expect(plan({}, { operation: 'embeddings' })).toEqual({ joins: true })
    expect(plan({ coalesce: false }, { operation: 'embeddings' })).toBeUndefined()
  })

  test('the key goes before the model, its name before its target, and both before the default', () => {
    const all = { defaultTtlSeconds: 1, models: { team: 2, 'a/m': 3 }, keys: { anna: 4 } }
    expect(plan(all)).toEqual(use(4))
    expect(plan({ ...all, keys: { otto: 4 } })).toEqual(use(2))
    expect(plan({ ...all, keys: {}, models: { 'a/m': 3 } })).toEqual(use(3))
    expect(plan({ defaultTtlSeconds: 1 })).toEqual(use(1))
    expect(plan({ ...all, keys: { anna: 0 } })).toBeUndefined()
  })

  test('streams are cached and not shared while they flow', () => {
    expect(plan({ defaultTtlSeconds: 1 }, { request: { stream: true } })).toEqual({ ...use(1), joins: false })
  })

  test('a configuration that caches nothing is known as such', () => {
    expect(isSilent({ ...silent, models: { m: 0 } })).toBe(true)
    expect(isSilent({ ...silent, keys: { anna: 1 } })).toBe(false)
  })
})

describe('a wish', () => {
  test('goes before what is configured', () => {
    const policy = { defaultTtlSeconds: 9 }
    expect(plan(policy, { header: '60' })).toEqual(use(60))
    expect(plan(policy, { header: 'off' })).toBeUndefined()
    expect(plan(policy, { header: '0', operation: 'embeddings' })).toBeUndefined()
  })

  test('no-store looks for an answer and keeps none', () => {
    expect(plan({ defaultTtlSeconds: 9 }, { header: 'no-store' })).toEqual({
      saysMiss: 'miss',
      maxAgeMs: 9000,
      joins: false,
    })
    expect(plan({}, { header: 'no-store' })?.maxAgeMs).toBe(Infinity)
  })

  test('refresh looks for none and keeps the new one, alone', () => {
    const refresh = (seconds: number) => ({ saysMiss: 'refresh', keepForMs: seconds * 1000, joins: false })
    expect(plan({}, { header: 'refresh, 60' })).toEqual(refresh(60))
    expect(plan({}, { header: ' 60,Refresh ' })).toEqual(refresh(60))
    expect(plan({ defaultTtlSeconds: 9 }, { header: 'refresh' })).toEqual(refresh(9))
    expect(() => plan({}, { header: 'refresh' })).toThrow(/no time is configured/)
  })

  test.each(['', 'yes', '-1', '1.5', '60, 60', 'off, 60', 'no-store, refresh', 'refresh, 60, 60', '99999999999'])(
    'that cannot be read is refused: %j',
    (header) => {
      expect(() => plan({}, { header })).toThrow(/x-llama-stack-cache/)
    },
  )
})
