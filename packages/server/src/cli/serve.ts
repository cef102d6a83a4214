/** `llama run`: plans, starts, says what runs, and stops without dropping anyone. */
import { isStackError, StackError } from '@llama-stack/api'
import { createLog } from '../kernel/log.ts'
import { pause } from '../kernel/pause.ts'
import { VERSION } from '../kernel/version.ts'
import type { Stack } from '../stack.ts'
import { renderBanner } from './banner.ts'
import type { CommandContext, EndSignal } from './command.ts'
import { toHomePath } from './home-path.ts'
import { toOutput } from './output.ts'
import type { Output } from './output.ts'
import type { ServeOptions } from './serve-options.ts'
import { createServePlan } from './serve-plan.ts'
import type { ServePlan } from './serve-plan.ts'
import { findSurroundings } from './surroundings.ts'

export interface ServeInput {
  readonly args: { readonly config: string | undefined }
  readonly options: ServeOptions
  readonly context: CommandContext
}

/** Serves until it is asked to end, and resolves to the exit code. */
export async function serve({ args, options, context }: ServeInput): Promise<number> {
  const output = toOutput(context, options)
  refuseWorkers(options.workers)
  for (const note of toFlagNotes(options)) output.note(note)
  await using plan = await createServePlan({ config: args.config, options, context })
  const { createStack } = await import('../stack.ts')
  await using stack = await createStack({
    config: plan.config,
    log: createServerLog(options, context),
    clock: context.clock,
    env: plan.env,
    ...(plan.recordings === undefined ? {} : { recordings: plan.recordings }),
  })
  const listening = await listen(stack, { plan, output, context })
  const ended = Promise.withResolvers<EndSignal>()
  using _listener = context.interrupts.onSignal(ended.resolve)
  await announce({ stack, plan, url: listening.url, port: listening.port }, output, context)
  const signal = await ended.promise
  output.note(toFarewell(signal, stack))
  await stack.close()
  return 0
}

/** One process writes the SQLite file. A second one would wait for its lock and serve stale lists of models. */
function refuseWorkers(workers: number): void {
  if (workers === 1) return
  throw new StackError('command_usage', {
    problem: `--workers ${workers} needs a store that several processes can write to; SQLite has one writer.`,
    fix: 'Leave --workers out: one process serves streams of thousands of clients.',
  })
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

function createServerLog(options: ServeOptions, context: CommandContext) {
  const format = options.log ?? (findSurroundings(context.env) === 'container' ? 'json' : 'pretty')
  const level = options.verbose ? 'debug' : options.quiet ? 'warn' : 'info'
  return createLog({ format, level, clock: context.clock, write: (line) => context.stderr.write(line) })
}

interface ListenInput {
  readonly plan: ServePlan
  readonly output: Output
  readonly context: CommandContext
}

async function listen(stack: Stack, { plan, output, context }: ListenInput): Promise<{ url: string; port: number }> {
  try {
    return await stack.listen()
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
    return stack.listen({ port: port + 1 })
  }
}

/** Says so when the port is taken by another Llama Stack: often that is the one that was wanted. */
async function nameTheOther(port: number, output: Output, context: CommandContext): Promise<void> {
  const url = `http://127.0.0.1:${port}`
  const answer = await context.fetch(`${url}/v1/version`, { signal: AbortSignal.timeout(500) }).catch(() => undefined)
  if (answer?.ok === true) output.note(`note  A Llama Stack answers there already: ${url}`)
  await answer?.body?.cancel()
}

interface Running {
  readonly stack: Stack
  readonly plan: ServePlan
  readonly url: string
  readonly port: number
}

/** The banner does not wait longer for lists of models: the server listens already. */
const LISTING_BUDGET_MS = 400

async function announce({ stack, plan, url, port }: Running, output: Output, context: CommandContext): Promise<void> {
  // Since the start of the process: that is what somebody waits for.
  const readyMs = context.clock.monotonic()
  await Promise.race([stack.refreshModels(), pause(LISTING_BUDGET_MS, context.interrupts.signal)])
  const auto = await stack.findAuto()
  const { dataDir, server } = stack.config
  const facts = {
    version: VERSION,
    url: url.replace('127.0.0.1', 'localhost'),
    readyMs,
    dataDir: toHomePath(dataDir, context.home),
    ephemeral: plan.ephemeral,
    keyCount: server.apiKeys.length,
    loopback: ['127.0.0.1', 'localhost', '::1'].includes(server.host),
    source: plan.source,
    envFiles: plan.envFiles,
    recordings: plan.recordings,
    providers: plan.toProviderLines(stack.providers),
    auto,
    remarks: plan.remarks,
  }
  const providers = stack.providers.map(({ id, type, off }) => ({ id, type, off: off ?? null }))
  const { pid } = process
  const json = {
    url,
    port,
    pid,
    version: VERSION,
    dataDir,
    source: plan.source ?? 'detected',
    auto: auto ?? null,
    providers,
  }
  output.result(json, () => (output.quiet ? `${url}\n` : renderBanner(facts, output.terminal)))
}

function toFarewell(signal: EndSignal, stack: Stack): string {
  const { openRequests } = stack
  const seconds = Math.round(stack.config.server.drainTimeoutMs / 1000)
  if (openRequests === 0) return `${signal}: nothing is open, the server ends.`
  const what = openRequests === 1 ? '1 open request' : `${openRequests} open requests`
  return `${signal}: waiting up to ${seconds} s for ${what}. Once more ends at once.`
}
