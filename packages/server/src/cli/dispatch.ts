/** From the words after `llama` to the exit code: finds the command, shows help, runs, renders what went wrong. */
import type { AnyCommand, CommandContext } from './command.ts'
import { commandEntries } from './commands.gen.ts'
import { allPaths, findCommand, hasFlag, wantsHelp } from './find-command.ts'
import { toTerminal } from './terminal.ts'

/** Runs one command line. Never throws; the exit code says how it went. */
export async function dispatch(words: readonly string[], context: CommandContext): Promise<number> {
  try {
    return await run(words, context)
  } catch (error) {
    // Loaded late, because the error table brings the schema library along and `--help` must not wait for it.
    const [{ renderError }, { exitCodeOf, exitCodes }] = await Promise.all([
      import('./render-error.ts'),
      import('./exit-code.ts'),
    ])
    if (context.interrupts.signal.aborted) return exitCodes.interrupted
    const terminal = toTerminal(context.stderr, context.env)
    context.stderr.write(
      renderError(error, { terminal, json: hasFlag(words, '--json'), verbose: hasFlag(words, '--verbose') }),
    )
    return exitCodeOf(error)
  }
}

async function run(words: readonly string[], context: CommandContext): Promise<number> {
  const found = findCommand(words)
  if (found.kind === 'command') {
    const command = await found.entry.load()
    return wantsHelp(found.rest) ? showCommand(command, context) : execute(command, found.rest, context)
  }
  const { renderFamily, renderOverview } = await import('./help.ts')
  const terminal = toTerminal(context.stdout, context.env)
  if (found.kind === 'overview') {
    context.stdout.write(renderOverview(commandEntries, terminal))
    return 0
  }
  if (found.kind === 'family') {
    // Asked for, it is the result; otherwise it explains what is missing.
    const sink = found.asked ? context.stdout : context.stderr
    sink.write(renderFamily(found.word, commandEntries, toTerminal(sink, context.env)))
    return found.asked ? 0 : 2
  }
  const { unknownCommand } = await import('./unknown-command.ts')
  throw unknownCommand(found.words, allPaths())
}

async function showCommand(command: AnyCommand, context: CommandContext): Promise<number> {
  const { renderCommandHelp } = await import('./help.ts')
  context.stdout.write(renderCommandHelp(command, toTerminal(context.stdout, context.env)))
  return 0
}

async function execute(command: AnyCommand, words: readonly string[], context: CommandContext): Promise<number> {
  const { parseCommandLine } = await import('./command-arguments.ts')
  const parsed = parseCommandLine(command, words, context.env)
  // The list forgot the command's own value types; the parser has just checked the values against its declaration.
  return command.run({ ...parsed, context } as never)
}
