/** All that the model of one response may call, and how each call is made. */
import { bug, isStackError, StackError } from '@llama-stack/api'
import type { McpTool as McpToolRequest } from '@llama-stack/api'
import type { McpTool } from '../../mcp/mcp-contract.ts'
import { planTools } from '../chat/chat-tool-choice.ts'
import type { ToolPlan } from '../chat/chat-tool-choice.ts'
import { toChatTools } from '../chat/to-chat-tools.ts'
import type { ToolBinding, ToolListing } from '../chat/to-chat-tools.ts'
import type { ItemIds } from '../item-ids-of-response.ts'
import type { Output } from '../output/output.ts'
import { ToolListWriter } from '../output/tool-list-writer.ts'
import type { SettledRequest } from '../request/settle-request.ts'
import { isAllowed, needsApproval } from './approval-rule.ts'
import { createMcpTool, toAddress } from './mcp-tools.ts'
import type { KnownTool, ServerTool, ToolCaller } from './server-tool.ts'
import type { KnownListings, McpPort, ToolSources } from './tool-sources.ts'

export interface ToolKit {
  readonly plan: ToolPlan
  /** The tool of this name; undefined for a name that the model made up. */
  find(name: string): KnownTool | undefined
  /** The names that the model may call. */
  readonly names: readonly string[]
}

export interface ToolKitOptions {
  readonly settled: SettledRequest
  readonly sources: ToolSources
  readonly caller: ToolCaller
  readonly output: Output
  readonly ids: ItemIds
  /** What the previous response listed: it is not asked again. */
  readonly known: KnownListings
}

/** A server that was asked what it offers. */
interface AskedServer {
  readonly request: McpToolRequest
  readonly tools: readonly McpTool[]
  readonly isReused: boolean
}

/** Asks every MCP server of the request what it offers. One that does not answer is an item with an error, and is done without. */
export async function createToolKit(options: ToolKitOptions): Promise<ToolKit> {
  const { settled, sources } = options
  const tools = settled.request.tools ?? []
  const registered = sources.registered.map(({ name, description, parameters }) => ({
    name,
    description,
    input_schema: parameters,
  }))
  const wanted = tools.filter((tool) => tool.type === 'mcp')
  const host = wanted.length === 0 ? undefined : await sources.mcp()
  const servers = host === undefined ? [] : await askServers(wanted, host, options)
  const toolset = toChatTools(tools, {
    listings: servers.map(({ request, tools: listed, isReused }): ToolListing => ({
      serverLabel: request.server_label,
      tools: listed.map(toListed),
      reused: isReused,
    })),
    registered,
  })
  const search = needsSearch(toolset.bindings.values()) ? await sources.search() : undefined
  const known = new Map<string, KnownTool>()
  for (const [name, binding] of toolset.bindings) {
    if (binding.kind === 'function' || binding.kind === 'custom') {
      known.set(name, { kind: binding.kind, namespace: binding.namespace })
    } else if (binding.kind === 'mcp') {
      const tool = toServerTool(binding, { servers, host: host ?? bug('a listing without a host'), sources })
      known.set(name, { kind: 'server', tool })
    } else if (binding.kind === 'registered') {
      known.set(name, { kind: 'server', tool: toRegistered(name, sources) })
    } else if (search !== undefined) {
      const asked = { caller: options.caller, include: settled.include }
      const tool =
        binding.kind === 'web_search' ? search.webSearch(binding.tool, asked) : search.fileSearch(binding.tool, asked)
      known.set(name, { kind: 'server', tool })
    }
  }
  return {
    plan: planTools(toolset, settled.request.tool_choice),
    find: (name) => known.get(name),
    names: [...known.keys()],
  }
}

function needsSearch(bindings: Iterable<ToolBinding>): boolean {
  for (const { kind } of bindings) if (kind === 'web_search' || kind === 'file_search') return true
  return false
}

