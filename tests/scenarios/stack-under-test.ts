/** A whole stack over a real SQLite file and a scripted vendor, reached through a socket or through `stack.fetch`. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { JsonObject, Log } from '@llama-stack/api'
import { createStack } from '../../packages/server/src/stack.ts'
import type { Stack, StackOptions } from '../../packages/server/src/stack.ts'
import { createScriptedUpstream } from '../../packages/server/src/testing/scripted-upstream.ts'
import type { ScriptedRoute, ScriptedUpstream } from '../../packages/server/src/testing/scripted-upstream.ts'

/** The two ways to the same application. */
export const doors = ['socket', 'fetch'] as const
export type Door = (typeof doors)[number]

export interface UnderTest {
  readonly stack: Stack
  readonly upstream: ScriptedUpstream
  /** Base of every URL: a socket's, or a made-up one for `fetch`. */
  readonly url: string
  readonly fetch: typeof fetch
  readonly directory: string
  /** A JSON call: method and path, body, headers. */
  readonly call: (route: string, body?: unknown, headers?: Readonly<Record<string, string>>) => Promise<Response>
}

export interface UnderTestOptions {
  readonly door?: Door
  readonly routes?: Readonly<Record<string, ScriptedRoute>>
  readonly config?: Partial<StackOptions['config']>
  /** Configuration that names the scripted vendor's address or the data folder. */
  readonly configOf?: (place: { readonly url: string; readonly directory: string }) => Partial<StackOptions['config']>
  readonly directory?: string
  readonly more?: Partial<StackOptions>
  /** Whether the test expects errors in the log. Default: an error in the log fails it. */
  readonly expectsErrors?: boolean
}

const listing: ScriptedRoute = {
  json: {
    object: 'list',
    data: [
      { id: 'm1', object: 'model' },
      { id: 'text-embedding-3-small', object: 'model' },
    ],
  },
}

/** Runs a scenario, disposes everything, and fails when the server met an error that nobody expected. */
export async function withStack(
  options: UnderTestOptions,
  scenario: (under: UnderTest) => Promise<void>,
): Promise<void> {
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'stack-'))
  const errors: string[] = []
  const log = collectErrors(errors)
  await using upstream = await createScriptedUpstream({ routes: { 'GET /v1/models': listing, ...options.routes } })
  try {
    await using stack = await createStack({
      config: {
        name: 'test',
        dataDir: directory,
        storage: { sql: { type: 'sqlite', path: join(directory, 'stack.db') } },
        providers: [
          {
            api: 'inference',
            id: 'vendor',
            type: 'remote::openai',
            config: { base_url: `${upstream.url}/v1`, api_key: 'sk-test' },
          },
        ],
        ...options.config,
        ...options.configOf?.({ url: upstream.url, directory }),
      },
      log,
      ...options.more,
    })
    const socket = options.door === 'fetch' ? undefined : await stack.listen({ port: 0 })
    await stack.refreshModels()
    const url = socket?.url ?? 'http://localhost'
    // stack.fetch takes what fetch takes.
    const fetcher = socket === undefined ? (stack.fetch as unknown as typeof fetch) : fetch
    await scenario({
      stack,
      upstream,
      url,
      fetch: fetcher,
      directory,
      call(route, body, headers = {}) {
        const [method = '', path = ''] = route.split(' ')
        return fetcher(`${url}${path}`, {
          method,
          headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
          ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
        })
      },
    })
  } finally {
    if (options.directory === undefined) rmSync(directory, { recursive: true, force: true })
  }
  if (options.expectsErrors !== true && errors.length > 0)
    throw new Error(`the server logged errors:\n${errors.join('\n')}`)
}

function collectErrors(errors: string[]): Log {
  const ignore = (): void => undefined
  const log: Log = {
    debug: ignore,
    info: ignore,
    warn: ignore,
    error: (message: string, fields?: JsonObject) => errors.push(`${message} ${JSON.stringify(fields)}`),
    child: () => log,
  }
  return log
}

/** The reply of a vendor to a chat that does not stream. */
export const chatReply = {
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1_700_000_000,
  model: 'm1',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hello!' }, finish_reason: 'stop', logprobs: null }],
  usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 },
}

/** The chunks of a vendor's stream that says the words. */
export function chatChunks(words: readonly string[]): Record<string, unknown>[] {
  const head = { id: 'chatcmpl-2', object: 'chat.completion.chunk', created: 1_700_000_000, model: 'm1' }
  return [
    { ...head, choices: [{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }] },
    ...words.map((content) => ({ ...head, choices: [{ index: 0, delta: { content }, finish_reason: null }] })),
    { ...head, choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
  ]
}

/** The data of each event of a streamed reply. */
export async function eventsOf(response: Response): Promise<string[]> {
  return (await response.text())
    .split('\n\n')
    .filter((event) => event.startsWith('data: '))
    .map((event) => event.slice(6))
}
