/** Command lines without a server of their own, run within this process. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { RequestListener, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { runCommand } from '../testing/run-command.ts'
import type { FinishedCommand, RunCommandOptions } from '../testing/run-command.ts'
import { writeTinyGguf } from '../testing/tiny-gguf.ts'
import { commandEntries } from './commands.gen.ts'

let folder = ''
const servers: Server[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'llama-cli-'))
})

afterAll(() => rm(folder, { recursive: true, force: true }))

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

/** Runs a command line in an empty home, without the variables of the machine that runs the tests. */
const run = (words: readonly string[], options: Partial<RunCommandOptions> = {}): Promise<FinishedCommand> =>
  runCommand(words, { home: folder, ...options })

/** A server that answers as it is told, or a port that is closed again. */
async function listenOnce(handler?: RequestListener): Promise<number> {
  const server = createServer(handler)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // A listening TCP server has an address with a port.
  const { port } = server.address() as AddressInfo
  if (handler === undefined) await new Promise((resolve) => server.close(resolve))
  else servers.push(server)
  return port
}

describe('help', () => {
  it('lists every command under its heading', async () => {
    const { code, stdout, stderr } = await run(['--help'])
    expect(code).toBe(0)
    expect(stderr).toBe('')
    for (const { path, summary } of commandEntries) expect(stdout).toMatch(new RegExp(`^  ${path} +${summary}$`, 'm'))
    expect(stdout.match(/^(Serve|Use|Look|Configure)$/gm)).toEqual(['Serve', 'Use', 'Look', 'Configure'])
  })

  it.each(commandEntries.map(({ path }) => [path] as const))(
    'of %s has its usage, options and three examples',
    async (path) => {
      const { code, stdout } = await run([...path.split(' '), '--help'])
      expect(code).toBe(0)
      expect(stdout).toContain(`Usage  llama ${path}`)
      expect(stdout).toContain('--json')
      expect(stdout.slice(stdout.indexOf('\nExamples\n')).trimEnd().split('\n')).toHaveLength(5)
    },
  )

  it('explains a family of commands, on stderr where a word is missing', async () => {
    const missing = await run(['stack'])
    expect(missing).toMatchObject({ code: 2, stdout: '' })
    expect(missing.stderr).toContain('stack list-apis')
    const asked = await run(['stack', '--help'])
    expect(asked).toMatchObject({ code: 0, stderr: '' })
    expect(asked.stdout).toContain('stack run ')
  })
})

describe('what cannot be understood', () => {
  it.each([
    [['modles'], "error[command-usage]  No command 'modles'. Did you mean: llama models?"],
    [['stack', 'lst'], "error[command-usage]  No command 'stack lst'. Did you mean: llama stack list?"],
    [['deploy'], "error[command-usage]  No command 'deploy'.\n  Fix   See llama --help."],
    [['./run.yaml'], 'Fix   To start a configuration file: llama run ./run.yaml'],
    [['models', '--urll', 'x'], 'has no option --urll. Did you mean --url?'],
    [['run', '--workers', '0'], '--workers'],
    [['run', '--workers', '2', '--record', 'a'], 'Add --workers 1.'],
    [['run', '--record', 'a', '--replay', 'b'], '--record and --replay exclude each other.'],
    [['run', '--env', 'OPENAI_API_KEY'], "--env 'OPENAI_API_KEY' is no assignment."],
    [['run', '--providers', 'inference=remote::olama'], "Did you mean 'remote::ollama'?"],
  ])('%j ends with 2', async (words, message) => {
    const { code, stdout, stderr } = await run(words)
    expect(stderr).toContain(message)
    expect(code).toBe(2)
    expect(stdout).toBe('')
  })

  it('is one JSON object with --json', async () => {
    const { code, stderr } = await run(['modles', '--json'])
    expect(code).toBe(2)
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'command_usage', fix: 'See llama --help.' } })
  })
})

