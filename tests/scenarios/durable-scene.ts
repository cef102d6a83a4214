/** A server in a process of its own that can be killed, a scripted model, and a real MCP server that outlive it. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { ResponseObject } from '@llama-stack/api'
import { startMcpServer, textReply } from '../../packages/server/src/testing/mcp-servers.ts'
import type { McpTestServer } from '../../packages/server/src/testing/mcp-servers.ts'
import { createScriptedUpstream } from '../../packages/server/src/testing/scripted-upstream.ts'
import type { ScriptedUpstream } from '../../packages/server/src/testing/scripted-upstream.ts'
import { createScriptedModel } from './scripted-model.ts'
import type { ScriptedModel } from './scripted-model.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const main = join(root, 'packages/server/src/cli/main.ts')

export interface ServerProcess {
  readonly url: string
  readonly child: ChildProcess
  /** Process ids, where there are several. */
  readonly workers: readonly number[]
  readonly exited: Promise<number | null>
  /** What it logged so far. */
  readonly said: () => string
  /** Ends it as a crash does. */
  kill(): Promise<void>
  /** Asks it to end. */
  terminate(): Promise<number | null>
}

export interface DurableScene {
  readonly model: ScriptedModel
  readonly vendor: ScriptedUpstream
  readonly mcp: McpTestServer
  /** What the tool `write` of the MCP server has done. */
  readonly effects: readonly string[]
  /** The tool of a request that brings the MCP server. */
  readonly tool: object
  /** Starts a server on the data folder of the scene. */
  start(...words: readonly string[]): Promise<ServerProcess>
}

/** How long both tools take. */
const TOOL_MS = 700

/** Runs a scenario and ends every process that it started. */
export async function withDurableServer(scenario: (scene: DurableScene) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'durable-responses-'))
  const effects: string[] = []
  const model = createScriptedModel()
  const started: ServerProcess[] = []
  await using mcp = await startMcpServer({ tools: toTools(effects) })
  await using vendor = await createScriptedUpstream({
    routes: {
      'GET /v1/models': { json: { object: 'list', data: [{ id: 'm1', object: 'model' }] } },
      'POST /v1/chat/completions': model.route,
    },
  })
  const config = writeConfig(directory, vendor.url)
  try {
    await scenario({
      model,
      vendor,
      mcp,
      effects,
      tool: { type: 'mcp', server_label: 'files', server_url: mcp.url, require_approval: 'never' },
      async start(...words) {
        const server = await launch(config, directory, words)
        started.push(server)
        return server
      },
    })
  } catch (error) {
    throw new Error(`what the servers said: ${started.map(({ said }) => said()).join('\n---\n')}`, { cause: error })
  } finally {
    await Promise.all(started.map((server) => server.kill()))
    rmSync(directory, { recursive: true, force: true })
  }
}

function toTools(effects: string[]) {
  const inputSchema = { type: 'object', properties: { text: { type: 'string' } } }
  return [
    {
      name: 'write',
      inputSchema,
      // It has its effect at once and does not hear that nobody waits any more.
      run: async ({ text }: Readonly<Record<string, unknown>>) => {
        effects.push(String(text))
        await sleep(TOOL_MS)
        return textReply(`written: ${String(text)}`)
      },
    },
    {
      name: 'read',
      inputSchema,
      annotations: { readOnlyHint: true },
      run: async () => {
        await sleep(TOOL_MS)
        return textReply('read: 42')
      },
    },
  ]
}

function writeConfig(directory: string, vendorUrl: string): string {
  const path = join(directory, 'config.yaml')
  writeFileSync(
    path,
    `version: 2
distro_name: durable
apis: [inference, responses]
providers:
  inference:
  - provider_id: vendor
    provider_type: remote::openai
    config: { base_url: '${vendorUrl}/v1', api_key: sk-test }
server: { allow_private_urls: true }
`,
  )
  return path
}

async function launch(config: string, directory: string, words: readonly string[]): Promise<ServerProcess> {
  const flags = ['--port', '0', '--json', '--log', 'json', '--data', join(directory, 'data'), ...words]
  const child = spawn(process.execPath, ['--conditions=llama-stack-source', main, 'run', config, ...flags], {
    env: { PATH: process.env['PATH'], HOME: directory, CI: 'true' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let printed = ''
  let said = ''
  const exited = new Promise<number | null>((resolve) => child.on('exit', (code) => resolve(code)))
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      printed += chunk.toString()
      if (printed.includes('\n')) resolve(printed)
    })
    void exited.then((code) => reject(new Error(`the server ended with ${code}: ${said}`)))
  })
  const { url, workers = [] } = JSON.parse(line) as { url: string; workers?: number[] }
  return {
    url,
    workers,
    child,
    exited,
    said: () => said,
    async kill() {
      child.kill('SIGKILL')
      await exited
    },
    terminate() {
      child.kill('SIGTERM')
      return exited
    },
  }
}

/** A response that is asked for; the reply is the client's to read. */
export function ask(server: ServerProcess, request: object, signal?: AbortSignal): Promise<Response> {
  return fetch(`${server.url}/v1/responses`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'vendor/m1', ...request }),
    ...(signal !== undefined && { signal }),
  })
}

/** Reads along from after this event. */
export function readAlong(server: ServerProcess, id: string, after = -1): Promise<Response> {
  const from = after < 0 ? '' : `&starting_after=${after}`
  return get(`${server.url}/v1/responses/${id}?stream=true${from}`)
}

/** How long a head may take: it does not wait for anything. */
const HEAD_MS = 3000

/** Asks again where the connection led to a process that is gone: it may break off, and it may lead nowhere. */
async function get(url: string): Promise<Response> {
  const abort = new AbortController()
  const giveUp = setTimeout(() => abort.abort(), HEAD_MS)
  try {
    return await fetch(url, { signal: abort.signal })
  } catch {
    return await fetch(url)
  } finally {
    clearTimeout(giveUp)
  }
}

export async function getResponse(server: ServerProcess, id: string): Promise<ResponseObject> {
  const reply = await get(`${server.url}/v1/responses/${id}`)
  if (reply.status !== 200) throw new Error(`${reply.status}: ${await reply.text()}`)
  // The server under test sends responses.
  return (await reply.json()) as ResponseObject
}

/** The JSON texts of a stream's events, one by one, until it ends or breaks. */
async function* eventTexts(reply: Response): AsyncGenerator<string, void> {
  if (reply.status !== 200) throw new Error(`${reply.status}: ${await reply.text()}`)
  const decoder = new TextDecoder()
  let rest = ''
  try {
    for await (const chunk of reply.body ?? []) {
      const frames = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split('\n\n')
      rest = frames.pop() ?? ''
      for (const frame of frames) {
        const data = frame.split('\n').find((line) => line.startsWith('data: '))
        if (data !== undefined) yield data.slice('data: '.length)
      }
    }
  } catch {
    // The server is gone.
  }
}

/** Reads until an event of which this is true, that one included. */
export async function readUntil(reply: Response, isLast: (text: string) => boolean): Promise<string[]> {
  const texts: string[] = []
  for await (const text of eventTexts(reply)) {
    texts.push(text)
    if (isLast(text)) return texts
  }
  throw new Error(`the stream ended before: ${texts.join('\n')}`)
}

export async function readAll(reply: Response): Promise<string[]> {
  const texts: string[] = []
  for await (const text of eventTexts(reply)) texts.push(text)
  return texts
}

/** The response that an event is of. */
export function idOf(text: string | undefined): string {
  return /"id":"(resp_[0-9a-f]+)"/.exec(text ?? '')?.[1] ?? ''
}
