/** Several processes behind one port and over one data folder, as their users meet them. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { createScriptedUpstream } from '../../packages/server/src/testing/scripted-upstream.ts'
import type { ScriptedUpstream } from '../../packages/server/src/testing/scripted-upstream.ts'
import { chatChunks, chatReply } from './stack-under-test.ts'
import { storedIds } from './stored-ids.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const main = join(root, 'packages/server/src/cli/main.ts')
const ask = { model: 'vendor/m1', messages: [{ role: 'user', content: 'Hi' }] }

// Each test starts several processes, some of them twice.
vi.setConfig({ testTimeout: 60_000 })

let folder = ''
let vendor: ScriptedUpstream
let asked = 0
const started: Server[] = []

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'workers-'))
  vendor = await createScriptedUpstream({
    routes: {
      'GET /v1/models': { json: { object: 'list', data: [{ id: 'm1', object: 'model' }] } },
      'POST /v1/chat/completions': ({ body }) => {
        asked += 1
        const id = `chatcmpl-${asked}`
        if (!body.includes('"stream":true')) return { json: { ...chatReply, id } }
        const words = Array.from({ length: body.includes('long') ? 400 : 10 }, () => 'x')
        return { events: chatChunks(words).map((chunk) => ({ ...chunk, id })), gapMs: 50 }
      },
    },
  })
  writeFileSync(
    join(folder, 'config.yaml'),
    `version: 2
distro_name: workers
apis: [inference]
providers:
  inference:
  - provider_id: vendor
    provider_type: remote::openai
    config: { base_url: '${vendor.url}/v1', api_key: sk-test }
`,
  )
})
afterEach(async () => {
  for (const server of started.splice(0)) {
    server.child.kill('SIGKILL')
    await server.exited
  }
})
afterAll(async () => {
  await vendor[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

interface Server {
  readonly child: ReturnType<typeof spawn>
  readonly exited: Promise<number | null>
  readonly said: () => string
}

interface Serving extends Server {
  readonly url: string
  readonly workers: readonly number[]
}

function launch(words: readonly string[]): Server & { readonly printed: () => string } {
  const child = spawn(
    process.execPath,
    ['--conditions=llama-stack-source', main, 'run', join(folder, 'config.yaml'), '--log', 'json', ...words],
    { env: { PATH: process.env['PATH'], HOME: folder, CI: 'true' }, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let printed = ''
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const exited = new Promise<number | null>((resolve) => child.on('exit', (code) => resolve(code)))
  const server = { child, exited, said: () => said, printed: () => printed }
  started.push(server)
  return server
}

/** Starts a server in a data folder of the test's own, and waits until it says where it listens. */
async function serve(data: string, ...words: readonly string[]): Promise<Serving> {
  const server = launch(['--port', '0', '--json', '--data', join(folder, data), ...words])
  const line = new Promise<string>((resolve) => {
    server.child.stdout?.on('data', () => {
      if (server.printed().includes('\n')) resolve(server.printed())
    })
  })
  const ended = server.exited.then((code) => Promise.reject(new Error(`ended with ${code}: ${server.said()}`)))
  const { url, workers } = JSON.parse(await Promise.race([line, ended])) as { url: string; workers?: number[] }
  return { ...server, url, workers: workers ?? [] }
}

/** One call over a connection of its own: those go to the workers in turn. */
function call(url: string, method = 'GET', body?: object): Promise<{ status: number; json: () => never }> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' }
    const outgoing = httpRequest(url, { method, headers, agent: false }, (incoming) => {
      let text = ''
      incoming.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, json: () => JSON.parse(text) as never }))
      incoming.on('error', reject)
    })
    outgoing.on('error', reject)
    outgoing.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

/** A zombie has ended: an orphan stays one until the first process of the machine asks for it, which may take seconds. */
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    if (process.platform !== 'linux') return true
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2))
  } catch {
    return false
  }
}

test('what any of four processes acknowledged is there, and none was refused by the lock of another', async () => {
  const server = await serve('load', '--workers', '4')
  expect(new Set(server.workers).size).toBe(4)
  const untilMs = performance.now() + 3000
  const acknowledged: string[] = []
  const statuses = new Map<number, number>()
  const client = async (): Promise<void> => {
    while (performance.now() < untilMs) {
      const reply = await call(`${server.url}/v1/chat/completions`, 'POST', ask)
      statuses.set(reply.status, (statuses.get(reply.status) ?? 0) + 1)
      if (reply.status === 200) acknowledged.push((reply.json() as { id: string }).id)
    }
  }
  await Promise.all(Array.from({ length: 48 }, client))
  expect([...statuses.keys()]).toEqual([200])
  expect(acknowledged.length).toBeGreaterThan(200)
  const kept = await storedIds(server.url)
  expect(acknowledged.filter((id) => !kept.has(id))).toEqual([])
  expect(server.said()).not.toMatch(/busy|locked|lost|"level":"(?:warn|error)"/i)
  expect(statSync(join(folder, 'load', 'llama-stack.db-wal')).size).toBeLessThan(128 * 1024 * 1024)
})