describe('--json', () => {
  it.each([
    [['version'], expect.objectContaining({ version: expect.any(String), node: process.versions.node })],
    [['explain', 'port-in-use'], expect.objectContaining({ code: 'port_in_use', exitCode: 3 })],
    [['stack', 'list'], expect.arrayContaining([{ name: 'starter', from: 'shipped' }])],
    [['stack', 'list-apis'], expect.arrayContaining([expect.objectContaining({ api: 'inference' })])],
    [
      ['stack', 'list-providers'],
      expect.arrayContaining([expect.objectContaining({ type: 'remote::ollama', served: 'yes' })]),
    ],
    [['config', 'check', 'starter'], expect.objectContaining({ name: 'starter' })],
    [['doctor', '--url', 'http://127.0.0.1:1', '--port', '65000'], { ok: true, checks: expect.any(Array) }],
  ])('of %j is one value on stdout and nothing on stderr', async (words, expected) => {
    const { code, stdout, stderr } = await run([...words, '--json'])
    expect(JSON.parse(stdout)).toEqual(expected)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  })
})

const faulty = `version: 2
image_name: broken
apis: [inference]
providers:
  inference:
  - provider_id: openai
    provider_type: remote::openai
    config:
      api_key: \${env.OPENAI_API_KEY}
`

describe('a configuration', () => {
  it('that needs a variable ends with 4 and shows the place', async () => {
    await writeFile(join(folder, 'run.yaml'), faulty)
    const { code, stderr } = await run(['run', 'run.yaml', '--port', '0'])
    expect(code).toBe(4)
    expect(stderr).toContain('error[config-env]  OPENAI_API_KEY is not set')
    expect(stderr).toContain(
      [
        '  run.yaml:9:16      api_key: ${env.OPENAI_API_KEY}',
        '                              ^^^^^^^^^^^^^^^^^^^^^',
      ].join('\n'),
    )
  })

  it('with an unknown setting ends with 4, names the line and suggests the right one', async () => {
    await writeFile(
      join(folder, 'typo.yaml'),
      faulty.replace('api_key: ${env.OPENAI_API_KEY}', 'api_kye: secret-0123456789'),
    )
    for (const words of [
      ['run', 'typo.yaml', '--port', '0'],
      ['config', 'check', 'typo.yaml'],
    ]) {
      const { code, stderr } = await run(words)
      expect(code).toBe(4)
      expect(stderr).toContain("remote::openai has no setting 'api_kye'. Did you mean 'api_key'?")
      expect(stderr).toContain('typo.yaml:9:7')
      expect(stderr).not.toContain('secret-0123456789')
    }
  })

  it('that does not exist ends with 4', async () => {
    const { code, stderr } = await run(['run', './absent.yaml'])
    expect(code).toBe(4)
    expect(stderr).toContain("No configuration file or distribution named './absent.yaml'.")
  })

  it('is explained by config check and turned into the second dialect by config convert', async () => {
    await writeFile(join(folder, 'good.yaml'), faulty)
    const check = await run(['config', 'check', 'good.yaml', '--env', 'OPENAI_API_KEY=sk-0123456789abcd'])
    expect(check).toMatchObject({ code: 0, stdout: expect.stringContaining('inference: openai') })
    expect(check.stdout + check.stderr).not.toContain('sk-0123456789abcd')
    const converted = await run(['config', 'convert', 'good.yaml', '-o', 'converted.yaml'])
    expect(converted).toMatchObject({ code: 0, stdout: expect.stringContaining('converted.yaml') })
    expect(await readFile(join(folder, 'converted.yaml'), 'utf8')).toContain('api_key: ${env.OPENAI_API_KEY}')
    const again = await run(['config', 'convert', 'good.yaml', '-o', 'converted.yaml'])
    expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining('exists already') })
  })
})

/** Answers chats with these events, whatever is asked. */
function chatServer(events: readonly unknown[], asked: unknown[] = []): Promise<number> {
  return listenOnce((request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += String(chunk)))
    request.on('end', () => {
      asked.push({ path: request.url, key: request.headers.authorization, body: JSON.parse(body) })
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      for (const event of events) response.write(`data: ${JSON.stringify(event)}\n\n`)
      response.end('data: [DONE]\n\n')
    })
  })
}

