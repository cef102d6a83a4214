/** One of several processes that serve a port: opens what its primary says, and ends when that says so. */
import { isStackError } from '@llama-stack/api'
import type { Log } from '@llama-stack/api'
import { createStack } from '../stack.ts'
import type { Stack } from '../stack.ts'
import { toServing } from './announce.ts'
import type { CommandContext } from './command.ts'
import { WORKER_VARIABLE } from './worker-messages.ts'
import type { FromWorker, ToWorker } from './worker-messages.ts'

export interface WorkerInput {
  readonly log: Log
  readonly context: CommandContext
}

/** Serves until it is told to drain, or gets a signal itself. Node ends a worker whose primary is gone. */
export async function serveAsWorker({ log, context }: WorkerInput): Promise<number> {
  const number = Number(context.env[WORKER_VARIABLE])
  await using opened = new AsyncDisposableStack()
  using _young = context.youngObjects.keep()
  let stack: Stack | undefined
  for await (const message of receive(context)) {
    if (message.kind === 'drain') break
    try {
      if (message.kind === 'open') {
        const { config, env, role } = message
        const { clock } = context
        stack = opened.use(await createStack({ config, env, log: log.child({ worker: number }), clock, worker: role }))
        tell({ kind: 'opened' })
      } else if (stack !== undefined) {
        const listening = await stack.listen(message.port === undefined ? {} : { port: message.port })
        tell({ kind: 'listening', serving: await toServing(stack, listening, context.interrupts.signal) })
      }
    } catch (error) {
      tell(
        isStackError(error)
          ? { kind: 'failed', code: error.code, details: error.details }
          : { kind: 'broke', reason: error instanceof Error ? (error.stack ?? error.message) : String(error) },
      )
    }
  }
  await stack?.close()
  return 0
}

function tell(message: FromWorker): void {
  process.send?.(message)
}

/** The messages of the primary, and a signal as the wish to drain. */
async function* receive({ interrupts }: CommandContext): AsyncIterable<ToWorker> {
  const waiting: ToWorker[] = []
  let arrived = Promise.withResolvers<void>()
  const take = (message: ToWorker): void => {
    waiting.push(message)
    arrived.resolve()
  }
  process.on('message', take)
  using _listener = interrupts.onSignal(() => take({ kind: 'drain' }))
  for (;;) {
    const next = waiting.shift()
    if (next !== undefined) yield next
    else {
      await arrived.promise
      arrived = Promise.withResolvers()
    }
  }
}
