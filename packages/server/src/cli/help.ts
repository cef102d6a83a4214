/** `--help`: the overview, a family of commands (`llama stack`), one command. Loads no server code. */
import { commonOptions } from './command.ts'
import type { AnyCommand, CommandEntry, CommandGroup, OptionSpec } from './command.ts'
import type { Terminal } from './terminal.ts'

const groupOrder: readonly CommandGroup[] = ['Serve', 'Use', 'Look', 'Configure']

const overviewExamples = Object.freeze([
  ['llama', 'start with what is found here: keys, Ollama, vLLM, llama.cpp'],
  ['llama run starter', 'start a distribution or a configuration file'],
  ['llama chat -p "Say hello"', 'ask the running server'],
] as const)

/** The help of `llama --help`. */
export function renderOverview(entries: readonly CommandEntry[], terminal: Terminal): string {
  const width = Math.max(...entries.map((entry) => entry.path.length))
  const groups = groupOrder.flatMap((group) => {
    const lines = entries
      .filter((entry) => entry.group === group)
      .map((entry) => `  ${entry.path.padEnd(width)}  ${entry.summary}`)
    return lines.length === 0 ? [] : [terminal.paint('bold', group), ...lines, '']
  })
  return lines([
    'Llama Stack: any model behind one API.',
    '',
    `${terminal.paint('bold', 'Usage')}  llama [command] [options]     without a command: llama run`,
    '',
    ...groups,
    terminal.paint('bold', 'Examples'),
    ...overviewExamples.map(([command, shows]) => `  ${command.padEnd(26)}  ${terminal.paint('dim', shows)}`),
    '',
    'llama COMMAND --help says more. Every command takes --json, --quiet and --verbose.',
  ])
}

/** The help of the first word of several commands: `llama stack`. */
export function renderFamily(word: string, entries: readonly CommandEntry[], terminal: Terminal): string {
  const members = entries.filter((entry) => [entry.path, ...entry.aliases].some((path) => path.startsWith(`${word} `)))
  const shown = members.map((entry) => ({
    path: [entry.path, ...entry.aliases].find((path) => path.startsWith(`${word} `)) ?? entry.path,
    summary: entry.summary,
  }))
  const width = Math.max(...shown.map((member) => member.path.length))
  return lines([
    `${terminal.paint('bold', 'Usage')}  llama ${word} COMMAND [options]`,
    '',
    ...shown.map((member) => `  ${member.path.padEnd(width)}  ${member.summary}`),
    '',
    `llama ${word} COMMAND --help says more.`,
  ])
}

/** The help of one command. */
export function renderCommandHelp(command: AnyCommand, terminal: Terminal): string {
  const heading = (text: string): string => terminal.paint('bold', text)
  const words = command.path.join(' ')
  const usage = Object.entries(command.arguments).map(([name, spec]) =>
    spec.required === true ? name.toUpperCase() : `[${name.toUpperCase()}]`,
  )
  const aliases = (command.aliases ?? []).map((alias) => `llama ${alias}`)
  const argumentRows = Object.entries(command.arguments).map(([name, spec]) =>
    row(name.toUpperCase(), spec.description),
  )
  const exampleWidth = Math.max(...command.examples.map((example) => example.command.length))
  return lines([
    command.summary,
    '',
    `${heading('Usage')}  ${['llama', words, ...usage, '[options]'].join(' ')}`,
    ...(aliases.length === 0 ? [] : [`${heading('Also')}   ${aliases.join(', ')}`]),
    '',
    ...(command.details === undefined ? [] : [command.details, '']),
    ...(argumentRows.length === 0 ? [] : [heading('Arguments'), ...aligned(argumentRows), '']),
    heading('Options'),
    ...aligned(Object.entries({ ...command.options, ...commonOptions }).map(([name, spec]) => optionRow(name, spec))),
    '',
    heading('Examples'),
    ...command.examples.map(
      (example) => `  ${example.command.padEnd(exampleWidth)}  ${terminal.paint('dim', example.shows)}`,
    ),
  ])
}

type HelpRow = readonly [left: string, right: string]

function row(left: string, right: string): HelpRow {
  return [left, right]
}

function optionRow(name: string, spec: OptionSpec): HelpRow {
  const short = spec.short === undefined ? '    ' : `-${spec.short}, `
  const placeholder = spec.type === 'boolean' ? '' : ` ${spec.placeholder ?? 'VALUE'}`
  const remarks: string[] = []
  if (spec.type === 'string' && spec.choices !== undefined) remarks.push(spec.choices.join(' or '))
  if (spec.type === 'strings') remarks.push('repeatable')
  if ((spec.type === 'string' || spec.type === 'number') && spec.default !== undefined)
    remarks.push(`default ${spec.default}`)
  if (spec.env !== undefined) remarks.push(`or set ${spec.env.join(' or ')}`)
  return row(
    `${short}--${name}${placeholder}`,
    `${spec.description}${remarks.length === 0 ? '' : ` (${remarks.join('; ')})`}`,
  )
}

function aligned(rows: readonly HelpRow[]): readonly string[] {
  const width = Math.max(...rows.map(([left]) => left.length))
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`)
}

function lines(content: readonly string[]): string {
  return `${content.join('\n')}\n`
}
