import { defineCommand } from '../command.ts'

/** `llama explain`: what an error code means. */
export const command = defineCommand({
  path: ['explain'],
  group: 'Look',
  summary: 'Say what an error code means and what to do about it',
  details: 'The codes are the same in the API (error.code) and on the command line. Works without a server.',
  arguments: { code: { description: 'The code, with dashes or underscores. Without it, all codes are listed.' } },
  options: {},
  examples: [
    { command: 'llama explain port-in-use', shows: 'one code' },
    { command: 'llama explain', shows: 'all codes' },
    { command: 'llama explain model_not_found --json', shows: 'one code, for a program' },
  ],
  async run({ args, options, context }) {
    const [{ explainAll, explainCode }, { toDashes }, { toOutput }, { renderTable }] = await Promise.all([
      import('../explain-error.ts'),
      import('../render-error.ts'),
      import('../output.ts'),
      import('../table.ts'),
    ])
    const output = toOutput(context, options)
    if (args.code === undefined) {
      const all = explainAll()
      output.result(all, () =>
        renderTable(
          all,
          [
            { title: 'CODE', value: (row) => toDashes(row.code) },
            {
              title: 'HTTP',
              value: (row) => (typeof row.status === 'number' ? String(row.status) : '*'),
              dropOrder: 1,
            },
            { title: 'EXIT', value: (row) => String(row.exitCode), dropOrder: 2 },
            { title: 'MESSAGE', value: (row) => row.message },
          ],
          output.terminal,
        ),
      )
      output.note('One code in full: llama explain CODE')
      return 0
    }
    const found = explainCode(args.code)
    output.result(found, () =>
      [
        output.terminal.paint('bold', toDashes(found.code)),
        `  ${found.message}`,
        ...(found.fix === undefined ? [] : [`  ${found.fix}`]),
        '',
        `  API        HTTP ${found.status}, type ${found.type}, code ${found.code}`,
        `  Exit code  ${found.exitCode}`,
        `  Retry      ${found.retryable ? 'the same request may succeed later' : 'only after a change'}`,
        '',
      ].join('\n'),
    )
    return 0
  },
})
