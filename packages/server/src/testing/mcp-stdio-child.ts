/** The MCP server of tests as a child process: `stdioMcpServer()` says how to start it. */
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { toNewServer } from './mcp-test-dialogue.ts'
import { standardMcpTools, textReply } from './mcp-test-tools.ts'

const variables = {
  name: 'variables',
  description: 'Lists the names of the variables that this process sees.',
  inputSchema: { type: 'object' },
  run: () => textReply(Object.keys(process.env).toSorted().join(' ')),
}

const exit = {
  name: 'exit',
  description: 'Ends the process.',
  inputSchema: { type: 'object' },
  run: () => process.exit(1),
}

const state = {
  tools: [...standardMcpTools, variables, exit],
  pageSize: Number.MAX_SAFE_INTEGER,
  listTtlMs: 0,
  calls: [],
  lists: 0,
}

serveStdio(() => toNewServer(state, () => ({ headers: {}, cut: () => process.exit(1) })))
