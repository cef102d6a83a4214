/** The command line as its users meet it: one process per call. */
import { spawn } from 'node:child_process'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { StackError } from '@llama-stack/api'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

const main = fileURLToPath(new URL('main.ts', import.meta.url))
let folder = ''
const running: ChildProcessWithoutNullStreams[] = []
const servers: Server[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'llama-cli-'))
})

afterAll(() => rm(folder, { recursive: true, force: true }))

afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL')
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

interface Started {
  readonly child: ChildProcessWithoutNullStreams
  readonly finished: Promise<Finished>
  /** Resolves to the match, once the expression fits what was written to stdout. */
  readonly stdout: (expected: RegExp) => Promise<RegExpExecArray>
  readonly stderr: (expected: RegExp) => Promise<RegExpExecArray>
}

type Variables = Readonly<Record<string, string>>

/** Starts a command in an empty home, without the variables of the machine that runs the tests. */
function start(words: readonly string[], env: Variables = {}): Started {
  const child = spawn(
    process.execPath,
    ['--conditions=llama-stack-source', '--disable-warning=ExperimentalWarning', main, ...words],
    {
      cwd: folder,
      env: { PATH: process.env['PATH'] ?? '', HOME: folder, ...env },
    },
  )
  running.push(child)
  const written = { stdout: '', stderr: '' }
  const watchers = new Set<() => void>()
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      written[name] += text
      for (const watcher of watchers) watcher()
    })
  }
  const finished = new Promise<Finished>((resolve) => child.on('close', (code) => resolve({ code, ...written })))
  const waitFor = (name: 'stdout' | 'stderr') => (expected: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const watcher = (): void => {
        const match = expected.exec(written[name])
        if (match === null) return
        watchers.delete(watcher)
        resolve(match)
      }
      watchers.add(watcher)
      watcher()
      void finished.then(({ stderr }) => reject(new Error(`ended before ${expected}: ${stderr}`)))
    })
  return { child, finished, stdout: waitFor('stdout'), stderr: waitFor('stderr') }
}

function run(words: readonly string[], env: Variables = {}, input = ''): Promise<Finished> {
  const { child, finished } = start(words, env)
  child.stdin.end(input)
  return finished
}

const builtIn = ['--providers', 'inference=inline::demo,inference=inline::lexical']

/** Starts a server on a free port and waits until it says where it listens. */
async function serve(words: readonly string[] = [], env: Variables = {}): Promise<Started & { url: string }> {
  const started = start(['run', ...builtIn, '--port', '0', '--ephemeral', '--json', ...words], env)
  const [line] = await started.stdout(/^\{.*\}$/m)
  return { ...started, url: JSON.parse(line).url }
}

async function occupyPort(handler?: Parameters<typeof createServer>[1]): Promise<number> {
  const server = createServer(handler ?? ((_request, response) => response.writeHead(404).end()))
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // A listening TCP server has an address with a port.
  return (server.address() as AddressInfo).port
}

/** A module that prints what else is loaded. */
async function traceLoads(): Promise<string> {
  const file = join(folder, 'trace-loads.mjs')
  const code = `import { registerHooks } from 'node:module'
registerHooks({ load(url, context, next) { process.stdout.write('loaded ' + url + '\\n'); return next(url, context) } })`
  await writeFile(file, code)
  return file
}

describe('--help', () => {
  it('loads neither the server nor the schema library', async () => {
    const { stdout } = await run(['run', '--help'], { NODE_DEBUG: '', NODE_OPTIONS: `--import=${await traceLoads()}` })
    const loaded = stdout.split('\n').filter((line) => line.startsWith('loaded '))
    expect(loaded.some((line) => line.includes('cli/help.ts'))).toBe(true)
    expect(loaded.filter((line) => /zod|fastify|undici|stack\.ts|packages\/api/.test(line))).toEqual([])
  })
})

