/** One start of the built command line, up to its first chat reply from a scripted vendor, and its end. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'

/** What is started, and how. */
export interface StartInput {
  /** The built `main.js`. */
  readonly main: string
  /** The home directory of the start, which keeps V8's code. */
  readonly home: string
  readonly nodeOptions?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** How long it serves after its reply; nothing, unless given. */
  readonly lastsMs?: number
}

/** What came of a start. */
export interface FirstReply {
  /** 0: there was no reply. */
  readonly status: number
  readonly body: string
  /** What the server wrote to stderr until it had answered. */
  readonly complaints: string
}

const reply = JSON.stringify({
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1,
  model: 'small',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hello.' }, finish_reason: 'stop' }],
})
const list = JSON.stringify({ object: 'list', data: [{ id: 'small', object: 'model', created: 1, owned_by: 'us' }] })

/** Starts, asks once, and resolves when the process has ended. */
export async function startOnce({
  main,
  home,
  nodeOptions = [],
  env = {},
  lastsMs = 0,
}: StartInput): Promise<FirstReply> {
  using folder = temporaryFolder()
  await using vendor = await createVendor()
  writeFileSync(join(folder.path, 'config.yaml'), toConfig(vendor.port, folder.path))
  const started = spawn(process.execPath, [...nodeOptions, main, 'run', 'config.yaml', '--port', '0', '--json'], {
    cwd: folder.path,
    env: { PATH: process.env['PATH'], HOME: home, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<undefined>((resolve) => started.once('exit', () => resolve(undefined)))
  let complaints = ''
  started.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text))
  const listening = new Promise<string>((resolve) => started.stdout.setEncoding('utf8').once('data', resolve))
  const line = await Promise.race([listening, ended])
  if (line === undefined) return { status: 0, body: '', complaints }
  const { url } = JSON.parse(line) as { readonly url: string } // what `--json` prints
  const answer = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', connection: 'close' },
    body: JSON.stringify({ model: 'up/small', messages: [{ role: 'user', content: 'Hi' }] }),
  })
  const said = { status: answer.status, body: await answer.text(), complaints }
  await setTimeout(lastsMs)
  started.kill('SIGINT')
  await ended
  return said
}

async function createVendor(): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'application/json')
    request.resume().on('end', () => response.end(request.method === 'GET' ? list : reply))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port, // it listens on a port, not on a pipe
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function toConfig(port: number, folder: string): string {
  return `version: 2
distro_name: first-start
apis: [inference]
providers:
  inference:
  - provider_id: up
    provider_type: remote::openai
    config: { base_url: 'http://127.0.0.1:${port}/v1', api_key: none }
storage:
  backends:
    sql_default: { type: sql_sqlite, db_path: '${join(folder, 'sql.db')}' }
`
}

/** A folder that is deleted when it is disposed of. */
export function temporaryFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'llama-first-start-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}
