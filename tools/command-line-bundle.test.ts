import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { buildCommandLine } from './command-line-bundle.ts'

const server = join(dirname(fileURLToPath(import.meta.url)), '../packages/server')

/** Half of them are those of a chat request. A schema costs some ten microseconds, and its code as much again. */
const MAX_SCHEMAS = 800

const reply = JSON.stringify({
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1,
  model: 'small',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hello.' }, finish_reason: 'stop' }],
})
const list = JSON.stringify({ object: 'list', data: [{ id: 'small', object: 'model', created: 1, owned_by: 'us' }] })

test('a start with a configuration answers a chat request from main.js and parts.js alone', async () => {
  using folder = temporaryFolder()
  const common = { bundle: true, platform: 'node', target: 'node24', logLevel: 'warning' } as const
  await buildCommandLine(common, server, join(folder.path, 'cli'))
  for (const script of readdirSync(join(folder.path, 'cli'))) {
    if (!['main.js', 'parts.js'].includes(script)) rmSync(join(folder.path, 'cli', script))
  }
  writeFileSync(join(folder.path, 'package.json'), '{ "type": "commonjs" }')
  // zod's own hook for whoever wants to see each schema.
  const counter = join(folder.path, 'counter.js')
  writeFileSync(
    counter,
    `let count = 0
    globalThis.__zod_globalConfig = { postProcessor: () => { count += 1 } }
    process.on('exit', () => require('node:fs').writeFileSync(${JSON.stringify(`${counter}.txt`)}, String(count)))`,
  )
  const upstream = createServer((request, response) => {
    response.setHeader('content-type', 'application/json')
    request.resume().on('end', () => response.end(request.method === 'GET' ? list : reply))
  })
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
  using _upstream = { [Symbol.dispose]: () => upstream.close().closeAllConnections() }
  writeFileSync(join(folder.path, 'config.yaml'), toConfig((upstream.address() as AddressInfo).port, folder.path))

  const started = spawn(
    process.execPath,
    ['--require', counter, 'cli/main.js', 'run', 'config.yaml', '--port', '0', '--json'],
    {
      cwd: folder.path,
      env: { PATH: process.env['PATH'], HOME: folder.path, NODE_DISABLE_COMPILE_CACHE: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  const ended = new Promise<number | null>((resolve) => started.once('exit', resolve))
  let complaints = ''
  started.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text))
  const url = await Promise.race([
    new Promise<string>((resolve) => {
      started.stdout.setEncoding('utf8').once('data', (line: string) => resolve(urlOf(line)))
    }),
    ended.then(() => expect.unreachable(complaints)),
  ])
  const answer = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', connection: 'close' },
    body: JSON.stringify({ model: 'up/small', messages: [{ role: 'user', content: 'Hi' }] }),
  })
  const body = await answer.text()
  started.kill('SIGINT')
  await ended
  expect([answer.status, body, complaints.replace(/^SIGINT.*\n/m, '')]).toEqual([
    200,
    expect.stringContaining('Hello.'),
    '',
  ])
  const schemas = Number(readFileSync(`${counter}.txt`, 'utf8'))
  expect(schemas).toBeGreaterThan(100)
  expect(schemas).toBeLessThan(MAX_SCHEMAS)
}, 60_000)

function urlOf(line: string): string {
  const { url } = JSON.parse(line) as { readonly url: string } // what `--json` prints
  return url
}

function toConfig(port: number, folder: string): string {
  return `version: 2
distro_name: bundle
apis: [inference]
providers:
  inference:
  - provider_id: up
    provider_type: remote::openai
    config: { base_url: 'http://127.0.0.1:${port}/v1', api_key: none }
storage:
  backends:
    sql_default: { type: sql_sqlite, db_path: ${join(folder, 'sql.db')} }
`
}

function temporaryFolder(): { readonly path: string; [Symbol.dispose](): void } {
  const path = mkdtempSync(join(tmpdir(), 'command-line-bundle-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}
