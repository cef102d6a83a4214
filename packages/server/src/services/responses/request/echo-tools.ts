/** Tools as a response shows them: every member that OpenAI's clients expect, and no credential. */
import type { CreateResponseRequest } from '@llama-stack/api'
import { isRecord } from '../../../kernel/json-record.ts'

type Tool = NonNullable<CreateResponseRequest['tools']>[number]

/** Members that hold credentials, or may. */
const SECRET = new Set(['authorization', 'headers'])

/** The tools without what must not be told or kept. */
export function echoTools(tools: readonly Tool[]): readonly Tool[] {
  return tools.map((tool) => {
    if (tool.type === 'function') {
      return {
        ...tool,
        description: tool.description ?? null,
        parameters: tool.parameters ?? null,
        strict: tool.strict ?? true,
      }
    }
    return tool.type === 'mcp' ? withoutSecretMembers(tool) : tool
  })
}

/** The request as it may be kept. What is taken out is {@link toolSecrets}. */
export function withoutSecrets(request: CreateResponseRequest): CreateResponseRequest {
  const { tools } = request
  if (tools === undefined || tools === null) return request
  return { ...request, tools: tools.map((tool) => (tool.type === 'mcp' ? withoutSecretMembers(tool) : tool)) }
}

function withoutSecretMembers(tool: Extract<Tool, { type: 'mcp' }>): Tool {
  const shown = Object.fromEntries(Object.entries(tool).filter(([key]) => !SECRET.has(key)))
  // Only members that may be absent were taken out.
  return { ...shown, server_url: withoutCredentials(tool.server_url) } as Tool
}

function withoutCredentials(url: unknown): unknown {
  if (typeof url !== 'string' || !URL.canParse(url)) return url
  const parsed = new URL(url)
  if (parsed.username === '' && parsed.password === '') return url
  parsed.username = ''
  parsed.password = ''
  return parsed.href
}

/** The credentials of a request's MCP servers, by label: what {@link echoTools} takes out. */
export function toolSecrets(tools: readonly Tool[]): Record<string, Record<string, unknown>> {
  return Object.fromEntries(
    tools.flatMap((tool) => {
      if (tool.type !== 'mcp' || !isRecord(tool)) return []
      const secrets = Object.entries(tool).filter(([key, of]) => {
        if (key === 'server_url') return withoutCredentials(of) !== of
        return SECRET.has(key) && of !== null && of !== undefined
      })
      return secrets.length === 0 ? [] : [[tool.server_label, Object.fromEntries(secrets)] as const]
    }),
  )
}
