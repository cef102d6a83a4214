import { describe, expect, it } from 'vitest'
import { findDuplicateKey } from '../route.ts'
import type { Route } from '../route.ts'
import { CreateConversationItemsRequest, CreateConversationRequest, UpdateConversationRequest } from './conversation.ts'
import { conversations } from './routes.ts'

const items = (count: number): object[] => Array.from({ length: count }, () => ({ role: 'user', content: 'x' }))

describe('requests about conversations', () => {
  it('begin with up to 20 items, and append 1 to 20', () => {
    expect(CreateConversationRequest.safeParse({}).success).toBe(true)
    expect(CreateConversationRequest.safeParse({ items: null, metadata: null }).success).toBe(true)
    expect(CreateConversationRequest.safeParse({ items: items(20) }).success).toBe(true)
    expect(CreateConversationRequest.safeParse({ items: items(21) }).success).toBe(false)
    expect(CreateConversationItemsRequest.safeParse({ items: items(20) }).success).toBe(true)
    expect(CreateConversationItemsRequest.safeParse({ items: items(21) }).success).toBe(false)
    expect(CreateConversationItemsRequest.safeParse({ items: [] }).success).toBe(false)
  })

  it('say what becomes of the metadata', () => {
    expect(UpdateConversationRequest.safeParse({ metadata: { topic: 'x' } }).success).toBe(true)
    expect(UpdateConversationRequest.safeParse({ metadata: null }).success).toBe(true)
    expect(UpdateConversationRequest.safeParse({}).success).toBe(false)
    expect(UpdateConversationRequest.safeParse({ metadata: { ['x'.repeat(65)]: 'x' } }).success).toBe(false)
  })

  it('have parts that do not overlap', () => {
    const routes: readonly Route[] = Object.values(conversations)
    expect(routes.map((route) => findDuplicateKey(route))).toEqual(routes.map(() => undefined))
  })

  it('cannot replace a body with a query', () => {
    expect(conversations.createConversationItems.query.parse({ items: 'x', include: [] })).toEqual({ include: [] })
  })
})
