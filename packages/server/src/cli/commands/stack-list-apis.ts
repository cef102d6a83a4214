import { defineCommand } from '../command.ts'

/** `llama stack list-apis`: the APIs that have providers. */
export const command = defineCommand({
  path: ['stack', 'list-apis'],
  group: 'Look',
  summary: 'List the APIs and how many of their provider types are served',
  arguments: {},
  options: {},
  examples: [
    { command: 'llama stack list-apis', shows: 'all APIs of both generations' },
    { command: 'llama stack list-apis --json', shows: 'for a program' },
    { command: 'llama stack list-providers inference', shows: 'the providers of one' },
  ],
  async run({ options, context }) {
    const [{ listApis }, { toOutput }, { renderTable }] = await Promise.all([
      import('../provider-types.ts'),
      import('../output.ts'),
      import('../table.ts'),
    ])
    const apis = listApis()
    const output = toOutput(context, options)
    output.result(apis, () =>
      renderTable(
        apis,
        [
          { title: 'API', value: ({ api }) => api },
          { title: 'SERVED', value: ({ served }) => String(served), align: 'right' },
          { title: 'KNOWN', value: ({ known }) => String(known), align: 'right' },
        ],
        output.terminal,
      ),
    )
    output.note('The providers of one: llama stack list-providers API')
    return 0
  },
})
