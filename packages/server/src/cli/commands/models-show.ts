import { defineCommand } from '../command.ts'
import { serverOptions } from '../server-options.ts'

/** `llama models show`: one model in full. */
export const command = defineCommand({
  path: ['models', 'show'],
  aliases: ['model describe'],
  group: 'Use',
  summary: 'Show one model of the running server',
  arguments: { model: { required: true, description: 'The id, as llama models lists it.' } },
  options: serverOptions,
  examples: [
    { command: 'llama models show demo/assistant', shows: 'a model that is always there' },
    { command: 'llama models show ollama/qwen3:8b', shows: 'a local model' },
    { command: 'llama models show demo/lexical --json', shows: 'for a program' },
  ],
  async run({ args, options, context }) {
    const [{ getModel }, { toServerClient }, { toOutput }, { toFactLines }] = await Promise.all([
      import('../server-models.ts'),
      import('../server-client.ts'),
      import('../output.ts'),
      import('../fact-words.ts'),
    ])
    const client = toServerClient(options, context.fetch, context.interrupts.signal)
    const model = await getModel(client, args.model)
    toOutput(context, options).result(model, () =>
      [
        model.id,
        `  Type      ${model.type}`,
        `  Provider  ${model.providerId} (as ${model.resourceId})`,
        ...toFactLines(model.facts, model.sources),
        ...Object.entries(model.metadata)
          .filter(([name]) => !(name in model.facts))
          .map(([name, value]) => `  ${name}  ${JSON.stringify(value)}`),
        '',
      ].join('\n'),
    )
    return 0
  },
})
