/**
 * The client of upstream's suites, worked out from the calls that its requests led to: which responses it asked for, one
 * after the other, and what its MCP servers had and gave.
 */
import type { ChatMessage } from '@llama-stack/api'
import type { FileSearchHit, VectorSearch } from '../../packages/server/src/index.ts'
import { textReply } from '../../packages/server/src/testing/mcp-servers.ts'
import type { McpTestTool } from '../../packages/server/src/testing/mcp-servers.ts'
import { toAssistantMessage } from '../../packages/server/src/services/responses/chat/assistant-turn.ts'
import { followersOf, readTurn, toInputItems, toListed, toRequestTool, toSettings } from './recorded-responses.ts'
import type { RecordedBody, RecordedChat } from './recorded-responses.ts'

/** Asks for a response and gives its id. */
export type Ask = (testId: string | null, request: Readonly<Record<string, unknown>>) => Promise<string>

/** What the model of a recording is called here, and where its MCP server listens. */
export interface Surroundings {
  readonly model: (chat: RecordedChat) => string
  readonly mcpUrl: string
}

/** A recorded call with those that its reply led to. */
interface Step {
  readonly chat: RecordedChat
  /** Made by the server itself, within the same response. */
  readonly own: readonly Step[]
  /** Made because the client went on. */
  readonly next: readonly Step[]
}

/** Asks for every response that leads to these recordings, which are all of one test. */
export async function replayClient(chats: readonly RecordedChat[], ask: Ask, around: Surroundings): Promise<void> {
  const followers = new Map<RecordedChat, readonly RecordedChat[]>()
  for (const chat of chats) followers.set(chat, await findFollowers(chat, chats))
  const led = new Set([...followers.values()].flat())
  const toStep = (chat: RecordedChat): Step => {
    const steps = (followers.get(chat) ?? []).map(toStep)
    const isOwn = ({ chat: later }: Step): boolean => later.body['service_tier'] !== undefined
    return { chat, own: steps.filter(isOwn), next: steps.filter((step) => !isOwn(step)) }
  }
  // What follows an answer that was not recorded cannot be led to.
  const roots = chats.filter((chat) => !led.has(chat) && !continues(chat.body))
  for (const root of roots) await replay(toStep(root), { begun: 0, previous: undefined }, { ask, around })
}

async function findFollowers(chat: RecordedChat, chats: readonly RecordedChat[]): Promise<readonly RecordedChat[]> {
  if (followersOf(chat, chats).length === 0) return []
  return followersOf(chat, chats, toAssistantMessage(await readTurn(chat)))
}

function continues({ messages }: RecordedBody): boolean {
  return messages.some(
    ({ role, content, tool_calls: calls }) => role === 'assistant' && content === '' && (calls ?? null) !== null,
  )
}

interface Place {
  /** How many of the messages the server has. */
  readonly begun: number
  readonly previous: string | undefined
}

interface Client {
  readonly ask: Ask
  readonly around: Surroundings
}

/** One response for each way in which the server may go on by itself, and then those that the client goes on with. */
async function replay(step: Step, place: Place, client: Client): Promise<void> {
  for (const path of pathsOf(step)) {
    const request = toRequest(path, place, client.around)
    const id = await client.ask(step.chat.testId, request)
    const last = path.at(-1) ?? step
    for (const next of last.next)
      await replay(next, { begun: last.chat.body.messages.length + 1, previous: id }, client)
  }
}

function pathsOf(step: Step): Step[][] {
  return step.own.length === 0 ? [[step]] : step.own.flatMap((own) => pathsOf(own).map((path) => [step, ...path]))
}

const SKIPPED = /^Tool call skipped: maximum tool calls limit \((\d+)\) reached\.$/

