import { defineCommand } from '../command.ts'

/** `llama config convert`: a run.yaml of Llama Stack as a config.yaml of OGX. */
export const command = defineCommand({
  path: ['config', 'convert'],
  group: 'Configure',
  summary: 'Turn a run.yaml of Llama Stack into a config.yaml of OGX',
  details:
    'The result goes to stdout with its comments and its ${env.…} expressions kept; what changed meaning is noted.',
  arguments: { file: { required: true, description: 'A run.yaml.' } },
  options: {
    output: {
      type: 'string',
      short: 'o',
      placeholder: 'FILE',
      description: 'Write here in place of stdout; never over a file',
    },
  },
  examples: [
    { command: 'llama config convert run.yaml > config.yaml', shows: 'with a shell' },
    { command: 'llama config convert run.yaml -o config.yaml', shows: 'without one' },
    { command: 'llama config convert run.yaml --json', shows: 'the text and its notes, for a program' },
  ],
  async run({ args, options, context }) {
    const { convertFile } = await import('../config-convert.ts')
    return convertFile({ file: args.file, output: options.output, options, context })
  },
})
