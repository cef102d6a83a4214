/** A command line run within this process, in a home of its own and without the variables of the machine. */
import { Readable } from 'node:stream'
import type { CommandContext } from '../cli/command.ts'
import { dispatch } from '../cli/dispatch.ts'
import { systemClock } from '../kernel/clock.ts'

export interface RunCommandOptions {
  /** The home and the working directory. */
  readonly home: string
  /** What is piped in. */
  readonly input?: string
  readonly env?: CommandContext['env']
  /** Asks the command to end. */
  readonly signal?: AbortSignal
  readonly fetch?: typeof globalThis.fetch
  /** How wide the terminal is. Default: there is none. */
  readonly columns?: number
}

/** What a command ended with, and what it wrote. */
export interface FinishedCommand {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command line to its end. */
export async function runCommand(words: readonly string[], options: RunCommandOptions): Promise<FinishedCommand> {
  const { home, input, env = {}, signal = new AbortController().signal } = options
  const written = { stdout: '', stderr: '' }
  const sink = (name: keyof typeof written) => ({
    write: (text: string) => void (written[name] += text),
    isTTY: false,
    columns: options.columns,
  })
  const code = await dispatch(words, {
    env,
    cwd: home,
    home,
    stdout: sink('stdout'),
    stderr: sink('stderr'),
    stdin: Readable.from(input === undefined ? [] : [Buffer.from(input)]),
    clock: systemClock,
    interrupts: { signal, onSignal: () => ({ [Symbol.dispose]: () => undefined }) },
    fetch: options.fetch ?? fetch,
    // A flag of V8 would stay set for the tests behind this one.
    youngObjects: { keep: () => ({ [Symbol.dispose]: () => undefined }) },
  })
  return { code, ...written }
}
