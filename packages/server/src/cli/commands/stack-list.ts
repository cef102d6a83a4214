import { defineCommand } from '../command.ts'

/** `llama stack list`: the names that `llama run` accepts. */
export const command = defineCommand({
  path: ['stack', 'list'],
  aliases: ['distributions'],
  group: 'Look',
  summary: 'List the distributions that llama run accepts by name',
  arguments: {},
  options: {},
  examples: [
    { command: 'llama stack list', shows: 'shipped ones, and those built earlier with upstream' },
    { command: 'llama stack list --json', shows: 'for a program' },
    { command: 'llama stack run starter', shows: 'start one' },
  ],
  async run({ options, context }) {
    const [{ listAllDistributions }, { toOutput }, { renderTable }] = await Promise.all([
      import('../distributions.ts'),
      import('../output.ts'),
      import('../table.ts'),
    ])
    const all = await listAllDistributions(context)
    const output = toOutput(context, options)
    output.result(all, () =>
      renderTable(
        all,
        [
          { title: 'NAME', value: ({ name }) => name },
          { title: 'FROM', value: ({ from }) => from },
        ],
        output.terminal,
      ),
    )
    output.note('Start one: llama run NAME')
    return 0
  },
})
