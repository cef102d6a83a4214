/** What a function of the program gave, as a model and the item of the call are told it. */
import { isRecord } from '../../../kernel/json-record.ts'
import type { McpResultPart } from '../../mcp/mcp-contract.ts'
import { cutText } from '../../mcp/mcp-tool-result.ts'
import { toChatPart } from './mcp-tools.ts'
import type { ToolOutcome } from './server-tool.ts'

/** Makes the outcome of a result. Text beyond `maxBytes` is cut. Throws for what JSON cannot hold. */
export function toFunctionOutcome(result: unknown, maxBytes: number): ToolOutcome {
  const parts = cutText(toParts(result), maxBytes)
  const texts = parts.flatMap((part) => (part.type === 'text' ? [part.text] : []))
  const output = texts.join('\n')
  const content = texts.length === parts.length ? output : parts.map(toChatPart)
  return { content, isError: false, members: { output } }
}

/** Vendors refuse empty texts, and a model could take one for a mistake. */
const NOTHING = '(no output)'

function toParts(result: unknown): McpResultPart[] {
  if (Array.isArray(result) && result.length > 0) {
    const parts = result.map(findPart)
    const known = parts.filter((part) => part !== undefined)
    if (known.length === parts.length) return known
  }
  // JSON has no word for what is undefined, a function or a symbol.
  const text = typeof result === 'string' ? result : (JSON.stringify(result) as string | undefined)
  return [{ type: 'text', text: text === undefined || text === '' ? NOTHING : text }]
}

function findPart(of: unknown): McpResultPart | undefined {
  if (!isRecord(of)) return undefined
  const { type, text, image_url: url } = of
  if (type === 'input_text' && typeof text === 'string') return { type: 'text', text }
  if (type === 'input_image' && typeof url === 'string') return { type: 'image', dataUrl: url }
  return undefined
}
