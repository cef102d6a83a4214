/** `llama run`: plans, starts, says what runs, and stops without dropping anyone. */
import { isStackError } from '@llama-stack/api'
import type { Log } from '@llama-stack/api'
import type { Stack } from '../stack.ts'
import { announce, toServing } from './announce.ts'
import type { CommandContext, EndSignal } from './command.ts'
import { toOutput } from './output.ts'
import type { Output } from './output.ts'
import type { ServeOptions } from './serve-options.ts'
import { createServePlan } from './serve-plan.ts'
import type { ServePlan } from './serve-plan.ts'
import { createServerLog } from './server-log.ts'
import { WORKER_VARIABLE } from './worker-messages.ts'

export interface ServeInput {
  readonly args: { readonly config: string | undefined }
  readonly options: ServeOptions
  readonly context: CommandContext
}

/** Serves until it is asked to end, and resolves to the exit code. */
export async function serve({ args, options, context }: ServeInput): Promise<number> {
  if (context.env[WORKER_VARIABLE] !== undefined) {
    const { serveAsWorker } = await import('./serve-worker.ts')
    return serveAsWorker({ log: createServerLog(options, context), context })
  }
  const output = toOutput(context, options)
  for (const note of toFlagNotes(options)) output.note(note)
  await using plan = await createServePlan({ config: args.config, options, context })
  const log = createServerLog(options, context)
  const workers = plan.config.server?.workers ?? 1
  // Awaited here: the plan deletes an ephemeral folder when this function is left.
  if (workers === 1) return await serveAlone({ plan, log, output, context })
  const { serveWithWorkers } = await import('./serve-workers.ts')
  return await serveWithWorkers(workers, { plan, log, output, context })
}

/** What the ways to serve have in common. */
export interface Served {
  readonly plan: ServePlan
  readonly log: Log
  readonly output: Output
  readonly context: CommandContext
}

async function serveAlone({ plan, log, output, context }: Served): Promise<number> {
  const { createStack } = await import('../stack.ts')
  await using stack = await createStack({
    config: plan.config,
    log,
    clock: context.clock,
    env: plan.env,
    ...(plan.recordings === undefined ? {} : { recordings: plan.recordings }),
  })
  const listening = await listen((port) => stack.listen(port === undefined ? {} : { port }), { plan, output, context })
  using _young = context.youngObjects.keep()
  const ended = Promise.withResolvers<EndSignal>()
  using _listener = context.interrupts.onSignal(ended.resolve)
  // Since the start of the process: that is what somebody waits for.
  const readyMs = context.clock.monotonic()
  const serving = await toServing(stack, listening, context.interrupts.signal)
  announce({ serving, plan, readyMs }, output, context)
  const signal = await ended.promise
  output.note(toFarewell(signal, stack))
  await stack.close()
  return 0
}

/** Upstream's flags that mean nothing here are accepted and named, so that scripts go on working. */
function toFlagNotes(options: ServeOptions): readonly string[] {
  const notes: string[] = []
  if (options['image-type'] !== undefined || options['image-name'] !== undefined) {
    notes.push('note  --image-type and --image-name have no effect: no environment has to be built.')
  }
  if (options['enable-ui']) notes.push('note  --enable-ui has no effect: this version has no web UI.')
  return notes
}

/** Listens on the port of the plan, or where somebody agrees to it on the next. */
export async function listen<Listening>(
  at: (port: number | undefined) => Promise<Listening>,
  { plan, output, context }: Pick<Served, 'plan' | 'output' | 'context'>,
): Promise<Listening> {
  try {
    return await at(undefined)
  } catch (error) {
    if (!isStackError(error, 'port_in_use')) throw error
    const { port } = error.details
    if (plan.portIsChosen || !context.stdin.isTTY || !context.stderr.isTTY) {
      await nameTheOther(port, output, context)
      throw error
    }
    // Never silently: clients have the URL written down.
    const { confirm } = await import('./confirm.ts')
    if (!(await confirm(`Port ${port} is in use. Use ${port + 1}?`, context))) throw error
    return at(port + 1)
  }
}

/** Says so when the port is taken by another Llama Stack: often that is the one that was wanted. */
async function nameTheOther(port: number, output: Output, context: CommandContext): Promise<void> {
  const url = `http://127.0.0.1:${port}`
  const answer = await context.fetch(`${url}/v1/version`, { signal: AbortSignal.timeout(500) }).catch(() => undefined)
  if (answer?.ok === true) output.note(`note  A Llama Stack answers there already: ${url}`)
  await answer?.body?.cancel()
}

function toFarewell(signal: EndSignal, stack: Stack): string {
  const { openRequests } = stack
  const seconds = Math.round(stack.config.server.drainTimeoutMs / 1000)
  if (openRequests === 0) return `${signal}: nothing is open, the server ends.`
  const what = openRequests === 1 ? '1 open request' : `${openRequests} open requests`
  return `${signal}: waiting up to ${seconds} s for ${what}. Once more ends at once.`
}
