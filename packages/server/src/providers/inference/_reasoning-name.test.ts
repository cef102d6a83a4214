import { expect, test } from 'vitest'
import { renameReasoning } from './_reasoning-name.ts'

test('reasoning goes by the name that the server looks for, and everything else stays', () => {
  const user = { role: 'user', content: 'Q' }
  const both = { role: 'assistant', content: 'A', reasoning_content: 'x', reasoning: 'y' }
  const body = { model: 'm', messages: [user, { role: 'assistant', content: 'A', reasoning_content: 'hm' }, both] }
  expect(renameReasoning(body)).toEqual({
    model: 'm',
    messages: [user, { role: 'assistant', content: 'A', reasoning: 'hm' }, both],
  })
})

test('a body without it is the body itself', () => {
  const body = { messages: [{ role: 'user', content: 'Q' }] }
  expect(renameReasoning(body)).toBe(body)
  expect(renameReasoning({ input: 'x' })).toEqual({ input: 'x' })
})