test('a model that one process registers is there for all when the client hears of it, and gone when it is removed', async () => {
  const server = await serve('models', '--workers', '3')
  const everywhere = async (status: number): Promise<void> => {
    const replies = await Promise.all(Array.from({ length: 9 }, () => call(`${server.url}/v1/models/fast`)))
    expect(replies.map((reply) => reply.status)).toEqual(replies.map(() => status))
  }
  await everywhere(404)
  for (let round = 0; round < 5; round += 1) {
    const model = { model_id: 'fast', provider_id: 'vendor', provider_model_id: 'm1' }
    expect((await call(`${server.url}/v1/models`, 'POST', model)).status).toBe(200)
    await everywhere(200)
    const answers = Array.from({ length: 6 }, () =>
      call(`${server.url}/v1/chat/completions`, 'POST', { ...ask, model: 'fast' }),
    )
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(answers.map(() => 200))
    expect((await call(`${server.url}/v1/models/fast`, 'DELETE')).status).toBe(200)
    await everywhere(404)
  }
  // The same registration by several clients at once is one.
  const model = { model_id: 'fast', provider_id: 'vendor', provider_model_id: 'm1' }
  const registered = await Promise.all(Array.from({ length: 12 }, () => call(`${server.url}/v1/models`, 'POST', model)))
  expect(registered.map(({ status }) => status)).toEqual(registered.map(() => 200))
})

test('a process that dies is replaced while the others serve', async () => {
  const server = await serve('restart', '--workers', '2')
  const [first = 0] = server.workers
  process.kill(first, 'SIGKILL')
  await expect.poll(() => server.said(), { timeout: 10_000 }).toContain('"message":"A worker ended')
  for (let index = 0; index < 4; index += 1) expect((await call(`${server.url}/v1/health`)).status).toBe(200)
  await expect.poll(() => server.said(), { timeout: 20_000 }).toContain('A worker serves again.')
  const [, pid] = /A worker serves again[^}]*"pid":(\d+)/.exec(server.said()) ?? []
  expect(server.workers).not.toContain(Number(pid))
  expect(isAlive(Number(pid))).toBe(true)
  server.child.kill('SIGTERM')
  expect(await server.exited).toBe(0)
  expect(isAlive(Number(pid))).toBe(false)
})

test('[B024] the first signal lets the streams of all processes end', async () => {
  const server = await serve('drain', '--workers', '2')
  const streams = Array.from({ length: 4 }, () =>
    fetch(`${server.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...ask, stream: true }),
    }),
  )
  const replies = await Promise.all(streams)
  server.child.kill('SIGTERM')
  for (const reply of replies) expect(await reply.text()).toMatch(/data: \[DONE\]\n\n$/)
  expect(await server.exited).toBe(0)
  expect(server.workers.filter(isAlive)).toEqual([])
  // The last to close has moved the log into the file.
  expect(() => statSync(join(folder, 'drain', 'llama-stack.db-wal'))).toThrow('ENOENT')
})

test('[B024] the second signal ends all processes at once', async () => {
  const server = await serve('cut', '--workers', '2')
  const body = JSON.stringify({ ...ask, messages: [{ role: 'user', content: 'long' }], stream: true })
  const headers = { 'content-type': 'application/json' }
  const reply = await fetch(`${server.url}/v1/chat/completions`, { method: 'POST', headers, body })
  expect(reply.status).toBe(200)
  server.child.kill('SIGTERM')
  await new Promise((resolve) => setTimeout(resolve, 400))
  const startedAtMs = performance.now()
  server.child.kill('SIGTERM')
  expect(await server.exited).toBe(130)
  await expect.poll(() => server.workers.filter(isAlive), { timeout: 2000 }).toEqual([])
  expect(performance.now() - startedAtMs).toBeLessThan(3000)
  await reply.body?.cancel().catch(() => undefined)
})

test('no process outlives its primary', async () => {
  const server = await serve('orphans', '--workers', '2')
  server.child.kill('SIGKILL')
  await expect.poll(() => server.workers.filter(isAlive), { timeout: 5000 }).toEqual([])
})

test('a port that is taken is told as with one process, and nothing stays behind', async () => {
  const first = await serve('taken', '--workers', '2')
  const second = launch(['--port', new URL(first.url).port, '--data', join(folder, 'other'), '--workers', '2'])
  expect(await second.exited).toBe(3)
  expect(second.said()).toContain('error[port-in-use]')
})

test('a start that fails is told in the words of the failure', async () => {
  const server = launch(['--port', '0', '--host', '0.0.0.0', '--data', join(folder, 'unsafe'), '--workers', '2'])
  expect(await server.exited).toBe(3)
  expect(server.said()).toContain('error[unsafe-bind]')
  const recorded = launch(['--workers', '2', '--record', join(folder, 'recordings')])
  expect(await recorded.exited).toBe(2)
  expect(recorded.said()).toContain('--workers 1')
})

test('two servers that share a folder unawares are warned, and the workers of one are not', async () => {
  const first = await serve('shared', '--workers', '2')
  expect(first.said()).not.toContain('Another server')
  const second = await serve('shared')
  await expect.poll(() => second.said()).toContain('Another server has this data folder open')
  expect(second.said()).toContain(`"pid":${first.child.pid}`)
  expect(first.said()).not.toContain('Another server')
  // A lock ends with its holder, however that ends.
  first.child.kill('SIGKILL')
  await expect.poll(() => first.workers.filter(isAlive), { timeout: 5000 }).toEqual([])
  second.child.kill('SIGTERM')
  expect(await second.exited).toBe(0)
  const third = await serve('shared')
  expect(third.said()).not.toContain('Another server')
})
