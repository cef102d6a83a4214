/**
 * The tools of a response as the functions that a chat model is offered, and back: what a name that the model called stands
 * for.
 *
 * Their order is that of the request and of each server's listing, and schemas pass untouched: equal requests give equal
 * bytes, which is what vendors' prompt caches need.
 */
import { StackError } from '@llama-stack/api'
import type {
  ChatTool,
  CustomTool,
  FileSearchTool,
  FunctionTool,
  McpListedTool,
  NamespaceTool,
  ResponseTool,
  WebSearchTool,
} from '@llama-stack/api'
import { placeAll } from './placed.ts'
import type { Placed } from './placed.ts'

/** The tools of one MCP server, already reduced to those that the request allows. */
export interface ToolListing {
  readonly serverLabel: string
  readonly tools: readonly McpListedTool[]
  /** Whether it came with the previous response: its tools stay where they were, before all others. Default: false. */
  readonly reused?: boolean
}

/** What a name stands for that the model may call. */
export type ToolBinding =
  /** `namespace` is the group that the request has it in. */
  | { readonly kind: 'function'; readonly tool: FunctionTool; readonly namespace?: string | undefined }
  | { readonly kind: 'custom'; readonly tool: CustomTool; readonly namespace?: string | undefined }
  | { readonly kind: 'web_search'; readonly tool: WebSearchTool }
  | { readonly kind: 'file_search'; readonly tool: FileSearchTool }
  | { readonly kind: 'mcp'; readonly serverLabel: string; readonly tool: McpListedTool }
  /** A function of the program that runs the stack. */
  | { readonly kind: 'registered'; readonly tool: McpListedTool }

/** The tools of a response, once they are settled. */
export interface ChatToolset {
  readonly tools: readonly ChatTool[]
  /** By the name that the model is told. */
  readonly bindings: ReadonlyMap<string, ToolBinding>
}

export interface ToChatToolsOptions {
  /** One for each MCP tool of the request whose server could be listed. Default: none. */
  readonly listings?: readonly ToolListing[]
  /** Functions of the program that are offered beside the request's tools. Default: none. */
  readonly registered?: readonly McpListedTool[]
}

/** The functions that the model is offered. A tool that nobody here can run is refused by name, and so is a name used twice. */
export function toChatTools(
  tools: readonly ResponseTool[] | null | undefined,
  options: ToChatToolsOptions = {},
): ChatToolset {
  const set = new ToolsetBuilder()
  const listings = options.listings ?? []
  for (const listing of listings) if (listing.reused === true) set.addListing(listing, 'tools')
  for (const placed of placeAll(tools ?? [], 'tools')) {
    const { value: tool } = placed
    if (tool.type !== 'mcp') {
      set.addTool(placed)
      continue
    }
    const fresh = listings.find(({ serverLabel, reused }) => serverLabel === tool.server_label && reused !== true)
    if (fresh !== undefined) set.addListing(fresh, placed.param)
  }
  for (const tool of options.registered ?? []) {
    // What the request brings wins: its author cannot know what the program has.
    if (!set.bindings.has(tool.name)) set.add(fromListed(tool), { kind: 'registered', tool }, 'tools')
  }
  return set
}

class ToolsetBuilder implements ChatToolset {
  readonly tools: ChatTool[] = []
  readonly bindings = new Map<string, ToolBinding>()

  addTool({ value: tool, param }: Placed<ResponseTool>, group?: NamespaceTool): void {
    const namespace = group?.name
    switch (tool.type) {
      case 'function':
        return this.add(toFunction(inGroup(tool, group)), { kind: 'function', tool, namespace }, `${param}.name`)
      case 'custom':
        return this.add(toFreeform(inGroup(tool, group)), { kind: 'custom', tool, namespace }, `${param}.name`)
      case 'file_search':
        return this.add(FILE_SEARCH, { kind: 'file_search', tool }, param)
      case 'web_search':
      case 'web_search_2025_08_26':
      case 'web_search_preview':
      case 'web_search_preview_2025_03_11':
        return this.add(WEB_SEARCH, { kind: 'web_search', tool }, param)
      case 'namespace':
        for (const inner of placeAll(tool.tools, `${param}.tools`)) this.addTool(inner, tool)
        return undefined
      case 'code_interpreter':
      case 'image_generation':
      case 'computer':
      case 'computer_use_preview':
      case 'local_shell':
      case 'shell':
      case 'apply_patch':
      case 'tool_search':
      // A listing stands for it, added by whoever has it.
      case 'mcp':
        throw cannotRun(tool.type, param)
    }
  }

