import { defineCommand } from '../command.ts'
import { serverOptions } from '../server-options.ts'

/** `llama cache clear`: forgets answers. */
export const command = defineCommand({
  path: ['cache', 'clear'],
  group: 'Look',
  summary: 'Clear the response cache of the running server',
  arguments: {},
  options: {
    ...serverOptions,
    model: { type: 'string', placeholder: 'MODEL', description: 'Only answers of this model, as it was asked for' },
  },
  examples: [
    { command: 'llama cache clear', shows: 'all answers of this caller' },
    { command: 'llama cache clear --model chat', shows: 'those of one model or alias' },
    { command: 'llama cache clear --json', shows: 'how many there were, for a script' },
  ],
  async run({ options, context }) {
    const [{ clearCache }, { toServerClient }, { toOutput }] = await Promise.all([
      import('../server-cache.ts'),
      import('../server-client.ts'),
      import('../output.ts'),
    ])
    const client = toServerClient(options, context.fetch, context.interrupts.signal)
    const deleted = await clearCache(client, options.model)
    toOutput(context, options).result({ deleted }, () => `Deleted ${deleted} answers.\n`)
    return 0
  },
})
