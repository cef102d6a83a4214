/** What a command says: its result on stdout, everything else on stderr. */
import type { CommandContext } from './command.ts'
import { toTerminal } from './terminal.ts'
import type { Terminal } from './terminal.ts'

/** The common options, as parsed. */
export interface OutputOptions {
  readonly json: boolean
  readonly quiet: boolean
}

/** The two voices of a command. */
export interface Output {
  /** What stdout can show. */
  readonly terminal: Terminal
  readonly quiet: boolean
  /** Prints the result: the value as one line of JSON with `--json`, the text otherwise. */
  result(value: unknown, text: () => string): void
  /** Prints a note on stderr, unless `--quiet` or `--json`. */
  note(text: string): void
}

/** Looks at the streams and the options once, so that a command only says what it has to say. */
export function toOutput(context: CommandContext, options: OutputOptions): Output {
  return {
    terminal: toTerminal(context.stdout, context.env),
    quiet: options.quiet,
    result(value, text) {
      context.stdout.write(options.json ? `${JSON.stringify(value)}\n` : text())
    },
    note(text) {
      if (!options.quiet && !options.json) context.stderr.write(`${text}\n`)
    },
  }
}
