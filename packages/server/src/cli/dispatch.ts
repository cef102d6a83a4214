/** From the words after `llama` to the exit code: finds the command, shows help, runs, renders what went wrong. */
import type { AnyCommand, CommandContext, CommandEntry } from './command.ts'
import { commandEntries } from './commands.gen.ts'
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

type Found =
  | { readonly kind: 'command'; readonly entry: CommandEntry; readonly rest: readonly string[] }
  | { readonly kind: 'overview' }
  | { readonly kind: 'family'; readonly word: string; readonly asked: boolean }
  | { readonly kind: 'unknown'; readonly words: readonly string[] }

function findCommand(given: readonly string[]): Found {
  // `llama help models` is `llama models --help`.
  const words = given[0] === 'help' ? [...given.slice(1), '--help'] : given
  const [first, second] = words
  if (first === undefined || first.startsWith('-')) return withoutCommand(words)
  const two = second === undefined ? undefined : entryOf(`${first} ${second}`)
  if (two !== undefined) return { kind: 'command', entry: two, rest: words.slice(2) }
  const isFamily = allPaths().some((path) => path.startsWith(`${first} `))
  const hasMember = second !== undefined && !second.startsWith('-')
  if (isFamily && hasMember) return { kind: 'unknown', words: [first, second] }
  const one = entryOf(first)
  if (one !== undefined) return { kind: 'command', entry: one, rest: words.slice(1) }
  return isFamily ? { kind: 'family', word: first, asked: wantsHelp(words) } : { kind: 'unknown', words: [first] }
}

function withoutCommand(words: readonly string[]): Found {
  if (wantsHelp(words)) return { kind: 'overview' }
  const isVersion = words[0] === '--version' || words[0] === '-v'
  const entry = entryOf(isVersion ? 'version' : 'run')
  return entry === undefined
    ? { kind: 'overview' }
    : { kind: 'command', entry, rest: isVersion ? words.slice(1) : words }
}

function allPaths(): readonly string[] {
  return commandEntries.flatMap((entry) => [entry.path, ...entry.aliases])
}

function entryOf(path: string): CommandEntry | undefined {
  return commandEntries.find((entry) => entry.path === path || entry.aliases.includes(path))
}

function wantsHelp(words: readonly string[]): boolean {
  return hasFlag(words, '--help') || hasFlag(words, '-h')
}

/** Whether a flag is among the words before `--`. */
function hasFlag(words: readonly string[], flag: string): boolean {
  const end = words.indexOf('--')
  return (end === -1 ? words : words.slice(0, end)).includes(flag)
}
