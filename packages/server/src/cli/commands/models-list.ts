import { defineCommand } from '../command.ts'
import { serverOptions } from '../server-options.ts'

/** `llama models`: what the running server can use. */
export const command = defineCommand({
  path: ['models', 'list'],
  aliases: ['models', 'model list'],
  group: 'Use',
  summary: 'List the models of the running server',
  arguments: {},
  options: {
    ...serverOptions,
    type: { type: 'string', choices: ['llm', 'embedding', 'rerank'], description: 'Only models of this type' },
    provider: { type: 'string', placeholder: 'ID', description: 'Only models of this provider' },
  },
  examples: [
    { command: 'llama models', shows: 'all models' },
    { command: 'llama models list --type embedding', shows: 'those that make vectors' },
    { command: 'llama models --json | jq -r .[].id', shows: 'the ids, for a script' },
  ],
  async run({ options, context }) {
    const [{ listModels }, { toServerClient }, { toOutput }, { renderTable }, words] = await Promise.all([
      import('../server-models.ts'),
      import('../server-client.ts'),
      import('../output.ts'),
      import('../table.ts'),
      import('../fact-words.ts'),
    ])
    const client = toServerClient(options, context.fetch, context.interrupts.signal)
    const models = (await listModels(client)).filter(
      (model) =>
        (options.type === undefined || model.type === options.type) &&
        (options.provider === undefined || model.providerId === options.provider),
    )
    const output = toOutput(context, options)
    output.result(models, () =>
      renderTable(
        models,
        [
          { title: 'MODEL', value: (model) => model.id },
          { title: 'TYPE', value: (model) => model.type, dropOrder: 1 },
          { title: 'PROVIDER', value: (model) => model.providerId, dropOrder: 2 },
          {
            title: 'CONTEXT',
            value: ({ facts }) => words.toCountWords(facts.context_length),
            align: 'right',
            dropOrder: 3,
          },
          {
            title: '$ IN',
            value: ({ facts }) => words.toDollarWords(facts.price?.input),
            align: 'right',
            dropOrder: 5,
          },
          {
            title: '$ OUT',
            value: ({ facts }) => words.toDollarWords(facts.price?.output),
            align: 'right',
            dropOrder: 5,
          },
          { title: 'CAN', value: ({ facts }) => words.toAbilityWords(facts), dropOrder: 4 },
        ],
        output.terminal,
      ),
    )
    const first = models.find((model) => model.type === 'llm')
    if (models.length === 0) output.note('No models. See which providers are on: llama doctor')
    else if (first !== undefined) output.note(`Talk to one: llama chat ${first.id}`)
    return 0
  },
})
