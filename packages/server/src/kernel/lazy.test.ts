import { expect, it } from 'vitest'
import { lazy } from './lazy.ts'

it('makes the value once, and not before it is needed', () => {
  let count = 0
  const get = lazy(() => {
    count += 1
    return undefined
  })
  expect(count).toBe(0)
  get()
  get()
  expect(count).toBe(1)
})
