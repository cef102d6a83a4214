/**
 * The fourth declaration: a command of the command line.
 *
 * A command is a plain value in `commands/<name>.ts`; `tools/generate-commands.ts` lists the folder into
 * `commands.gen.ts`. Help, parsing, validation and the hints for misspelt names all come from the value. Loading a
 * command file must stay cheap, because `--help` does: what a command needs is imported inside `run`.
 */
import type { Readable } from 'node:stream'
import type { Clock } from '@llama-stack/api'
import type { YoungObjects } from './young-objects.ts'

/** The headings of `llama --help`, in their order. */
export type CommandGroup = 'Serve' | 'Use' | 'Look' | 'Configure'

/** A word of its own on the command line. `required` makes its absence a usage error. */
export interface ArgumentSpec {
  readonly description: string
  readonly required?: boolean
}

interface AnyOptionSpec {
  readonly description: string
  /** One letter, for `-p`. */
  readonly short?: string
  /** The placeholder in the help: `PORT`. */
  readonly placeholder?: string
  /** Variables that give the value when the option is absent; the first that is set wins. */
  readonly env?: readonly string[]
}

export interface StringOption extends AnyOptionSpec {
  readonly type: 'string'
  readonly choices?: readonly string[]
  readonly default?: string
}

export interface BooleanOption extends AnyOptionSpec {
  readonly type: 'boolean'
}

/** A whole number. */
export interface NumberOption extends AnyOptionSpec {
  readonly type: 'number'
  readonly minimum?: number
  readonly maximum?: number
  readonly default?: number
}

/** May be given several times; the values arrive in their order. */
export interface RepeatableOption extends AnyOptionSpec {
  readonly type: 'strings'
}

export type OptionSpec = StringOption | BooleanOption | NumberOption | RepeatableOption

export type Arguments = Readonly<Record<string, ArgumentSpec>>
export type Options = Readonly<Record<string, OptionSpec>>

/** What every command understands besides its own options. */
export const commonOptions = Object.freeze({
  json: { type: 'boolean', description: 'Print the result as JSON' },
  quiet: { type: 'boolean', short: 'q', description: 'Print the result and errors only' },
  verbose: { type: 'boolean', description: 'Say more; show the stack trace of an unexpected error' },
  help: { type: 'boolean', short: 'h', description: 'Show this help' },
}) satisfies Options

type Default<Spec, Value> = Spec extends { readonly default: Value } ? Value : Value | undefined

type StringValue<Spec extends StringOption> = Spec extends { readonly choices: readonly (infer Choice)[] }
  ? Spec extends { readonly default: string }
    ? Choice
    : Choice | undefined
  : Default<Spec, string>

type OptionValue<Spec extends OptionSpec> = Spec extends BooleanOption
  ? boolean
  : Spec extends RepeatableOption
    ? readonly string[]
    : Spec extends NumberOption
      ? Default<Spec, number>
      : Spec extends StringOption
        ? StringValue<Spec>
        : never

/** The parsed values of a command's options, with the common ones. */
export type OptionValues<O extends Options> = { readonly [Name in keyof O]: OptionValue<O[Name]> } & {
  readonly [Name in keyof typeof commonOptions]: boolean
}

/** The parsed values of a command's arguments. */
export type ArgumentValues<A extends Arguments> = {
  readonly [Name in keyof A]: A[Name] extends { readonly required: true } ? string : string | undefined
}

/** Where text goes: stdout for the result, stderr for everything else. */
export interface TextSink {
  write(text: string): void
  readonly isTTY: boolean
  /** Undefined where there is no terminal. */
  readonly columns: number | undefined
}

/** What is typed or piped in. */
export type TextSource = Readable & { readonly isTTY?: boolean }

/** The names of the signals that ask a process to end. */
export type EndSignal = 'SIGINT' | 'SIGTERM'

/** Requests to end. A second one never arrives here: it ends the process at once. */
export interface Interrupts {
  /** Aborted at the first request to end. */
  readonly signal: AbortSignal
  /** Takes over the first request to end; without a listener the process ends with 130. */
  onSignal(listener: (signal: EndSignal) => void): Disposable
}

export type Environment = Readonly<Record<string, string | undefined>>

/** The world as a command sees it. */
export interface CommandContext {
  readonly env: Environment
  /** The working directory. */
  readonly cwd: string
  /** The user's home directory. */
  readonly home: string
  readonly stdout: TextSink
  readonly stderr: TextSink
  readonly stdin: TextSource
  readonly clock: Clock
  readonly interrupts: Interrupts
  /** For calls to a running server and for probing local engines; the server's own calls never use it. */
  readonly fetch: typeof globalThis.fetch
  /** For a process that serves until it ends. */
  readonly youngObjects: Pick<YoungObjects, 'keep'>
}

export interface CommandInput<A extends Arguments, O extends Options> {
  readonly args: ArgumentValues<A>
  readonly options: OptionValues<O>
  readonly context: CommandContext
}

/** A command as its file declares it. */
export interface CommandDefinition<A extends Arguments = Arguments, O extends Options = Options> {
  /** The words that call it: `['stack', 'list']`. */
  readonly path: readonly string[]
  /** Other words that call it, each as one string: `'stack run'`. */
  readonly aliases?: readonly string[]
  readonly group: CommandGroup
  /** One line. */
  readonly summary: string
  /** What the help says below the summary. */
  readonly details?: string
  /** In the order in which they are typed. */
  readonly arguments: A
  readonly options: O
  readonly examples: readonly [CommandExample, CommandExample, CommandExample]
  /** Resolves to the exit code. */
  run(input: CommandInput<A, O>): Promise<number>
}

export interface CommandExample {
  readonly command: string
  readonly shows: string
}

/** Declares a command. Option and argument values are typed from their declarations. */
export function defineCommand<const A extends Arguments, const O extends Options>(
  definition: CommandDefinition<A, O>,
): CommandDefinition<A, O> {
  return Object.freeze(definition)
}

/** Declares options that several commands share, keeping the literal types that their values are typed from. */
export function defineOptions<const O extends Options>(options: O): O {
  return Object.freeze(options)
}

/** A command when the types of its values no longer matter: what the generated list loads. */
export interface AnyCommand extends Omit<CommandDefinition, 'run'> {
  run(input: never): Promise<number>
}

/** A line of the generated list: enough for `llama --help` without loading the command. */
export interface CommandEntry {
  /** The words joined by spaces. */
  readonly path: string
  readonly aliases: readonly string[]
  readonly group: CommandGroup
  readonly summary: string
  readonly load: () => Promise<AnyCommand>
}
