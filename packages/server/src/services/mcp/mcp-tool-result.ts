/** The result of a call: what a model can be told of it, and no more than is good for it. */
import { isRecord } from '../../kernel/json-record.ts'
import type { McpResultPart, McpToolOutcome } from './mcp-contract.ts'

/** A result as the SDK hands it over: checked against MCP's schema. */
export interface RawToolResult {
  readonly content?: readonly unknown[] | undefined
  readonly structuredContent?: unknown
  readonly isError?: boolean | undefined
}

/** Makes the outcome of a result. Text beyond `maxBytes` is cut. */
export function toToolOutcome(result: RawToolResult, maxBytes: number): McpToolOutcome {
  const { content = [], structuredContent, isError = false } = result
  const whole = content.map(toPart)
  if (whole.length === 0 && structuredContent !== undefined) {
    whole.push({ type: 'text', text: JSON.stringify(structuredContent) })
  }
  const parts = cutText(whole, maxBytes)
  return {
    parts,
    text: parts.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n'),
    isError,
    ...(structuredContent === undefined ? {} : { structuredContent }),
  }
}

/** The outcome of a call that the server refused with an error of the protocol. */
export function toRefusedOutcome(code: number, message: string): McpToolOutcome {
  return { parts: [{ type: 'text', text: message }], text: message, isError: true, protocolErrorCode: code }
}

function toPart(item: unknown): McpResultPart {
  if (!isRecord(item)) return text(JSON.stringify(item))
  switch (item['type']) {
    case 'text':
      return text(String(item['text']))
    case 'image':
      return { type: 'image', dataUrl: `data:${String(item['mimeType'])};base64,${String(item['data'])}` }
    case 'resource':
      return toResourcePart(item['resource'])
    case 'resource_link':
      return text(`${String(item['title'] ?? item['name'])}: ${String(item['uri'])}`)
    case 'audio':
      return text(`[audio of type ${String(item['mimeType'])}, which cannot be shown to the model]`)
    default:
      return text(JSON.stringify(item))
  }
}

function toResourcePart(resource: unknown): McpResultPart {
  if (!isRecord(resource)) return text(JSON.stringify(resource))
  const { text: words, blob, mimeType, uri } = resource
  if (typeof words === 'string') return text(words)
  if (typeof blob === 'string' && typeof mimeType === 'string' && mimeType.startsWith('image/')) {
    return { type: 'image', dataUrl: `data:${mimeType};base64,${blob}` }
  }
  return text(`[resource ${String(uri)} of type ${String(mimeType)}, which cannot be shown to the model]`)
}

function text(words: string): McpResultPart {
  return { type: 'text', text: words }
}

/** Cuts the texts of a result to so many bytes altogether, and says so. */
export function cutText(parts: readonly McpResultPart[], maxBytes: number): McpResultPart[] {
  const sizes = parts.map((part) => (part.type === 'text' ? Buffer.byteLength(part.text) : 0))
  const total = sizes.reduce((sum, size) => sum + size, 0)
  if (total <= maxBytes) return [...parts]
  let left = maxBytes
  const kept = parts.flatMap((part, index): McpResultPart[] => {
    if (part.type !== 'text') return [part]
    const words = firstBytes(part.text, left)
    left = Math.max(0, left - (sizes[index] ?? 0))
    return words === '' ? [] : [text(words)]
  })
  return [...kept, text(`[The result was cut: it has ${total} bytes of text, and the first ${maxBytes} are shown.]`)]
}

/** The beginning of a text that has at most so many bytes in UTF-8; no character is cut in two. */
function firstBytes(words: string, maxBytes: number): string {
  const bytes = Buffer.from(words)
  if (bytes.length <= maxBytes) return words
  let end = maxBytes
  // A byte 10xxxxxx goes on with the character before it.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1
  return bytes.toString('utf8', 0, end)
}
