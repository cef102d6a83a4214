import { defineCommand } from '../command.ts'
import type { ListedProviderType } from '../provider-types.ts'
import type { ServerProvider } from '../server-providers.ts'
import { serverOptions } from '../server-options.ts'

type Row = ListedProviderType & { readonly running?: readonly ServerProvider[] }

/** `llama stack list-providers`: the provider types that a configuration may name, and how the running ones are. */
export const command = defineCommand({
  path: ['stack', 'list-providers'],
  aliases: ['providers'],
  group: 'Look',
  summary: 'List the provider types that a configuration may name',
  details: 'Where a server runs, it also shows which of them it has, and how they are.',
  arguments: { api: { description: 'Only those of this API.' } },
  options: {
    ...serverOptions,
    all: { type: 'boolean', description: "Also the types of upstream that this version doesn't serve" },
  },
  examples: [
    { command: 'llama stack list-providers inference', shows: 'those of one API' },
    {
      command: 'llama stack list-providers --all',
      shows: 'all that upstream has, with the reason where one is missing',
    },
    { command: 'llama stack list-providers --json', shows: 'for a program' },
  ],
  async run({ args, options, context }) {
    const [{ listProviderTypes }, { findInstances, toInstanceWords }, { toOutput }, { renderTable }] =
      await Promise.all([
        import('../provider-types.ts'),
        import('../provider-instances.ts'),
        import('../output.ts'),
        import('../table.ts'),
      ])
    const types = listProviderTypes(args.api, options.all)
    const instances = await findInstances(options, context)
    const listed = types.map((type): Row => {
      const running = instances.filter((instance) => instance.api === type.api && instance.type === type.type)
      return running.length === 0 ? type : { ...type, running }
    })
    const output = toOutput(context, options)
    output.result(listed, () =>
      renderTable(
        listed,
        [
          { title: 'API', value: ({ api }) => api, dropOrder: 1 },
          { title: 'PROVIDER TYPE', value: ({ type }) => type },
          { title: 'SERVED', value: ({ served }) => served, dropOrder: 3 },
          ...(instances.length === 0
            ? []
            : [{ title: 'RUNNING', value: ({ running = [] }: Row) => running.map(toInstanceWords).join(', ') }]),
          { title: 'DESCRIPTION', value: ({ description }) => description, dropOrder: 2 },
        ],
        output.terminal,
      ),
    )
    if (!options.all) output.note('With those that are not served yet: llama stack list-providers --all')
    return 0
  },
})