  addListing({ serverLabel, tools }: ToolListing, param: string): void {
    for (const tool of tools) this.add(fromListed(tool), { kind: 'mcp', serverLabel, tool }, param)
  }

  add(tool: NamedTool, binding: ToolBinding, param: string): void {
    const { name } = tool.function
    if (this.bindings.has(name)) {
      throw new StackError('invalid_value', {
        param,
        problem: `two tools have the name '${name}', and the model could not tell them apart`,
        fix: 'Rename one of them, or leave one of an MCP server out with allowed_tools.',
      })
    }
    this.bindings.set(name, binding)
    this.tools.push(tool)
  }
}

type NamedTool = ChatTool & { readonly function: { readonly name: string } }

/** What the model is told of a group stands with each of its tools: chats have no groups. */
function inGroup<Tool extends FunctionTool | CustomTool>(tool: Tool, group: NamespaceTool | undefined): Tool {
  if (group === undefined) return tool
  const about = `It belongs to ${group.name}: ${group.description}`
  return { ...tool, description: isAbsent(tool.description) ? about : `${tool.description}\n\n${about}` }
}

/** Upstream repeats the type within the function, and its recordings have it there. */
function toFunction({ name, description, parameters, strict }: FunctionTool): NamedTool {
  return {
    type: 'function',
    function: {
      type: 'function',
      name,
      ...(isAbsent(description) ? {} : { description }),
      ...(isAbsent(parameters) ? {} : { parameters }),
      ...(isAbsent(strict) ? {} : { strict }),
    },
  }
}

function fromListed({ name, description, input_schema: parameters }: McpListedTool): NamedTool {
  const described = isAbsent(description) || description === '' ? {} : { description }
  return { type: 'function', function: { name, ...described, parameters } }
}

/** The one member of the arguments with which a custom tool is called. */
export const FREEFORM_PARAMETER = 'input'

/** Chat models call functions with JSON: the free text of a custom tool is the one member of its arguments. */
function toFreeform({ name, description, format }: CustomTool): NamedTool {
  const rules = [`Put the whole input, as plain text, into the parameter \`${FREEFORM_PARAMETER}\`.`]
  if (format?.type === 'grammar') {
    const syntax = format.syntax === 'regex' ? 'regular expression' : 'Lark grammar'
    rules.push(`The input must match this ${syntax}:\n${format.definition}`)
  }
  const parameters = {
    type: 'object',
    properties: { [FREEFORM_PARAMETER]: { type: 'string', description: 'The input of the tool, as plain text.' } },
    required: [FREEFORM_PARAMETER],
    additionalProperties: false,
  }
  const described = isAbsent(description) || description === '' ? rules : [description, ...rules]
  return { type: 'function', function: { name, description: described.join('\n\n'), parameters } }
}

const WEB_SEARCH = searchTool('web_search', 'Search the web for information', 'The query to search for')
const FILE_SEARCH = searchTool('file_search', 'Search files for relevant information', 'The search query')

function searchTool(name: string, description: string, query: string): NamedTool {
  const parameters = {
    type: 'object',
    properties: { query: { type: 'string', description: query } },
    required: ['query'],
  }
  return Object.freeze({ type: 'function', function: { name, description, parameters } })
}

function isAbsent(of: unknown): of is null | undefined {
  return of === undefined || of === null
}

function cannotRun(type: string, param: string): StackError {
  return new StackError('invalid_value', {
    param: `${param}.type`,
    problem: 'this server cannot run such a tool',
    value: `'${type}'`,
    fix: 'Use function, custom, web_search, file_search or mcp, or offer what the tool does as a function of your own.',
  })
}
