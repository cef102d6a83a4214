import { describe, expect, it } from 'vitest'
import { findNearest } from './nearest.ts'

describe('findNearest', () => {
  const commands = ['run', 'models', 'doctor', 'config check', 'explain']

  it.each([
    ['modles', 'models'],
    ['Models', 'models'],
    ['docter', 'doctor'],
    ['config chek', 'config check'],
    ['rnu', 'run'],
  ])('takes %s for %s', (typed, meant) => {
    expect(findNearest(typed, commands)).toBe(meant)
  })

  it.each(['deploy', 'x', 'kubernetes', ''])('has no suggestion for %j', (typed) => {
    expect(findNearest(typed, commands)).toBeUndefined()
  })
})
