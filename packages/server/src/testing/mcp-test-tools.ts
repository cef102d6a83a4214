/** The tools that MCP servers of tests have: each behaves in one way that a host of such servers has to cope with. */
import { setTimeout as sleep } from 'node:timers/promises'

/** What a tool of a test server may do while it runs. */
export interface McpToolRun {
  /** Aborted when the client cancels the call. */
  readonly signal: AbortSignal
  /** Sends a progress notification, if the client asked for them. */
  readonly progress: (progress: number, message?: string) => Promise<void>
  /** Asks the person at the client for input, as servers of 2025 do. */
  readonly elicit: () => Promise<unknown>
  /** Destroys the connection that the call came on. Nothing happens where there is none (a child process). */
  readonly cut: () => void
}

/** The result of a tool, in MCP's shape. */
export interface McpToolReply {
  readonly content: readonly unknown[]
  readonly isError?: boolean
  readonly structuredContent?: unknown
}

export interface McpTestTool {
  readonly name: string
  readonly description?: string
  readonly inputSchema: unknown
  readonly outputSchema?: unknown
  readonly annotations?: object
  run(args: Readonly<Record<string, unknown>>, call: McpToolRun): McpToolReply | Promise<McpToolReply>
}

/** A result of one text. */
export function textReply(text: string): McpToolReply {
  return { content: [{ type: 'text', text }] }
}

const nothing = Object.freeze({ type: 'object', properties: {} })

/** One pixel. */
export const TINY_PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

/** `huge` replies with this many characters. */
export const HUGE_LENGTH = 3 * 1024 * 1024

/** The tools of a test server that is not told otherwise. */
export const standardMcpTools: readonly McpTestTool[] = Object.freeze([
  {
    name: 'add',
    description: 'Adds two numbers.',
    // The keys are in no order that a schema library would choose, and the reference is one that it would resolve.
    inputSchema: {
      required: ['a', 'b'],
      properties: { b: { $ref: '#/$defs/number' }, a: { $ref: '#/$defs/number' } },
      type: 'object',
      $defs: { number: { type: 'number', description: 'Any number' } },
      additionalProperties: false,
    },
    annotations: { readOnlyHint: true, idempotentHint: true, title: 'Add' },
    run: ({ a, b }) => textReply(String(Number(a) + Number(b))),
  },
  {
    name: 'echo',
    description: 'Gives back its arguments.',
    inputSchema: { type: 'object', properties: { text: { type: 'string' } } },
    run: (args) => textReply(JSON.stringify(args)),
  },
  {
    name: 'several',
    description: 'Gives back several items of content.',
    inputSchema: nothing,
    run: () => ({
      content: [
        { type: 'text', text: 'one' },
        { type: 'image', data: TINY_PNG, mimeType: 'image/png' },
        { type: 'resource', resource: { uri: 'test://two', mimeType: 'text/plain', text: 'two' } },
        { type: 'resource_link', uri: 'test://three', name: 'three' },
      ],
    }),
  },
  {
    name: 'structured',
    description: 'Gives back structured content beside its text.',
    inputSchema: nothing,
    outputSchema: { type: 'object', properties: { sum: { type: 'number' } }, required: ['sum'] },
    run: () => ({ content: [{ type: 'text', text: '{"sum":3}' }], structuredContent: { sum: 3 } }),
  },
  {
    name: 'slow',
    description: 'Waits.',
    inputSchema: { type: 'object', properties: { ms: { type: 'number' } } },
    run: async ({ ms }, { signal }) => {
      await sleep(Number(ms ?? 60_000), undefined, { signal })
      return textReply('waited')
    },
  },
  {
    name: 'steps',
    description: 'Waits, and tells how far it is.',
    inputSchema: { type: 'object', properties: { steps: { type: 'number' }, ms: { type: 'number' } } },
    run: async ({ steps, ms }, { signal, progress }) => {
      for (let step = 1; step <= Number(steps); step += 1) {
        await sleep(Number(ms), undefined, { signal })
        await progress(step, `step ${step}`)
      }
      return textReply(`${String(steps)} steps`)
    },
  },
  {
    name: 'huge',
    description: 'Gives back more than anybody wants.',
    inputSchema: nothing,
    run: () => textReply('x'.repeat(HUGE_LENGTH)),
  },
  {
    name: 'fail',
    description: 'Fails as tools fail.',
    inputSchema: nothing,
    run: () => ({ content: [{ type: 'text', text: 'the disk is full' }], isError: true }),
  },
  {
    name: 'ask',
    description: 'Asks for input.',
    inputSchema: nothing,
    run: async (_args, { elicit }) => textReply(JSON.stringify(await elicit())),
  },
  {
    name: 'cut',
    description: 'Cuts the connection.',
    inputSchema: nothing,
    run: async (_args, { cut, signal }) => {
      cut()
      await sleep(60_000, undefined, { signal })
      return textReply('nobody hears this')
    },
  },
])
