import { defineCommand } from '../command.ts'

/** `llama version`: which version this is. */
export const command = defineCommand({
  path: ['version'],
  group: 'Look',
  summary: 'Show the version of llama and of Node',
  arguments: {},
  options: {},
  examples: [
    { command: 'llama version', shows: 'for people' },
    { command: 'llama version --json', shows: 'for a program' },
    { command: 'llama --version', shows: 'the habit of other programs' },
  ],
  async run({ options, context }) {
    const [{ VERSION }, { toOutput }] = await Promise.all([import('../../kernel/version.ts'), import('../output.ts')])
    const { node } = process.versions
    const platform = `${process.platform}-${process.arch}`
    toOutput(context, options).result(
      { version: VERSION, node, platform },
      () => `llama ${VERSION}  Node ${node}  ${platform}
`,
    )
    return 0
  },
})
