import * as api from '@llama-stack/api'
import { findDuplicateKey } from '@llama-stack/api'
import type { Route } from '@llama-stack/api'
import { describe, expect, test } from 'vitest'

const routes = Object.entries(api).flatMap(([table, routesOf]) =>
  Object.entries(routesOf as object)
    .filter((entry): entry is [string, Route] => isRoute(entry[1]))
    .map(([name, route]) => ({ name: `${table}.${name}`, route })),
)

function isRoute(value: unknown): value is Route {
  return typeof value === 'object' && value !== null && 'method' in value && 'access' in value && 'path' in value
}

describe('the route tables', () => {
  test('are found', () => {
    expect(routes.length).toBeGreaterThan(20)
    expect(routes.map(({ name }) => name)).toContain('responseCache.clearResponseCache')
  })

  test('declare each key of a request once: the server refuses it at the first request only', () => {
    expect(routes.filter(({ route }) => findDuplicateKey(route) !== undefined).map(({ name }) => name)).toEqual([])
  })

  test('hold their schemas behind getters, which a start does not call', () => {
    const parts = ['params', 'query', 'body', 'response', 'event']
    const eager = routes.filter(({ route }) =>
      parts.some((part) => part in route && Object.getOwnPropertyDescriptor(route, part)?.get === undefined),
    )
    expect(eager.map(({ name }) => name)).toEqual([])
  })
})
