import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createStack } from '../../packages/server/src/stack.ts'
import type { Stack } from '../../packages/server/src/stack.ts'
import { startMcpServer, textReply } from '../../packages/server/src/testing/mcp-servers.ts'
import type { McpTestServer } from '../../packages/server/src/testing/mcp-servers.ts'
import { readBlocks, runBlock } from './run-program.ts'

const blocks = readBlocks('docs/responses.md')

let directory: string
let stack: Stack
let host: string
let wiki: McpTestServer

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'responses-page-'))
  const inputSchema = { type: 'object', properties: { query: { type: 'string' } }, required: ['query'] }
  const run = () => textReply('Llamas hum when they are content.')
  wiki = await startMcpServer({ tools: [{ name: 'ask_wiki', description: 'Asks the wiki.', inputSchema, run }] })
  stack = await createStack({
    config: {
      name: 'page',
      dataDir: directory,
      storage: { sql: { type: 'sqlite', path: join(directory, 'stack.db') } },
      providers: [
        { api: 'inference', id: 'demo', type: 'inline::demo', config: { first_token_ms: 0, token_interval_ms: 0 } },
      ],
      server: { allowPrivateUrls: true },
    },
  })
  ;({ host } = new URL((await stack.listen({ port: 0 })).url))
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
  await wiki[Symbol.asyncDispose]()
  rmSync(directory, { recursive: true, force: true })
})

/** By block, what it prints. */
const printed: Readonly<Record<string, RegExp>> = {
  'sh first': /"object":"response".*"status":"completed"/,
  'ts continue': /demo assistant/,
  'python background': /demo assistant/,
  'ts functions': /12 degrees, rain/,
  'ts approval': /Llamas hum when they are content/,
  'ts structured': /\S/,
  'sh resume': /^event: response.*"sequence_number":2.*event: response.completed/s,
  'ts web-socket': /demo assistant/,
  'ts library': /5/,
}

test('every program of the page is known here', () => {
  expect([...blocks.keys()].toSorted()).toEqual(Object.keys(printed).toSorted())
})

async function expectToRun(name: string): Promise<void> {
  const block = (blocks.get(name) ?? '').replaceAll('https://wiki.example/mcp', wiki.url)
  const { code, stdout, stderr } = await runBlock(name, block, host)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(printed[name] ?? /./)
}

const inPython = (name: string): boolean => name.startsWith('python')

test.each(Object.keys(printed).filter((name) => !inPython(name)))(
  'the program `%s` runs, and prints what it should',
  { timeout: 30_000 },
  expectToRun,
)

const hasPython = spawnSync('python3', ['-c', 'import openai']).status === 0

test.skipIf(!hasPython).each(Object.keys(printed).filter(inPython))(
  'the program `%s` runs, where python3 has the package openai',
  { timeout: 30_000 },
  expectToRun,
)
