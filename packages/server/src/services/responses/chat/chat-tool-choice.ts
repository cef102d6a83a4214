/** The `tool_choice` of a response as that of a chat, turn by turn. */
import { StackError } from '@llama-stack/api'
import type { ChatTool, ResponseToolChoice } from '@llama-stack/api'
import type { ChatToolset, ToolBinding } from './to-chat-tools.ts'

type NamedChoice = { readonly type: 'function'; readonly function: { readonly name: string } }

/** What one turn may call. */
export interface TurnTools {
  readonly tools: readonly ChatTool[]
  /** Absent where the request chose nothing. */
  readonly toolChoice?: 'auto' | 'none' | 'required' | NamedChoice
}

/** The tools of a response, settled for all its turns. */
export interface ToolPlan {
  readonly first: TurnTools
  /** After the first turn the model is free to stop calling, or a forced choice would never end. */
  readonly later: TurnTools
}

/** Settles what each turn may call. A choice of something that is not among the tools is refused. */
export function planTools(toolset: ChatToolset, choice: ResponseToolChoice | null | undefined): ToolPlan {
  const first = settle(toolset, choice)
  const mode = first.toolChoice
  const isFree = mode === undefined || mode === 'auto' || mode === 'none'
  return { first, later: isFree ? first : { ...first, toolChoice: 'auto' } }
}

function settle(toolset: ChatToolset, choice: ResponseToolChoice | null | undefined): TurnTools {
  const { tools } = toolset
  if (choice === undefined || choice === null || tools.length === 0) return { tools }
  if (typeof choice === 'string') return { tools, toolChoice: choice }
  if (choice.type === 'allowed_tools') {
    const names = choice.tools.flatMap((allowed, index) => namesOf(allowed, toolset, `tool_choice.tools[${index}]`))
    return { tools: keep(tools, names), toolChoice: choice.mode }
  }
  const names = namesOf(choice, toolset, 'tool_choice')
  const [name] = names
  if (name === undefined || names.length > 1) return { tools: keep(tools, names), toolChoice: 'required' }
  return { tools, toolChoice: { type: 'function', function: { name } } }
}

function keep(tools: readonly ChatTool[], names: readonly string[]): ChatTool[] {
  return tools.filter((tool) => tool.function !== undefined && names.includes(tool.function.name))
}

/** One tool, or all those of an MCP server. */
type ToolReference = { readonly type: string } & Readonly<Record<string, unknown>>

/** The functions that a reference stands for: at least one. */
function namesOf(reference: ToolReference, { bindings }: ChatToolset, param: string): string[] {
  const name = reference['name'] ?? undefined
  const names = [...bindings].flatMap(([known, binding]) =>
    isMeant(reference, binding) && (name === undefined || name === known) ? [known] : [],
  )
  if (names.length > 0) return names
  throw new StackError('invalid_value', {
    param,
    problem: 'it names a tool that the request does not have',
    value: JSON.stringify(name ?? reference['server_label'] ?? reference.type),
    fix: "Add the tool to 'tools', or choose another.",
  })
}

function isMeant(reference: ToolReference, binding: ToolBinding): boolean {
  const { type } = reference
  switch (binding.kind) {
    case 'mcp':
      return type === 'mcp' && reference['server_label'] === binding.serverLabel
    case 'function':
    case 'custom':
      return type === binding.kind && typeof reference['name'] === 'string'
    // To whoever names it, a function of the program is a function.
    case 'registered':
      return type === 'function' && typeof reference['name'] === 'string'
    case 'file_search':
      return type === 'file_search'
    case 'web_search':
      return type.startsWith('web_search')
  }
}
