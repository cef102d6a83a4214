import { CreateResponseRequest } from '@llama-stack/api'
import { expect, test } from 'vitest'
import { responseParameters, unknownMembers } from './parameter-table.ts'

test('every parameter of a request has its row, and every row its sentence', () => {
  expect(Object.keys(responseParameters).toSorted()).toEqual(Object.keys(CreateResponseRequest.shape).toSorted())
  for (const { how } of Object.values(responseParameters)) expect(how).toMatch(/^[A-Z`].*\.$/)
})

test('what has no row travels to the provider', () => {
  expect(unknownMembers({ model: 'm', input: 'Hi', top_k: 5, type: 'response.create' })).toEqual({ top_k: 5 })
  expect(unknownMembers({ model: 'm', input: 'Hi' })).toBeUndefined()
})