describe('run', () => {
  it('serves, answers its own client commands, and ends with 0 on the first signal', async () => {
    const { url, child, finished } = await serve()
    const models = await run(['models', '--url', url, '--json'])
    const ids = JSON.parse(models.stdout).map(({ id }: { id: string }) => id)
    expect(ids).toContain('demo/assistant')
    const shown = await run(['models', 'show', 'demo/assistant', '--url', url])
    expect(shown).toMatchObject({ code: 0, stdout: expect.stringContaining('Provider  demo') })
    const chat = await run(['chat', '--url', url, '-p', 'Say hello'])
    expect(chat).toMatchObject({ code: 0, stdout: expect.stringMatching(/\w+[^]*\n$/) })
    const piped = await run(['chat', 'demo/assistant', '--url', url, '--json'], {}, 'Say hello')
    expect(JSON.parse(piped.stdout)).toMatchObject({ model: 'demo/assistant', content: expect.stringMatching(/\w/) })
    const missing = await run(['models', 'show', 'demo/asistant', '--url', url])
    expect(missing).toMatchObject({ code: 7, stderr: expect.stringContaining('error[model-not-found]') })
    const unknown = await run(['chat', 'nobody/nothing', '--url', url, '-p', 'x'])
    expect(unknown).toMatchObject({ code: 7, stdout: '' })
    child.kill('SIGINT')
    expect(await finished).toMatchObject({ code: 0 })
  })

  it('says what it is, without escape codes in a pipe, and deletes ephemeral data', async () => {
    const { stdout, child, finished } = start(['run', ...builtIn, '--port', '0', '--ephemeral'])
    const [banner] = await stdout(/[^]*Try .*\n[^]*\n/)
    expect(banner).toMatch(/llama \d+\.\d+\.\d+ {2}ready in \d/)
    expect(banner).toMatch(/API +http:\/\/localhost:\d+\/v1/)
    expect(banner).toContain('this machine only, no key')
    expect(banner).toContain('demo, lexical')
    expect(banner).not.toContain('\u001b')
    const [, dataDir = ''] = /Data +(\S+), deleted at the end/.exec(banner) ?? []
    expect(await readFile(join(dataDir, 'llama-stack.db'))).toBeDefined()
    child.kill('SIGTERM')
    expect(await finished).toMatchObject({ code: 0, stderr: expect.stringContaining('SIGTERM: nothing is open') })
    await expect(readFile(join(dataDir, 'llama-stack.db'))).rejects.toThrow('ENOENT')
  })

  it('waits for an open stream on the first signal and ends at once with 130 on the second', async () => {
    const port = await occupyPort((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('data: {"id":"1","object":"chat.completion.chunk","choices":[]}\n\n')
    })
    const providers = `inference=remote::llama-cpp-server?base_url=http://127.0.0.1:${port}/v1`
    const server = start(['run', '--providers', providers, '--port', '0', '--ephemeral'])
    const [, url = ''] = await server.stdout(/API +(\S+)\/v1/)
    const body = JSON.stringify({
      model: 'llama-cpp-server/m',
      messages: [{ role: 'user', content: 'x' }],
      stream: true,
    })
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${url}/v1/chat/completions`, { method: 'POST', body, headers })
    expect(response.status).toBe(200)
    server.child.kill('SIGINT')
    await server.stderr(/SIGINT: waiting up to 10 s for 1 open request/)
    // Within 200 ms a second signal counts as the same key press.
    await new Promise((resolve) => setTimeout(resolve, 300))
    server.child.kill('SIGINT')
    expect(await server.finished).toMatchObject({ code: 130 })
    await response.body?.cancel().catch(() => undefined)
  })

  it('records what a provider answers and replays it without the provider, and without a key', async () => {
    const chunk = { id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [] as unknown[] }
    const answer = (content: string) => ({
      ...chunk,
      choices: [{ index: 0, delta: { role: 'assistant', content }, finish_reason: null }],
    })
    const port = await occupyPort((request, response) => {
      if (request.url !== '/v1/chat/completions') return response.writeHead(200).end('{"object":"list","data":[]}')
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      for (const event of [answer('recorded '), answer('words')]) response.write(`data: ${JSON.stringify(event)}\n\n`)
      return response.end('data: [DONE]\n\n')
    })
    const recordings = join(folder, 'recordings')
    const chatWith = async (server: Started): Promise<Finished> => {
      const [line] = await server.stdout(/^\{.*\}$/m)
      const { url }: { url: string } = JSON.parse(line)
      const finished = await run(['chat', 'openai/m', '-p', 'x', '--url', url])
      server.child.kill('SIGTERM')
      await server.finished
      return finished
    }
    const common = ['--no-detect', '--port', '0', '--ephemeral', '--json']
    const env = { OPENAI_API_KEY: 'sk-0123456789abcd', OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1` }
    const recorded = await chatWith(start([...common, '--record', recordings], env))
    expect(recorded).toMatchObject({ code: 0, stdout: 'recorded words\n' })
    for (const server of servers.splice(0)) server.close()
    const replayed = await chatWith(start([...common, '--replay', recordings]))
    expect(replayed).toMatchObject({ code: 0, stdout: 'recorded words\n' })
  })

  it('ends with 3 where the port is taken, and says by whom', async () => {
    const { url } = await serve()
    const { port } = new URL(url)
    const taken = await run(['run', ...builtIn, '--port', port, '--ephemeral'])
    expect(taken.code).toBe(3)
    expect(taken.stderr).toContain(`A Llama Stack answers there already: http://127.0.0.1:${port}`)
    expect(taken.stderr).toContain(`error[port-in-use]  Port ${port} on 127.0.0.1 is in use.`)
    expect(taken.stderr).toContain(`--port ${Number(port) + 1}`)
  })

  it('refuses an open address without a key, and takes it with one', async () => {
    const refused = await run(['run', ...builtIn, '--port', '0', '--host', '0.0.0.0', '--ephemeral'])
    expect(refused).toMatchObject({ code: 3, stderr: expect.stringContaining('error[unsafe-bind]') })
    const key = 'a-key-that-nobody-guesses'
    const { url } = await serve(['--host', '0.0.0.0'], { LLAMA_STACK_API_KEY: key })
    const local = url.replace('0.0.0.0', '127.0.0.1')
    expect((await run(['models', '--url', local])).code).toBe(5)
    expect((await run(['models', '--url', local], { LLAMA_STACK_API_KEY: key })).code).toBe(0)
  })

  it('finds keys, says where they are from, and prints only their ending', async () => {
    const key = 'sk-0123456789abcdefWXYZ'
    const env = { OPENAI_API_KEY: key, OPENAI_BASE_URL: 'http://127.0.0.1:9/v1' }
    const { stdout, child, finished } = start(['--port', '0', '--ephemeral', '--no-detect'], env)
    const [banner] = await stdout(/[^]*Try .*\n/)
    expect(banner).toMatch(/openai +OPENAI_API_KEY …WXYZ +http:\/\/127\.0\.0\.1:9\/v1/)
    child.kill('SIGTERM')
    const { stdout: all, stderr } = await finished
    expect(all + stderr).not.toContain(key)
  })

  it('reads .env of the working directory and names it', async () => {
    await writeFile(join(folder, '.env'), 'GROQ_API_KEY=gsk-0123456789abcd\n')
    try {
      const { stdout } = start(['--port', '0', '--ephemeral', '--no-detect'])
      const [banner] = await stdout(/[^]*Try .*\n/)
      expect(banner).toMatch(/Env +\.env\n/)
      expect(banner).toMatch(/groq +GROQ_API_KEY …abcd/)
    } finally {
      await rm(join(folder, '.env'))
    }
  })

  it("accepts upstream's flags and says that they have no effect", async () => {
    const { child, finished, stdout } = start(
      ['stack', 'run', ...builtIn, '--image-type', 'venv', '--enable-ui', '--port', '0', '--ephemeral'],
      {},
    )
    await stdout(/Try /)
    child.kill('SIGTERM')
    const { stderr } = await finished
    expect(stderr).toContain('--image-type and --image-name have no effect')
    expect(stderr).toContain('--enable-ui has no effect')
  })
})

describe('an older Node', () => {
  it('is told apart before anything is loaded', async () => {
    const file = join(folder, 'old-node.mjs')
    const trace = await traceLoads()
    const code = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } })`
    await writeFile(file, code)
    const { code: exit, stdout, stderr } = await run(['--help'], { NODE_OPTIONS: `--import=${file} --import=${trace}` })
    expect(exit).toBe(2)
    // The entry can import nothing, so its words are its own: they have to be those of the table.
    const [happened = ''] = new StackError('node_version', { found: '20.20.2' }).message.split('. ')
    expect(stderr).toContain(`error[node-version]  ${happened} (`)
    expect(stdout.match(/loaded .*\.ts/g)).toEqual([expect.stringContaining('cli/main.ts')])
  })
})
