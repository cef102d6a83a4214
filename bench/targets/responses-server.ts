/**
 * Entry of a program that runs the stack with a function of its own: `node responses-server.ts <ProgramJob as JSON>`.
 *
 * It stands on the built package, as a program of somebody else does.
 */
import { join } from 'node:path'
import { createStack, defineTool } from 'llama-stack'
import { mcpEchoTool } from '../mock/mcp-echo-tool.ts'

/** Where the program listens and keeps its data, and its model's provider. */
export type ProgramJob = {
  readonly port: number
  readonly directory: string
  readonly provider: { readonly id: string; readonly baseUrl: string }
}

const echo = defineTool({
  name: mcpEchoTool.name,
  description: mcpEchoTool.description,
  parameters: mcpEchoTool.inputSchema,
  repeatable: true,
  execute: (told) => JSON.stringify(told),
})

async function main({ port, directory, provider }: ProgramJob): Promise<void> {
  const stack = await createStack({
    config: {
      name: 'bench',
      dataDir: directory,
      storage: { sql: { type: 'sqlite', path: join(directory, 'stack.db') } },
      providers: [
        {
          api: 'inference',
          id: provider.id,
          type: 'remote::openai',
          config: { base_url: provider.baseUrl, api_key: 'bench-dummy-key' },
        },
      ],
    },
    tools: [echo],
  })
  await stack.listen({ port, host: '127.0.0.1' })
  process.once('SIGTERM', () => void stack.close({ force: true }).then(() => process.exit(0)))
}

// The harness writes this argument itself, from a ProgramJob.
await main(JSON.parse(process.argv[2] ?? '') as ProgramJob)
