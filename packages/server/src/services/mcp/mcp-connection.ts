/** One connection to an MCP server: the SDK's client, behind the few calls that the host makes. */
import { setTimeout } from 'node:timers/promises'
import type { CallToolRequestOptions, Client, Tool, Transport } from '@modelcontextprotocol/client'
import type { McpProgress, McpServerInfo, McpTool, McpToolCall } from './mcp-contract.ts'
import { getToolPageSchema } from './mcp-tool-list.ts'
import type { ToolPage } from './mcp-tool-list.ts'
import type { RawToolResult } from './mcp-tool-result.ts'

/** With this a server can tell a call that is repeated from a new one. */
const CALL_ID_META = 'io.llamastack/call_id'

const GOODBYE_MS = 1000

/** How long one exchange may take, and who may end it. */
export interface McpPatience {
  readonly timeoutMs: number
  /** Whatever the progress. Default: `timeoutMs`. */
  readonly maxMs?: number
  readonly signal?: AbortSignal
}

/** Who wants to know what happens to a connection. */
export interface McpConnectionEvents {
  onClosed(): void
  onToolsChanged(): void
}

export class McpConnection {
  readonly #client: Client
  readonly #sayGoodbye: () => Promise<void>
  #closed = false

  /** `sayGoodbye` tells the server that its session is over. */
  constructor(client: Client, events: McpConnectionEvents, sayGoodbye: () => Promise<void>) {
    this.#client = client
    this.#sayGoodbye = sayGoodbye
    client.onclose = () => {
      this.#closed = true
      events.onClosed()
    }
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Whether the server speaks 2026-07-28 or later, where a call may have to carry arguments in headers too. */
  get needsDefinitions(): boolean {
    return this.#client.getProtocolEra() === 'modern'
  }

  get info(): McpServerInfo {
    const { name, version, description } = this.#client.getServerVersion() ?? {}
    const instructions = this.#client.getInstructions()
    return {
      ...(name === undefined ? {} : { name }),
      ...(version === undefined ? {} : { version }),
      ...(description === undefined ? {} : { description }),
      ...(instructions === undefined ? {} : { instructions }),
    }
  }

  /** Whether there is anything to list. */
  get hasTools(): boolean {
    return this.#client.getServerCapabilities()?.tools !== undefined
  }

  /** One page of the list of tools, as the server sent it. */
  listPage(cursor: string | undefined, patience: McpPatience): Promise<ToolPage> {
    const params = cursor === undefined ? {} : { params: { cursor } }
    return this.#client.request({ method: 'tools/list', ...params }, getToolPageSchema(), toOptions(patience))
  }

  /** Calls a tool. `definition` is needed where {@link needsDefinitions} says so. */
  call(call: McpToolCall, definition: McpTool | undefined, patience: McpPatience): Promise<RawToolResult> {
    const options: CallToolRequestOptions = {
      ...toOptions(patience),
      // Asking for progress is what makes it begin the time anew.
      onprogress: (progress) => call.onProgress?.(toProgress(progress)),
      resetTimeoutOnProgress: true,
    }
    if (definition !== undefined) {
      // Without the output schema: a result that breaks it is still what the tool said.
      options.toolDefinition = { name: definition.name, inputSchema: definition.inputSchema } as Tool
    }
    const { name, arguments: args, callId } = call
    return this.#client.callTool({ name, arguments: { ...args }, _meta: { [CALL_ID_META]: callId } }, options)
  }

  /** Closes it, after a goodbye that is not waited for long. */
  async close(): Promise<void> {
    const goodbye = this.#sayGoodbye().catch(() => undefined)
    await Promise.race([goodbye, setTimeout(GOODBYE_MS, undefined, { ref: false })])
    await this.#client.close()
  }
}

function toOptions({ timeoutMs, maxMs = timeoutMs, signal }: McpPatience): CallToolRequestOptions {
  return { timeout: timeoutMs, maxTotalTimeout: maxMs, ...(signal === undefined ? {} : { signal }) }
}

function toProgress(told: { progress: number; total?: number | undefined; message?: string | undefined }): McpProgress {
  const { progress, total, message } = told
  return {
    progress,
    ...(total === undefined ? {} : { total }),
    ...(message === undefined ? {} : { message }),
  }
}

/** The message of the error that stands for a stream which ended without an answer. */
export const STREAM_ENDED = 'the server ended the connection before it answered; the call may have been carried out'

/**
 * Makes a transport tell when the stream of a reply ends without the reply. The SDK's lets such a call wait for its
 * timeout; the answer that we give in the server's place is dropped where the server's own has come.
 */
export function tellEndedStreams(transport: Transport): void {
  const send = transport.send.bind(transport)
  transport.send = (message, options) =>
    send(message, {
      ...options,
      onRequestStreamEnd() {
        options?.onRequestStreamEnd?.()
        // Requests with other ids are subscriptions, which hear of it by the line above.
        if (!('id' in message) || typeof message.id !== 'number') return
        transport.onmessage?.({ jsonrpc: '2.0', id: message.id, error: { code: -32_000, message: STREAM_ENDED } })
      },
    })
}
