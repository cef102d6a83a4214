import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { defineApi, findDuplicateKey } from './route.ts'

const about = { method: 'POST', path: '/v1/things/{id}', access: 'write', summary: 'Change a thing.' } as const

describe('findDuplicateKey', () => {
  it('finds a key that two parts declare, behind getters too', () => {
    const params = z.object({ id: z.string() })
    expect(findDuplicateKey({ ...about, params, body: z.looseObject({ name: z.string(), id: z.string() }) })).toBe('id')
    const late = {
      ...about,
      params,
      get query() {
        return params
      },
    }
    expect(findDuplicateKey(late)).toBe('id')
    expect(findDuplicateKey({ ...about, params, body: z.looseObject({ name: z.string() }) })).toBeUndefined()
  })
})

describe('defineApi', () => {
  it('builds no schema that stands behind a getter', () => {
    let built = 0
    const api = defineApi({
      change: {
        ...about,
        get params() {
          built += 1
          return z.object({ id: z.string() })
        },
        get body() {
          built += 1
          return z.looseObject({ name: z.string() })
        },
      },
    })
    expect(built).toBe(0)
    expect(Object.keys(api.change.body.shape)).toEqual(['name'])
    expect(built).toBe(1)
  })
})
