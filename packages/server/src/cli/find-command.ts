/** Which command a command line means. */
import type { CommandEntry } from './command.ts'
import { commandEntries } from './commands.gen.ts'

/** What the first words name. */
export type Found =
  | { readonly kind: 'command'; readonly entry: CommandEntry; readonly rest: readonly string[] }
  | { readonly kind: 'overview' }
  | { readonly kind: 'family'; readonly word: string; readonly asked: boolean }
  | { readonly kind: 'unknown'; readonly words: readonly string[] }

/** Finds the command by its one or two words; without any it is `run`. */
export function findCommand(given: readonly string[]): Found {
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

/** Every spelling of every command. */
export function allPaths(): readonly string[] {
  return commandEntries.flatMap((entry) => [entry.path, ...entry.aliases])
}

function entryOf(path: string): CommandEntry | undefined {
  return commandEntries.find((entry) => entry.path === path || entry.aliases.includes(path))
}

/** Whether help is asked for. */
export function wantsHelp(words: readonly string[]): boolean {
  return hasFlag(words, '--help') || hasFlag(words, '-h')
}

/** Whether a flag is among the words before `--`. */
export function hasFlag(words: readonly string[], flag: string): boolean {
  const end = words.indexOf('--')
  return (end === -1 ? words : words.slice(0, end)).includes(flag)
}
