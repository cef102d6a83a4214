/** Which calls of an MCP server somebody has to approve, and which of its tools a request allows. */
import type { McpTool as McpToolRequest } from '@llama-stack/api'
import type { McpTool } from '../../mcp/mcp-contract.ts'

type Rule = NonNullable<McpToolRequest['allowed_tools']>

/** Whether each call of the tool has to be approved. */
export function needsApproval(
  tool: McpTool,
  rule: McpToolRequest['require_approval'],
  byDefault: 'always' | 'never',
): boolean {
  if (rule === undefined || rule === null) return byDefault === 'always'
  if (typeof rule === 'string') return rule === 'always'
  const { always, never } = rule
  if (isPresent(never) && isMeant(tool, never)) return false
  if (isPresent(always) && isMeant(tool, always)) return true
  // A tool in neither list: who names those that need no approval means that the others do.
  return isPresent(never) || byDefault === 'always'
}

/** Whether a request lets the model see the tool. */
export function isAllowed(tool: McpTool, allowed: McpToolRequest['allowed_tools']): boolean {
  return !isPresent(allowed) || isMeant(tool, allowed)
}

function isMeant({ name, annotations }: McpTool, rule: Rule): boolean {
  if (Array.isArray(rule)) return rule.includes(name)
  const { tool_names: names, read_only: readOnly } = rule
  const byName = !isPresent(names) || names.includes(name)
  return byName && (!isPresent(readOnly) || (annotations?.readOnlyHint === true) === readOnly)
}

function isPresent<Value>(of: Value): of is NonNullable<Value> {
  return of !== undefined && of !== null
}