function toServerTool(
  { serverLabel, tool }: Extract<ToolBinding, { kind: 'mcp' }>,
  { servers, host, sources }: { servers: readonly AskedServer[]; host: McpPort; sources: ToolSources },
): ServerTool {
  const server = servers.find(({ request }) => request.server_label === serverLabel) ?? bug('a tool without a server')
  const listed = server.tools.find(({ name }) => name === tool.name) ?? bug('a tool that nobody listed')
  return createMcpTool({
    host,
    address: toAddress(server.request),
    listed,
    needsApproval: needsApproval(listed, server.request.require_approval, sources.approvalDefault),
  })
}

function toRegistered(name: string, { registered }: ToolSources): ServerTool {
  const tool = registered.find((each) => each.name === name) ?? bug('a function that nobody registered')
  return {
    name,
    type: 'mcp_call',
    serverLabel: REGISTERED_LABEL,
    isRepeatable: tool.isRepeatable,
    needsApproval: false,
    run: ({ callId, arguments: args }, caller) => tool.run(args, { ...caller, callId }),
  }
}

/** Under this label the items of a program's own functions stand: clients know how to show the calls of a server. */
const REGISTERED_LABEL = 'stack'

/** All at once; their items stand in the order of the request. */
async function askServers(
  wanted: readonly McpToolRequest[],
  host: McpPort,
  options: ToolKitOptions,
): Promise<AskedServer[]> {
  refuseSharedLabels(wanted)
  const asked = wanted.map((request): AskedServer | Promise<AskedServer> => {
    const reused = findListing(request, options.known)
    if (reused !== undefined) return { request, tools: reused, isReused: true }
    const writer = new ToolListWriter(options.output, {
      id: options.ids.next('mcp_list_tools'),
      serverLabel: request.server_label,
    })
    return askServer(request, { host, writer, options })
  })
  return Promise.all(asked.map((each) => Promise.resolve(each)))
}

async function askServer(
  request: McpToolRequest,
  { host, writer, options }: { host: McpPort; writer: ToolListWriter; options: ToolKitOptions },
): Promise<AskedServer> {
  try {
    const all = await host.listTools(toAddress(request), options.caller)
    const tools = all.filter((tool) => isAllowed(tool, request.allowed_tools))
    writer.close(tools.map(toListed))
    return { request, tools, isReused: false }
  } catch (error) {
    options.caller.signal.throwIfAborted()
    // A request that cannot be right is refused; a server that is not there is done without.
    if (!isStackError(error) || error.code === 'invalid_value' || error.code === 'url_blocked') throw error
    writer.fail(error.message)
    return { request, tools: [], isReused: false }
  }
}

/** As items tell it. What a tool lacks is left out: the AI SDK refuses null there. */
function toListed({ name, description, inputSchema, annotations }: McpTool) {
  return {
    name,
    ...(description !== undefined && { description }),
    input_schema: inputSchema,
    ...(annotations !== undefined && { annotations: { ...annotations } }),
  }
}

function refuseSharedLabels(wanted: readonly McpToolRequest[]): void {
  const seen = new Set<string>()
  for (const { server_label: label } of wanted) {
    if (seen.has(label)) {
      throw new StackError('invalid_value', {
        param: 'tools',
        problem: 'two MCP servers have the same server_label',
        value: `'${label}'`,
        fix: 'Give each server a label of its own.',
      })
    }
    seen.add(label)
  }
}

/** What an earlier response listed, where it is what this request would be told. */
function findListing(request: McpToolRequest, known: KnownListings): readonly McpTool[] | undefined {
  const listed = known.get(request.server_label)?.['tools']
  if (!Array.isArray(listed) || listed.length === 0) return undefined
  // An item of our own making, as it was told.
  const tools = (
    listed as readonly { name: string; description?: string; input_schema: object; annotations?: object }[]
  ).map(
    ({ name, description, input_schema: inputSchema, annotations }) =>
      ({
        name,
        ...(typeof description === 'string' && { description }),
        inputSchema,
        ...(annotations !== undefined && annotations !== null && { annotations }),
      }) as McpTool,
  )
  const allowed = request.allowed_tools
  const names = Array.isArray(allowed) ? allowed : undefined
  if (names !== undefined && !names.every((name) => tools.some((tool) => tool.name === name))) return undefined
  return tools.filter((tool) => isAllowed(tool, allowed))
}
