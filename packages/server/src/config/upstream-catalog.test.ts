import { describe, expect, it } from 'vitest'
import { findCatalogEntry, upstreamCatalog } from './upstream-catalog.ts'

describe('the catalog', () => {
  it('has each type of an API once', () => {
    const keys = upstreamCatalog.map(({ api, type }) => `${api} ${type}`)
    expect(keys.filter((key, index) => keys.indexOf(key) !== index)).toEqual([])
  })

  it('names only types that it has as successors and stand-ins', () => {
    for (const { api, renamedTo, standIn } of upstreamCatalog) {
      for (const type of [renamedTo, standIn?.type]) {
        expect(type === undefined || findCatalogEntry(api, type) !== undefined).toBe(true)
      }
    }
  })

  it('says what to do where a type will not be served', () => {
    const silent = upstreamCatalog.filter(({ unserved, instead }) => unserved === 'never' && instead === undefined)
    expect(silent).toEqual([])
  })

  it('is frozen', () => {
    expect(Object.isFrozen(upstreamCatalog)).toBe(true)
    expect(upstreamCatalog.every((entry) => Object.isFrozen(entry))).toBe(true)
  })
})
