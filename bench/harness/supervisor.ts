import { spawn, type ChildProcess } from 'node:child_process'
import { appendFileSync, closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { BenchError } from './bench-error.ts'
import { isServedBy } from './listeners.ts'

/** A program to run: command line, extra environment, working directory. */
export type Program = {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

/** A program that is running, to be stopped by whoever started it. */
export type Running = AsyncDisposable & { readonly pid: number; readonly logFile: string }

/** Starts programs and makes sure that none outlives the harness. */
export type Supervisor = {
  /** Starts the program; its output goes to a log file. */
  start(program: Program): Running
  /** Starts a server and waits until a process of its own tree listens on the port. */
  startServer(program: Program, port: number): Promise<Running>
  /** Runs a program to its end and returns what it printed; fails after the time limit. */
  run(program: Program, timeoutMs: number): Promise<string>
  /** Ends at once whatever still runs. Safe to call from an exit handler. */
  killAll(): void
}

const startTimeoutMs = 20_000
const stopTimeoutMs = 4_000

/** Creates a supervisor whose log files go to the directory. */
export function createSupervisor(logDirectory: string): Supervisor {
  const live = new Set<ChildProcess>()
  let started = 0

  const start = (program: Program): Running => {
    started += 1
    const logFile = join(logDirectory, `${started}-${program.name.replaceAll(/[^a-z0-9]+/gi, '-')}.log`)
    const log = openSync(logFile, 'a')
    const child = spawn(program.command, program.args, { ...toSpawnOptions(program), stdio: ['ignore', log, log] })
    closeSync(log)
    const pid = track(child, program, live)
    child.once('exit', (code, signal) => appendFileSync(logFile, `\n${program.name} ended with ${signal ?? code}\n`))
    return { pid, logFile, [Symbol.asyncDispose]: () => stop(child) }
  }

  return {
    start,
    async startServer(program, port) {
      const running = start(program)
      const deadline = performance.now() + startTimeoutMs
      while (!isServedBy(port, running.pid)) {
        const exited = ![...live].some((child) => child.pid === running.pid)
        if (exited || performance.now() > deadline) {
          await running[Symbol.asyncDispose]()
          const what = exited ? 'ended' : 'did not listen'
          throw new BenchError(`${program.name} ${what} on port ${port}: ${readLastWords(running)}`)
        }
        await sleep(20)
      }
      return running
    },
    run: (program, timeoutMs) => runToEnd({ program, timeoutMs, live }),
    killAll() {
      for (const child of live) killGroup(child, 'SIGKILL')
    },
  }
}

/** The last lines of the program's output, and how it ended if it has. */
export function readLastWords({ logFile }: Running): string {
  return readFileSync(logFile, 'utf8').trim().split('\n').slice(-5).join(' | ')
}

function toSpawnOptions(program: Program): { cwd?: string; env: NodeJS.ProcessEnv; detached: boolean } {
  const env = { ...process.env, ...program.env }
  // A group of its own, so that a server's workers can be ended with it.
  return program.cwd === undefined ? { env, detached: true } : { env, detached: true, cwd: program.cwd }
}

function track(child: ChildProcess, program: Program, live: Set<ChildProcess>): number {
  if (child.pid === undefined) throw new BenchError(`${program.name}: ${program.command} could not be started`)
  live.add(child)
  child.once('exit', () => live.delete(child))
  child.on('error', () => live.delete(child))
  return child.pid
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, signal)
  } catch {
    // The group has already ended.
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
  })
  killGroup(child, 'SIGTERM')
  const giveUp = setTimeout(() => killGroup(child, 'SIGKILL'), stopTimeoutMs)
  await ended
  clearTimeout(giveUp)
}

function runToEnd(job: { program: Program; timeoutMs: number; live: Set<ChildProcess> }): Promise<string> {
  const { program, timeoutMs, live } = job
  return new Promise((resolve, reject) => {
    const child = spawn(program.command, program.args, {
      ...toSpawnOptions(program),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    child.on('error', reject)
    track(child, program, live)
    let printed = ''
    let complained = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (complained += text))
    const timer = setTimeout(() => killGroup(child, 'SIGKILL'), timeoutMs)
    child.once('close', (code, signal) => {
      clearTimeout(timer)
      if (code === 0) resolve(printed)
      else
        reject(
          new BenchError(`${program.name} ended with ${signal ?? code}: ${(complained || printed).trim().slice(-500)}`),
        )
    })
  })
}
