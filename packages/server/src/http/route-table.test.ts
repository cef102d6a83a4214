import { describe, expect, it } from 'vitest'
import { value } from '@llama-stack/api'
import type { Method } from '@llama-stack/api'
import type { BoundRoute } from './bound-route.ts'
import { allowedMethods, toRouteEntries, toRouteError } from './route-table.ts'

const bind = (method: Method, path: `/${string}`, ...aliases: `/${string}`[]): BoundRoute => ({
  name: 'x',
  tag: 'x',
  route: { method, path, aliases, access: 'read', summary: 'x' },
  operation: () => Promise.resolve(value({})),
})

describe('the route table', () => {
  it('refuses two routes of one path, whatever their parameters are called', () => {
    expect(() => toRouteEntries([bind('GET', '/a/{x}'), bind('GET', '/b', '/a/{y}')])).toThrow(
      'two routes answer GET /a/{}',
    )
    expect(toRouteEntries([bind('GET', '/a/{x}'), bind('DELETE', '/a/{y}')])).toHaveLength(2)
  })

  it('refuses a parameter that a path names twice', () => {
    expect(() => toRouteEntries([bind('GET', '/a/{x}/{x}')])).toThrow("names 'x' twice")
  })

  it('knows what a path allows', () => {
    const entries = toRouteEntries([bind('GET', '/a/{x*}'), bind('PUT', '/a/{x}'), bind('POST', '/b')])
    expect(allowedMethods(entries, '/a/1')).toEqual(['GET', 'HEAD', 'PUT'])
    expect(allowedMethods(entries, '/a/1/2')).toEqual(['GET', 'HEAD'])
    expect(allowedMethods(entries, '/c')).toEqual([])
  })

  it('does not count parameters as a difference, and prefers the method that was asked for', () => {
    const entries = toRouteEntries([
      bind('GET', '/v1/things/{id}/parts'),
      bind('POST', '/v1/items'),
      bind('GET', '/v1/itemz'),
    ])
    expect(toRouteError(entries, 'GET', '/v1/things/a-very-long-identifier/part').message).toContain(
      'GET /v1/things/{id}/parts',
    )
    expect(toRouteError(entries, 'POST', '/v1/item').message).toContain('POST /v1/items')
    expect(toRouteError(entries, 'GET', '/v1/item').message).toContain('GET /v1/itemz')
    expect(toRouteError(entries, 'GET', `/${'x'.repeat(10_000)}`).message.length).toBeLessThan(300)
  })
})
