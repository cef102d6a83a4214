/** The block `mcp`, which is ours and which both dialects spell alike. */
import { z } from 'zod'
import { lateSchema } from '../../kernel/late-schema.ts'
import { optional, wholeNumber } from '../file-values.ts'
import { MAX_MCP_MS } from '../mcp-settings.ts'
import type { StackConfigInput } from '../stack-config.ts'
import { present } from './present.ts'

const milliseconds = lateSchema(() => wholeNumber.pipe(z.int().min(1).max(MAX_MCP_MS)))
const count = lateSchema(() => wholeNumber.pipe(z.int().min(1)))
const countOrNone = lateSchema(() => wholeNumber.pipe(z.int().min(0)))

/** `mcp`. */
export const McpBlock = lateSchema(() =>
  z.strictObject({
    connect_timeout_ms: optional(milliseconds),
    list_timeout_ms: optional(milliseconds),
    call_timeout_ms: optional(milliseconds),
    max_call_ms: optional(milliseconds),
    list_ttl_ms: optional(countOrNone),
    idle_ms: optional(milliseconds),
    max_connections: optional(count),
    max_tools: optional(count),
    max_tool_list_bytes: optional(count),
    max_result_bytes: optional(count),
    max_message_bytes: optional(count),
    breaker: optional(
      z.strictObject({
        failures: optional(count),
        open_ms: optional(milliseconds),
        max_open_ms: optional(milliseconds),
      }),
    ),
    public_url: optional(z.url({ protocol: /^https?$/ })),
  }),
)
export type McpBlock = z.infer<typeof McpBlock>

/** The settings of the block, without those that it leaves out. */
export function readMcp(block: McpBlock): NonNullable<StackConfigInput['mcp']> {
  const { breaker } = block
  return present({
    connectTimeoutMs: block.connect_timeout_ms,
    listTimeoutMs: block.list_timeout_ms,
    callTimeoutMs: block.call_timeout_ms,
    maxCallMs: block.max_call_ms,
    listTtlMs: block.list_ttl_ms,
    idleMs: block.idle_ms,
    maxConnections: block.max_connections,
    maxTools: block.max_tools,
    maxToolListBytes: block.max_tool_list_bytes,
    maxResultBytes: block.max_result_bytes,
    maxMessageBytes: block.max_message_bytes,
    breaker:
      breaker === null || breaker === undefined
        ? undefined
        : present({ failures: breaker.failures, openMs: breaker.open_ms, maxOpenMs: breaker.max_open_ms }),
    publicUrl: block.public_url,
  })
}
