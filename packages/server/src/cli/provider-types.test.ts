import { expect, test } from 'vitest'
import { providerRegistry } from '../providers/registry.gen.ts'
import { listProviderTypes } from './provider-types.ts'

test('every type that this build serves is listed', () => {
  const served = Object.entries(providerRegistry).flatMap(([api, types]) =>
    Object.keys(types).map((type) => `${api} ${type}`),
  )
  const listed = new Set(listProviderTypes(undefined, false).map(({ api, type }) => `${api} ${type}`))
  expect(served.filter((name) => !listed.has(name))).toEqual([])
})