const piece = (content: string) => ({ model: 'demo/m', choices: [{ index: 0, delta: { content } }] })

describe('client commands', () => {
  it('end with 6 where no server answers', async () => {
    const url = `http://127.0.0.1:${await listenOnce()}`
    const { code, stderr } = await run(['models', '--url', url])
    expect(code).toBe(6)
    expect(stderr).toContain(`error[server-unreachable]  No server answers at ${url}: the connection was refused.`)
  })

  it('end with 5 where the key is wrong, in the words of the server', async () => {
    const reply = {
      error: { message: 'An API key is required. Send it.', type: 'authentication_error', code: 'api_key_required' },
    }
    const port = await listenOnce((_request, response) => response.writeHead(401).end(JSON.stringify(reply)))
    const { code, stderr } = await run(['models', '--url', `http://127.0.0.1:${port}`])
    expect(stderr).toContain('error[api-key-required]  An API key is required. Send it.')
    expect(code).toBe(5)
  })

  it('chat: prints the answer as it comes, the prompt above what is piped in', async () => {
    const asked: unknown[] = []
    const port = await chatServer([piece('Hel'), piece('lo'), { choices: [], usage: {} }], asked)
    const words = ['chat', 'm', '-p', 'Sum up', '--system', 'Be short', '--max-tokens', '9', '--key', 'k']
    const { code, stdout } = await run([...words, '--url', `http://127.0.0.1:${port}/v1/`], { input: 'a text\n' })
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'Hello\n' })
    const messages = [
      { role: 'system', content: 'Be short' },
      { role: 'user', content: 'Sum up\n\na text' },
    ]
    expect(asked).toEqual([
      { path: '/v1/chat/completions', key: 'Bearer k', body: { model: 'm', stream: true, max_tokens: 9, messages } },
    ])
  })

  it('chat: ends with 1 when the stream breaks off with an error', async () => {
    const port = await chatServer([
      piece('Hel'),
      { error: { message: 'The vendor hung up.', code: 'provider_stream_broken' } },
    ])
    const { code, stdout, stderr } = await run(['chat', '-p', 'x', '--url', `http://127.0.0.1:${port}`])
    expect({ code, stdout }).toEqual({ code: 1, stdout: 'Hel' })
    expect(stderr).toContain('error[provider-stream-broken]  The vendor hung up.')
  })

  it('chat: has nothing to ask without a prompt', async () => {
    expect(await run(['chat'])).toMatchObject({ code: 2, stderr: expect.stringContaining('There is nothing to ask.') })
  })

  describe('[B052] pull a GGUF file', () => {
    const gguf = (): Buffer => {
      const path = join(folder, 'source.gguf')
      writeTinyGguf(path)
      return readFileSync(path)
    }
    /** Sends the half of it at first, then what is asked for. */
    const flaky =
      (content: Buffer): RequestListener =>
      ({ headers }, response) => {
        const start = Number(/\d+/.exec(headers.range ?? '')?.[0] ?? 0)
        const head = { etag: '"1"', 'content-length': content.length - start }
        if (start > 0) {
          const range = `bytes ${start}-${content.length - 1}/${content.length}`
          response.writeHead(206, { ...head, 'content-range': range }).end(content.subarray(start))
        } else {
          response
            .writeHead(200, head)
            .write(content.subarray(0, 150_000), () => setTimeout(() => response.destroy(), 20))
        }
      }

    it('from Hugging Face, over a connection that breaks off', async () => {
      const content = gguf()
      const port = await listenOnce(flaky(content))
      const env = { HF_ENDPOINT: `http://127.0.0.1:${port}` }
      const { code, stdout, stderr } = await run(['models', 'pull', 'hf:acme/tiny/tiny.gguf'], { env })
      expect({ code, stdout }).toEqual({ code: 0, stdout: 'hf:acme/tiny/tiny.gguf is there.\n' })
      expect(stderr).toMatch(/^tiny\.gguf {2}\d\d %.*\n(?:.*\n)*tiny\.gguf {2}100 %/)
      expect(stderr).toContain('Use it: llama chat llama-cpp/tiny')
      expect(readFileSync(join(folder, '.llama-stack/models/tiny.gguf')).equals(content)).toBe(true)
    })

    it('from a URL into a folder, as JSON, with its checksum', async () => {
      const content = gguf()
      const url = `http://127.0.0.1:${await listenOnce((_, response) => response.end(content))}/a.gguf?key=secret`
      const sha256 = createHash('sha256').update(content).digest('hex')
      const pull = (sum: string) => run(['models', 'pull', url, '--folder', '~/other', '--sha256', sum, '--json'])
      const wrong = await pull('0'.repeat(64))
      expect(wrong.code).toBe(1)
      expect(wrong.stderr).not.toContain('secret')
      const { code, stdout } = await pull(sha256)
      expect(code).toBe(0)
      expect(JSON.parse(stdout)).toEqual({
        model: url.replace('?key=secret', ''),
        bytes: content.length,
        path: join(folder, 'other/a.gguf'),
      })
    })

    it('but nothing else', async () => {
      const port = await listenOnce((_, response) => response.end('<html>Please log in</html>'))
      const page = await run(['models', 'pull', `http://127.0.0.1:${port}/page.gguf`])
      expect(page.code).toBe(6)
      expect(page.stderr).toContain('no GGUF file')
      expect(existsSync(join(folder, '.llama-stack/models/page.gguf'))).toBe(false)
      expect((await run(['models', 'pull', 'hf:acme/tiny/README.md'])).code).toBe(2)
    })
  })

  describe('[B052] pull a model with Ollama', () => {
    const layer = (completed: number) => ({ status: 'pulling abc', digest: 'sha256:abc', total: 100, completed })

    /** Each attempt gets the lines of its turn; a connection is cut after those of all turns but the last. */
    async function ollama(...turns: readonly (readonly object[])[]): Promise<{ port: number; attempts: () => number }> {
      let attempt = 0
      const port = await listenOnce((_request, response) => {
        const lines = turns[attempt] ?? []
        attempt += 1
        response.writeHead(200, { 'content-type': 'application/x-ndjson' })
        response.write(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
        if (attempt >= turns.length) response.end()
        else setTimeout(() => response.destroy(), 20)
      })
      return { port, attempts: () => attempt }
    }
    const pull = (port: number) => run(['models', 'pull', 'm:1b', '--ollama', `127.0.0.1:${port}`])

    it('and log its progress', async () => {
      const { port } = await ollama([
        { status: 'pulling manifest' },
        layer(0),
        layer(40),
        layer(100),
        { status: 'success' },
      ])
      const { code, stdout, stderr } = await pull(port)
      expect(stderr).toContain('m:1b abc  40 %')
      expect(stdout).toBe('m:1b is there.\n')
      expect(code).toBe(0)
    })

    it('and go on where the connection broke off', async () => {
      const { port, attempts } = await ollama([layer(10), layer(40)], [layer(40), layer(100), { status: 'success' }])
      expect(await pull(port)).toMatchObject({ code: 0, stdout: 'm:1b is there.\n' })
      expect(attempts()).toBe(2)
    })

    it('and give up when nothing more comes', async () => {
      const passing = { error: 'max retries exceeded: EOF' }
      const { port, attempts } = await ollama(
        [layer(10), passing],
        [layer(10), passing],
        [passing],
        [passing],
        [passing],
      )
      const { code, stdout, stderr } = await pull(port)
      expect({ code, stdout }).toEqual({ code: expect.any(Number), stdout: '' })
      expect(code).not.toBe(0)
      expect(stderr).toContain('max retries exceeded: EOF')
      expect(attempts()).toBe(4)
    })

    it('and do not try again what cannot come', async () => {
      const { port, attempts } = await ollama([{ error: 'pull model manifest: file does not exist' }])
      expect((await pull(port)).stderr).toContain('file does not exist')
      expect(attempts()).toBe(1)
    })

    it('and do not take an early end for a success', async () => {
      const { port } = await ollama([layer(100)])
      expect((await pull(port)).stdout).toBe('')
    })
  })
})
