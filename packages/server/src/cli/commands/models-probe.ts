import { defineCommand } from '../command.ts'
import { serverOptions } from '../server-options.ts'

/** `llama models probe`: tries out what a model can do. */
export const command = defineCommand({
  path: ['models', 'probe'],
  aliases: ['model probe'],
  group: 'Use',
  summary: 'Try out what a model of the running server can do',
  details:
    'Asks it to call a tool, to follow a JSON schema and to look at a picture. These are a few short calls, which its vendor may bill. The server remembers the outcome.',
  arguments: { model: { required: true, description: 'The id, as llama models lists it.' } },
  options: serverOptions,
  examples: [
    { command: 'llama models probe demo/assistant', shows: 'with a model that is always there' },
    { command: 'llama models probe ollama/qwen3:8b', shows: 'with a local model' },
    { command: 'llama models probe vllm/my-model --json', shows: 'for a program' },
  ],
  async run({ args, options, context }) {
    const [{ probeModel }, { toServerClient }, { toOutput }, { renderTable }] = await Promise.all([
      import('../server-models.ts'),
      import('../server-client.ts'),
      import('../output.ts'),
      import('../table.ts'),
    ])
    const output = toOutput(context, options)
    output.note(`Trying ${args.model} out.`)
    const probed = await probeModel(toServerClient(options, context.fetch, context.interrupts.signal), args.model)
    output.result(probed, () =>
      renderTable(
        Object.entries(probed.probes),
        [
          { title: 'TRIED', value: ([name]) => name.replaceAll('_', ' ') },
          { title: 'CAN', value: ([, { supported }]) => (supported ? 'yes' : 'no') },
          { title: 'IT ANSWERED', value: ([, { evidence }]) => evidence.replaceAll(/\s+/g, ' '), dropOrder: 1 },
        ],
        output.terminal,
      ),
    )
    return 0
  },
})
