import { defineCommand } from '../command.ts'

/** `llama config check`: what a configuration amounts to, without starting it. */
export const command = defineCommand({
  path: ['config', 'check'],
  aliases: ['check'],
  group: 'Configure',
  summary: 'Say what a configuration amounts to, and what is wrong with it',
  details: 'Faults end with 4 and name the line. With --strict, what this version does not serve ends with 1.',
  arguments: { config: { required: true, description: 'A file or the name of a distribution.' } },
  options: {
    env: { type: 'strings', placeholder: 'KEY=VALUE', description: 'Set a variable for the configuration' },
    strict: { type: 'boolean', description: 'Fail when something is not served or not known' },
  },
  examples: [
    { command: 'llama config check ./run.yaml', shows: 'a file' },
    {
      command: 'llama config check starter --env OLLAMA_URL=http://localhost:11434',
      shows: 'a distribution with a variable',
    },
    { command: 'llama config check ./config.yaml --strict --json', shows: 'in CI' },
  ],
  async run({ args, options, context }) {
    const [{ explainConfigFile, renderExplanation }, { toOutput }, { exitCodes }] = await Promise.all([
      import('../config-check.ts'),
      import('../output.ts'),
      import('../exit-code.ts'),
    ])
    const output = toOutput(context, options)
    const explanation = await explainConfigFile(args.config, options.env, context)
    output.result(explanation, () => renderExplanation(explanation, output.terminal))
    output.note(`Start it: llama run ${args.config}`)
    const missing = explanation.unsupported.length + explanation.unknown.length
    return options.strict && missing > 0 ? exitCodes.failed : exitCodes.ok
  },
})
