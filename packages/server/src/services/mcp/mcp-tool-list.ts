/** A server's list of tools: read page by page, checked, and otherwise left as it is. */
import { StackError } from '@llama-stack/api'
import type { JsonObject, Log } from '@llama-stack/api'
import * as z from 'zod'
import { isRecord } from '../../kernel/json-record.ts'
import { lazy } from '../../kernel/lazy.ts'
import type { McpTool, McpToolAnnotations } from './mcp-contract.ts'
import type { McpPolicy } from './mcp-policy.ts'

/**
 * A page as it came. The SDK's own schema would give the keys of each tool an order of its own, and vendors' prompt caches
 * go by the bytes.
 */
export const getToolPageSchema = lazy(() =>
  z.looseObject({
    tools: z.array(z.unknown()),
    nextCursor: z.string().nullish(),
    ttlMs: z.number().optional(),
  }),
)
export type ToolPage = z.infer<ReturnType<typeof getToolPageSchema>>

export interface ToolListReading {
  readonly server: string
  readonly policy: Pick<McpPolicy, 'maxTools' | 'maxToolListBytes' | 'listTtlMs'>
  readonly log: Log
  readonly fetchPage: (cursor: string | undefined) => Promise<ToolPage>
}

/** A list, and how long the server says that it is good. */
export interface ToolList {
  readonly tools: readonly McpTool[]
  readonly ttlMs: number
  /** About what it takes in memory. */
  readonly bytes: number
}

/** Reads all pages. Tools that no model can be told of are left out, and the log says so. */
export async function readToolList({ server, policy, log, fetchPage }: ToolListReading): Promise<ToolList> {
  const tools = new Map<string, McpTool>()
  const seen = new Set<string>()
  let ttlMs = policy.listTtlMs
  let bytes = 0
  for (let cursor: string | undefined; ;) {
    const page = await fetchPage(cursor)
    bytes += JSON.stringify(page.tools).length
    if (page.ttlMs !== undefined) ttlMs = page.ttlMs
    if (tools.size + page.tools.length > policy.maxTools) {
      throw new StackError('mcp_bad_reply', { server, reason: `it lists more than ${policy.maxTools} tools` })
    }
    if (bytes > policy.maxToolListBytes) {
      throw new StackError('mcp_bad_reply', {
        server,
        reason: `its list of tools is larger than ${policy.maxToolListBytes} bytes`,
      })
    }
    for (const listed of page.tools) {
      const read = readTool(listed)
      if (typeof read === 'string') log.warn('a tool of an MCP server is left out', { server, reason: read })
      else if (tools.has(read.name)) {
        log.warn('a tool of an MCP server is left out', { server, reason: 'its name is taken', tool: read.name })
      } else tools.set(read.name, read)
    }
    cursor = page.nextCursor ?? undefined
    if (cursor === undefined) return { tools: [...tools.values()], ttlMs, bytes }
    if (seen.has(cursor))
      throw new StackError('mcp_bad_reply', { server, reason: 'the pages of its list of tools go round in a circle' })
    seen.add(cursor)
  }
}

/** A tool, or why it cannot be one. */
function readTool(listed: unknown): McpTool | string {
  if (!isRecord(listed) || typeof listed['name'] !== 'string' || listed['name'] === '') return 'it has no name'
  const { name, title, description, inputSchema, outputSchema, annotations } = listed
  if (!isRecord(inputSchema) || inputSchema['type'] !== 'object')
    return `the input schema of '${name.slice(0, 100)}' is not an object's`
  return {
    name,
    ...(typeof title === 'string' ? { title } : {}),
    ...(typeof description === 'string' ? { description } : {}),
    // It was parsed from JSON.
    inputSchema: inputSchema as JsonObject,
    ...(isRecord(outputSchema) ? { outputSchema: outputSchema as JsonObject } : {}),
    ...(isRecord(annotations) ? { annotations: readAnnotations(annotations) } : {}),
  }
}

const HINTS = ['readOnlyHint', 'idempotentHint', 'destructiveHint', 'openWorldHint'] as const

function readAnnotations(of: Readonly<Record<string, unknown>>): McpToolAnnotations {
  const title = typeof of['title'] === 'string' ? { title: of['title'] } : {}
  return {
    ...title,
    ...Object.fromEntries(HINTS.flatMap((hint) => (typeof of[hint] === 'boolean' ? [[hint, of[hint]]] : []))),
  }
}