function toRequest(path: readonly Step[], { begun, previous }: Place, around: Surroundings): Record<string, unknown> {
  const [first, last] = [path[0], path.at(-1)]
  if (first === undefined || last === undefined) throw new TypeError('a path has at least one step')
  const { body } = first.chat
  const [system] = body.messages[0]?.role === 'system' ? [body.messages[0]] : []
  const said = body.messages.slice(Math.max(begun, system === undefined ? 0 : 1))
  const [only, ...others] = said
  const limit = last.chat.body.messages
    .map(textOf)
    .map((text) => SKIPPED.exec(text)?.[1])
    .find((found) => found !== undefined)
  return {
    model: around.model(first.chat),
    // Upstream takes a message in a list that repeats the last one for the same, a text never.
    input: only?.role === 'user' && others.length === 0 ? textOrItems(only) : toInputItems(said),
    ...(system === undefined ? {} : { instructions: textOf(system) }),
    ...(previous === undefined ? {} : { previous_response_id: previous }),
    ...toSettings(body),
    tools: toTools(body, {
      type: 'mcp',
      server_label: 'localmcp',
      server_url: around.mcpUrl,
      // A call that nothing follows was not approved.
      require_approval: path.length === 1 ? 'always' : 'never',
    }),
    ...(limit === undefined ? {} : { max_tool_calls: Number(limit) }),
  }
}

function textOrItems(message: ChatMessage): unknown {
  return typeof message.content === 'string' ? message.content : toInputItems([message])
}

function toTools({ tools = [] }: RecordedBody, mcp: object): unknown[] {
  const asked: unknown[] = tools.flatMap((tool) => toRequestTool(tool) ?? [])
  return asked.length < tools.length ? [...asked, mcp] : asked
}

function textOf({ content }: ChatMessage): string {
  if (typeof content === 'string') return content
  return Array.isArray(content) ? content.map((part) => ('text' in part ? String(part.text) : '')).join('') : ''
}

const PIECE = /^\[\d+\] document_id: (\S+), score: (\S+), attributes: .*? cite as <\|\S+\|>\n(.*)\n$/s

/** The vector stores of these recordings: each search finds what it found, for it was meaning that ranked it, not words. */
export function toVectorSearch(chats: readonly RecordedChat[]): VectorSearch {
  const found = new Map<string, readonly FileSearchHit[]>()
  for (const { testId, body } of chats) {
    for (const { tool_calls: calls } of body.messages.filter((message) => message.role === 'assistant')) {
      for (const call of calls ?? []) {
        const output = body.messages.find((message) => message.role === 'tool' && message.tool_call_id === call.id)
        const key = keyOf(String(testId), JSON.parse(call.function?.arguments ?? '{}'))
        if (call.function?.name === 'file_search' && output !== undefined) found.set(key, toHits(output))
      }
    }
  }
  return { search: async ({ query }, { testId }) => found.get(keyOf(String(testId), { query })) ?? [] }
}

function toHits({ content }: ChatMessage): FileSearchHit[] {
  const texts = Array.isArray(content) ? content.map((part) => ('text' in part ? String(part.text) : '')) : []
  return texts.flatMap((text) => {
    const [, documentId, score, piece = ''] = PIECE.exec(text) ?? []
    if (documentId === undefined) return []
    return [
      {
        documentId,
        fileId: `file-${documentId}`,
        filename: 'a.txt',
        attributes: {},
        score: Number(score),
        text: piece,
      },
    ]
  })
}

/** The MCP server of these recordings: it has the tools that were listed, and gives what they gave. */
export function toMcpTools(chats: readonly RecordedChat[]): McpTestTool[] {
  const outputs = new Map<string, string>()
  for (const { messages } of chats.map(({ body }) => body)) {
    for (const { tool_calls: calls } of messages.filter((message) => message.role === 'assistant')) {
      for (const call of calls ?? []) {
        const output = messages.find((message) => message.role === 'tool' && message.tool_call_id === call.id)
        const key = keyOf(call.function?.name ?? '', JSON.parse(call.function?.arguments ?? '{}'))
        if (output !== undefined && !SKIPPED.test(textOf(output))) outputs.set(key, textOf(output))
      }
    }
  }
  const offered = chats.flatMap(({ body }) => body.tools ?? []).filter((tool) => toRequestTool(tool) === undefined)
  const listed = new Map(offered.map((tool) => [tool.function?.name, toListed(tool)]))
  return [...listed.values()].map(({ name, description, input_schema: inputSchema }) => ({
    name,
    inputSchema,
    ...(description === undefined || description === null ? {} : { description }),
    run: (given) => textReply(outputs.get(keyOf(name, given)) ?? 'nothing was recorded'),
  }))
}

function keyOf(name: string, given: unknown): string {
  return `${name} ${JSON.stringify(given)}`
}
