import { describe, expect, test } from 'vitest'
import type { McpTool } from '../../mcp/mcp-contract.ts'
import { isAllowed, needsApproval } from './approval-rule.ts'

const read: McpTool = { name: 'read', inputSchema: {}, annotations: { readOnlyHint: true } }
const write: McpTool = { name: 'write', inputSchema: {} }

describe('approval', () => {
  test.each([
    { rule: undefined, always: [true, true], never: [false, false] },
    { rule: null, always: [true, true], never: [false, false] },
    { rule: 'always' as const, always: [true, true], never: [true, true] },
    { rule: 'never' as const, always: [false, false], never: [false, false] },
    { rule: { never: { tool_names: ['read'] } }, always: [false, true], never: [false, true] },
    { rule: { never: { read_only: true } }, always: [false, true], never: [false, true] },
    { rule: { never: { tool_names: [] } }, always: [true, true], never: [true, true] },
    { rule: { always: { tool_names: ['write'] } }, always: [true, true], never: [false, true] },
    { rule: { always: { read_only: false } }, always: [true, true], never: [false, true] },
    {
      rule: { always: { tool_names: ['write'] }, never: { tool_names: ['read'] } },
      always: [false, true],
      never: [false, true],
    },
    { rule: {}, always: [true, true], never: [false, false] },
  ])('by $rule', ({ rule, ...byDefault }) => {
    for (const settled of ['always', 'never'] as const) {
      expect([read, write].map((tool) => needsApproval(tool, rule, settled))).toEqual(byDefault[settled])
    }
  })
})

describe('what the model may see', () => {
  test.each([
    { allowed: undefined, seen: [true, true] },
    { allowed: null, seen: [true, true] },
    { allowed: [], seen: [false, false] },
    { allowed: ['write'], seen: [false, true] },
    { allowed: { tool_names: ['read', 'write'], read_only: true }, seen: [true, false] },
    { allowed: { read_only: false }, seen: [false, true] },
    { allowed: {}, seen: [true, true] },
  ])('by $allowed', ({ allowed, seen }) => {
    expect([read, write].map((tool) => isAllowed(tool, allowed))).toEqual(seen)
  })
})
