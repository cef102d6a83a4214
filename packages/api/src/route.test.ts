import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { defineApi } from './route.ts'

const about = { method: 'POST', path: '/v1/things/{id}', access: 'write', summary: 'Change a thing.' } as const

describe('defineApi', () => {
  it('refuses a key that two parts declare, behind getters too', () => {
    const twice = { ...about, params: z.object({ id: z.string() }), body: z.looseObject({ id: z.string() }) }
    expect(() => defineApi({ change: twice })).toThrow("declares 'id' twice")
    const params = z.object({ id: z.string() })
    const late = {
      ...about,
      params,
      get query() {
        return params
      },
    }
    expect(() => defineApi({ change: late })).toThrow("declares 'id' twice")
  })

  it('does not build a schema that stands alone behind a getter', () => {
    let built = 0
    const api = defineApi({
      create: {
        ...about,
        get body() {
          built += 1
          return z.looseObject({ name: z.string() })
        },
      },
    })
    expect(built).toBe(0)
    expect(Object.keys(api.create.body.shape)).toEqual(['name'])
    expect(built).toBe(1)
  })
})
