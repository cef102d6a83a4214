/** A conversation as the Converse API has it: the two sides take turns, and the results of tools are the user's. */
import { StackError } from '@llama-stack/api'
import type { ChatMessage, Json, JsonObject, ToolCall } from '@llama-stack/api'
import { isRecord } from '../../kernel/json-record.ts'
import { toTextBlocks, toUserBlocks } from './_bedrock-blocks.ts'
import type { Block } from './_bedrock-blocks.ts'

/** One turn. */
export interface ConverseMessage {
  readonly role: 'user' | 'assistant'
  readonly content: Block[]
}

/** The conversation, and what of it the rest of a request depends on. */
export interface Conversation {
  readonly system: readonly Block[]
  readonly messages: readonly ConverseMessage[]
  /** The tools that were called earlier: the API wants tools to be declared where calls are in the conversation. */
  readonly calledTools: ReadonlySet<string>
  /** Whether calls that still wait for an answer have lost the signed thoughts that led to them. */
  readonly lostThoughts: boolean
}

/** The thoughts that led to a call, as the vendor signed them; by the call's id. */
export type FindThoughts = (callId: string) => readonly Block[]

/** Translates a conversation. */
export function toConversation(messages: readonly ChatMessage[], findThoughts: FindThoughts): Conversation {
  const system: Block[] = []
  const turns: ConverseMessage[] = []
  const calledTools = new Set<string>()
  let lostThoughts = false
  for (const [index, message] of messages.entries()) {
    const path = `messages[${index}]`
    switch (message.role) {
      case 'system':
      case 'developer':
        system.push(...toTextBlocks(message.content))
        break
      case 'user':
        lostThoughts = false
        add(turns, 'user', toUserBlocks(message.content, `${path}.content`))
        break
      case 'assistant': {
        const calls = message.tool_calls ?? []
        const thoughts = calls.length === 0 ? [] : findThoughts(calls[0]?.id ?? '')
        lostThoughts ||= calls.length > 0 && thoughts.length === 0
        for (const call of calls) calledTools.add(call.function?.name ?? '')
        add(turns, 'assistant', [
          ...thoughts,
          ...toTextBlocks(message.content),
          ...calls.map((call, at) => toToolUse(call, `${path}.tool_calls[${at}]`)),
        ])
        break
      }
      case 'tool':
        add(turns, 'user', [toToolResult(message.tool_call_id, message.content)])
        break
      case 'function':
        throw new StackError('invalid_value', {
          param: `${path}.role`,
          problem: 'this provider does not take the older form of tool results',
          fix: "Send role 'tool' with a tool_call_id.",
        })
    }
  }
  return { system, messages: turns, calledTools, lostThoughts }
}

/** Messages of one side in a row become one turn. */
function add(turns: ConverseMessage[], role: ConverseMessage['role'], content: Block[]): void {
  if (content.length === 0) return
  const last = turns.at(-1)
  if (last?.role === role) last.content.push(...content)
  else turns.push({ role, content })
}

function toToolUse(call: ToolCall, path: string): Block {
  return {
    toolUse: {
      toolUseId: call.id ?? '',
      name: call.function?.name ?? '',
      input: parseArguments(call.function?.arguments, `${path}.function.arguments`),
    },
  }
}

function parseArguments(text: string | undefined, param: string): JsonObject {
  if (text === undefined || text.trim() === '') return {}
  try {
    const parsed: unknown = JSON.parse(text)
    // Parsed from JSON: its members are JSON.
    if (isRecord(parsed)) return parsed as JsonObject
  } catch {
    // Explained below.
  }
  throw new StackError('invalid_value', {
    param,
    problem: 'it is not a JSON object',
    fix: 'Send back the arguments as the model wrote them.',
  })
}

function toToolResult(toolUseId: string, content: unknown): Block {
  const said: readonly Json[] = toTextBlocks(content).filter((block) => 'text' in block)
  return { toolResult: { toolUseId, content: said.length === 0 ? [{ text: '(no output)' }] : said } }
}
