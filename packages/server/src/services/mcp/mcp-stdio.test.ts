import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { createMcpRig, mcpCaller, toConnector } from '../../testing/mcp-rig.ts'
import { stdioMcpServer } from '../../testing/mcp-servers.ts'

/** Begins every program: a start is one more character in a file. */
const NOTE_START = "require('node:fs').appendFileSync(process.env.STARTS, 'x');"

/** Speaks 2025-11-25; `otherwise` is what it does with the question for later versions. */
const older = (otherwise: string): string => `
  const results = {
    initialize: { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'o', version: '1' } },
    'tools/call': { content: [{ type: 'text', text: '3' }] },
  }
  const say = (id, more) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', id, ...more }) + '\\n')
  let isOffended = false
  require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
    const { id, method } = JSON.parse(line)
    if (id === undefined) return
    if (method in results && !isOffended) return say(id, { result: results[method] })
    ${otherwise}
  })`

const refuses = "say(id, { error: { code: -32601, message: 'no such method' } })"
const [newest = ''] = stdioMcpServer().args

test.each<[string, string, readonly number[]]>([
  ['knows the question for its version', `import(${JSON.stringify(newest)})`, [1, 2]],
  ['refuses the question for its version', older(refuses), [1, 2]],
  // Once it is known for that, it is not asked again.
  ['ends at the question for its version', older('process.exit(1)'), [2, 3]],
  ['refuses everything after the question for its version', older(`isOffended = true; ${refuses}`), [2, 3]],
])(
  'a program that %s is started as often as it has to be',
  async (_name, program, starts) => {
    const folder = await mkdtemp(join(tmpdir(), 'mcp-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const file = join(folder, 'starts')
    const endpoint = {
      transport: 'stdio',
      command: process.execPath,
      args: ['-e', NOTE_START + program],
      env: { STARTS: file },
    } as const
    const connectors = [toConnector('child', '', { endpoint })]
    await using rig = createMcpRig({ connectors, policy: { connectTimeoutMs: 20_000, idleMs: 20 } })
    for (const expected of starts) {
      const call = { name: 'add', arguments: { a: 1, b: 2 }, callId: 'call_1' }
      const outcome = await rig.host.callTool({ label: 'a', connectorId: 'child' }, call, mcpCaller())
      expect(outcome.text).toBe('3')
      expect(await readFile(file, 'utf8')).toHaveLength(expected)
      // Until nobody has used it for so long that it is closed.
      await sleep(300)
    }
  },
  60_000,
)
