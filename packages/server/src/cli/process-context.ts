/** The world of a command when it runs as a process. */
import { homedir } from 'node:os'
import { systemClock } from '../kernel/clock.ts'
import type { CommandContext, EndSignal, Interrupts, TextSink } from './command.ts'
import { youngObjects } from './young-objects.ts'

const INTERRUPTED = 130

/** npm passes on a Ctrl-C that the terminal has sent to the whole group already: one key press arrives twice. */
const SAME_KEY_PRESS_MS = 200

/** Ties a command's context to the process and starts listening for the signals that end it. */
export function createProcessContext(process: NodeJS.Process): CommandContext {
  return {
    env: process.env,
    cwd: process.cwd(),
    home: process.env['HOME'] ?? homedir(),
    stdout: toSink(process, process.stdout),
    stderr: toSink(process, process.stderr),
    // Asking for it opens it: a command that reads nothing must not.
    get stdin() {
      return process.stdin
    },
    clock: systemClock,
    interrupts: createInterrupts(process),
    fetch: globalThis.fetch,
    youngObjects,
  }
}

function toSink(process: NodeJS.Process, stream: NodeJS.WriteStream): TextSink {
  // The reader of a pipe may leave early (`llama models list | head`): nothing is left to do, and it is no failure.
  stream.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))
  return {
    write(text) {
      stream.write(text)
    },
    isTTY: stream.isTTY,
    get columns() {
      return stream.isTTY ? stream.columns : undefined
    },
  }
}

function createInterrupts(process: NodeJS.Process): Interrupts {
  const controller = new AbortController()
  const listeners = new Set<(signal: EndSignal) => void>()
  let firstAtMs: number | undefined
  const onSignal = (signal: EndSignal): void => {
    const nowMs = systemClock.monotonic()
    if (firstAtMs !== undefined && nowMs - firstAtMs < SAME_KEY_PRESS_MS) return
    if (firstAtMs !== undefined || listeners.size === 0) process.exit(INTERRUPTED)
    firstAtMs = nowMs
    controller.abort()
    for (const listener of listeners) listener(signal)
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  return {
    signal: controller.signal,
    onSignal(listener) {
      listeners.add(listener)
      return { [Symbol.dispose]: () => void listeners.delete(listener) }
    },
  }
}
