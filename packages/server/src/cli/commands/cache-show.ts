import { defineCommand } from '../command.ts'
import { serverOptions } from '../server-options.ts'

/** `llama cache`: what the response cache holds. */
export const command = defineCommand({
  path: ['cache', 'show'],
  aliases: ['cache'],
  group: 'Look',
  summary: 'Show what the response cache of the running server holds',
  arguments: {},
  options: serverOptions,
  examples: [
    { command: 'llama cache', shows: 'by operation and model' },
    { command: 'llama cache --key KEY', shows: 'what is kept for another key, and the id of that key' },
    { command: 'llama cache --json | jq .bytes', shows: 'its size, for a script' },
  ],
  async run({ options, context }) {
    const [{ getCacheStatus }, { toServerClient }, { toOutput }, { renderTable }] = await Promise.all([
      import('../server-cache.ts'),
      import('../server-client.ts'),
      import('../output.ts'),
      import('../table.ts'),
    ])
    const client = toServerClient(options, context.fetch, context.interrupts.signal)
    const status = await getCacheStatus(client)
    const output = toOutput(context, options)
    output.result(status, () =>
      renderTable(
        status.data,
        [
          { title: 'MODEL', value: ({ model }) => model },
          { title: 'OPERATION', value: ({ operation }) => operation },
          { title: 'ANSWERS', value: ({ entries }) => `${entries}`, align: 'right' },
          { title: 'BYTES', value: ({ bytes }) => `${bytes}`, align: 'right' },
        ],
        output.terminal,
      ),
    )
    const { entries, bytes, max_bytes: maxBytes, hits, misses, joined, owner } = status
    output.note(`${entries} answers, ${bytes} of ${maxBytes} bytes, for ${status.shared ? 'all callers' : owner}`)
    output.note(`Since the start: ${hits} hits, ${misses} misses, ${joined} joined`)
    if (!status.enabled) output.note('The cache is off: response_cache.enabled, or the server records or replays.')
    return 0
  },
})
