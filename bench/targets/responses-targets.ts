import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Unavailable } from '../harness/bench-error.ts'
import { oursModel, toMockProvider, toOursProgram } from './ours.ts'
import type { ProgramJob } from './responses-server.ts'
import type { TargetPlan } from './target.ts'

/** The connector under which the server knows the MCP server. */
export const echoConnector = 'echo'

/** The name of {@link toOursWithMcp}'s target. */
export const oursWithMcpName = 'ours'

/** Our server as it is shipped, with an MCP server that its operator has named. */
export function toOursWithMcp(mcpPort: number): TargetPlan {
  return {
    name: oursWithMcpName,
    role: 'ours',
    model: oursModel,
    toHeaders: () => ({}),
    exact: false,
    async toProgram(site) {
      const more = `connectors:\n- {connector_id: ${echoConnector}, url: "http://127.0.0.1:${mcpPort}/mcp"}\n`
      return toOursProgram(site, { providers: [toMockProvider(site)], store: true, more })
    },
  }
}

/** A program that runs the stack with a function of its own. */
export const ownProgramTarget: TargetPlan = {
  name: 'own program',
  role: 'ours',
  model: oursModel,
  toHeaders: () => ({}),
  exact: false,
  async toProgram(site) {
    if (!existsSync(join(site.root, 'packages/server/dist/index.js')))
      throw new Unavailable('packages/server/dist is not built (npm run build)')
    const temporary = join(site.directory, 'tmp')
    mkdirSync(temporary, { recursive: true })
    const job: ProgramJob = { port: site.port, directory: site.directory, provider: toMockProvider(site) }
    const env = { HOME: site.directory, TMPDIR: temporary, NODE_ENV: 'production' }
    const args = [join(import.meta.dirname, 'responses-server.ts'), JSON.stringify(job)]
    return { name: 'own program', command: process.execPath, args, env, cwd: site.directory }
  },
}
