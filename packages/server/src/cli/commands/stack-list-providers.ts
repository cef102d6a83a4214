import { defineCommand } from '../command.ts'

/** `llama stack list-providers`: the provider types that a configuration may name. */
export const command = defineCommand({
  path: ['stack', 'list-providers'],
  aliases: ['providers'],
  group: 'Look',
  summary: 'List the provider types that a configuration may name',
  arguments: { api: { description: 'Only those of this API.' } },
  options: { all: { type: 'boolean', description: "Also the types of upstream that this version doesn't serve" } },
  examples: [
    { command: 'llama stack list-providers inference', shows: 'those of one API' },
    {
      command: 'llama stack list-providers --all',
      shows: 'all that upstream has, with the reason where one is missing',
    },
    { command: 'llama stack list-providers --json', shows: 'for a program' },
  ],
  async run({ args, options, context }) {
    const [{ listProviderTypes }, { toOutput }, { renderTable }] = await Promise.all([
      import('../provider-types.ts'),
      import('../output.ts'),
      import('../table.ts'),
    ])
    const types = listProviderTypes(args.api, options.all)
    const output = toOutput(context, options)
    output.result(types, () =>
      renderTable(
        types,
        [
          { title: 'API', value: ({ api }) => api, dropOrder: 1 },
          { title: 'PROVIDER TYPE', value: ({ type }) => type },
          { title: 'SERVED', value: ({ served }) => served, dropOrder: 3 },
          { title: 'DESCRIPTION', value: ({ description }) => description, dropOrder: 2 },
        ],
        output.terminal,
      ),
    )
    if (!options.all) output.note('With those that are not served yet: llama stack list-providers --all')
    return 0
  },
})
