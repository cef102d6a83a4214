/** A server of several processes: the primary plans and watches, its workers serve one port and one data folder. */
import cluster from 'node:cluster'
import { bug, StackError } from '@llama-stack/api'
import { StackConfig } from '../config/stack-config.ts'
import { announce } from './announce.ts'
import type { EndSignal } from './command.ts'
import { listen } from './serve.ts'
import type { Served } from './serve.ts'
import { WORKER_VARIABLE } from './worker-messages.ts'
import type { FromWorker } from './worker-messages.ts'
import { createWorkerPool } from './worker-pool.ts'
import type { WorkerEvents, WorkerProcess } from './worker-pool.ts'

/** What a worker may take beyond the time that its requests have. */
const CLOSING_MS = 5000

/** Serves with this many workers until it is asked to end, and resolves to the exit code. */
export async function serveWithWorkers(count: number, { plan, log, output, context }: Served): Promise<number> {
  if (plan.recordings !== undefined) {
    throw new StackError('command_usage', {
      problem: `Calls are recorded and replayed by one process, and there are to be ${count}.`,
      fix: 'Add --workers 1.',
    })
  }
  const config = StackConfig.parse(plan.config)
  const ended = Promise.withResolvers<EndSignal>()
  using _listener = context.interrupts.onSignal(ended.resolve)
  await using pool = createWorkerPool({
    count,
    fork,
    toOpen: (number) => ({ kind: 'open', config: plan.config, env: plan.env, role: { maintains: number === 1 } }),
    log,
  })
  await pool.open()
  const [serving = bug('nobody serves')] = await listen((port) => pool.listen(port), { plan, output, context })
  announce({ serving, plan, readyMs: context.clock.monotonic(), workers: pool.pids }, output, context)
  const signal = await ended.promise
  const { drainTimeoutMs } = config.server
  const seconds = Math.round(drainTimeoutMs / 1000)
  output.note(`${signal}: ${count} workers let open requests end, for up to ${seconds} s. Once more ends at once.`)
  await pool.drain(drainTimeoutMs + CLOSING_MS)
  return 0
}

/** A worker is this command once more, with a variable that says so. */
function fork(number: number, events: WorkerEvents): WorkerProcess {
  const worker = cluster.fork({ [WORKER_VARIABLE]: String(number) })
  // Both ends are of this build; Node's own messages do not come here.
  worker.on('message', (message: FromWorker) => events.onMessage(message))
  worker.on('exit', (code: number | null, signal: string | null) => {
    events.onExit(signal === null ? `code ${code}` : `signal ${signal}`)
  })
  // A worker that dies while it is written to: its end is told anyway.
  worker.on('error', () => undefined)
  return {
    pid: worker.process.pid ?? 0,
    send(message) {
      if (worker.isConnected()) worker.send(message, () => undefined)
    },
    kill: () => void worker.process.kill('SIGKILL'),
  }
}
