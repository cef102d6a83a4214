/** Downloads a model through Ollama's own API, with a progress bar. */
import { isStackError, StackError } from '@llama-stack/api'
import type { CommandContext } from './command.ts'
import { toEngineUrl } from './local-engines.ts'
import { createProgress } from './progress.ts'
import type { Progress } from './progress.ts'
import { isRecord } from '../kernel/json-record.ts'
import { pause } from '../kernel/pause.ts'
import { toTerminal } from './terminal.ts'

export interface PullRequest {
  readonly model: string
  /** A URL, or `host:port` as `OLLAMA_HOST` has it. */
  readonly address: string
  readonly quiet: boolean
  readonly context: CommandContext
}

/** Attempts in a row that may end without one more byte. */
const MAX_IDLE_ATTEMPTS = 3
const RETRY_AFTER_MS = 1000

/**
 * Pulls a model and resolves to its size in bytes. A download that breaks off is taken up again, for as long as it gets on:
 * Ollama keeps what an earlier attempt has left.
 */
export async function pullModel({ model, address, quiet, context }: PullRequest): Promise<number> {
  const url = toEngineUrl(address)
  using layers = createLayerBars(model, quiet, context)
  let reachedBytes = 0
  for (let idleAttempts = 0; ;) {
    const end = await attemptPull(await startPull(url, model, context), layers)
    if (end === 'success') return layers.bytes()
    context.interrupts.signal.throwIfAborted()
    idleAttempts = layers.doneBytes() > reachedBytes ? 0 : idleAttempts + 1
    reachedBytes = layers.doneBytes()
    if (idleAttempts >= MAX_IDLE_ATTEMPTS)
      throw failure(`the download broke off ${idleAttempts} times: ${end.brokenOff}`)
    await pause(RETRY_AFTER_MS, context.interrupts.signal)
  }
}

/** Why an attempt ended before the model was whole, though it may well go on. */
interface BrokenOff {
  readonly brokenOff: string
}

async function attemptPull(response: Response, layers: LayerBars): Promise<'success' | BrokenOff> {
  let status = 'nothing'
  try {
    for await (const line of jsonLines(response)) {
      if (typeof line['error'] === 'string') {
        if (isPassing(line['error'])) return { brokenOff: line['error'] }
        throw failure(line['error'])
      }
      if (typeof line['status'] === 'string') status = line['status']
      layers.report(line)
    }
  } catch (error) {
    if (isStackError(error)) throw error
    return { brokenOff: error instanceof Error ? error.message : String(error) }
  }
  return status === 'success' ? 'success' : { brokenOff: `the last that it said is '${status}'` }
}

/** What Ollama says of a network that failed it; a name that does not exist or a full disk will not pass. */
function isPassing(error: string): boolean {
  return /max retries exceeded|EOF|timeout|connection (?:reset|refused)|i\/o|TLS handshake|stalled/i.test(error)
}

async function startPull(url: string, model: string, context: CommandContext): Promise<Response> {
  let response: Response
  try {
    response = await context.fetch(`${url}/api/pull`, {
      method: 'POST',
      body: JSON.stringify({ model }),
      signal: context.interrupts.signal,
    })
  } catch (error) {
    context.interrupts.signal.throwIfAborted()
    const reason = `no Ollama answers at ${url}; start it with: ollama serve`
    throw new StackError('provider_unreachable', { provider: 'ollama', reason }, { cause: error })
  }
  if (response.ok) return response
  throw failure(`${response.status} ${await response.text()}`)
}

function failure(reason: string): StackError {
  return new StackError('provider_internal', { provider: 'ollama', reason })
}

interface LayerBars extends Disposable {
  report(line: Record<string, unknown>): void
  /** The size of all layers. */
  bytes(): number
  /** What of them is there. */
  doneBytes(): number
}

/** A model arrives in layers, one after the other; each has its own bar. */
function createLayerBars(model: string, quiet: boolean, context: CommandContext): LayerBars {
  const terminal = toTerminal(context.stderr, context.env)
  const sizes = new Map<string, number>()
  const done = new Map<string, number>()
  let current: { digest: string; bar: Progress } | undefined
  return {
    report({ digest, total, completed }) {
      if (typeof digest !== 'string' || typeof total !== 'number') return
      const doneBytes = typeof completed === 'number' ? completed : 0
      sizes.set(digest, total)
      done.set(digest, doneBytes)
      if (quiet) return
      if (current?.digest !== digest) {
        current?.bar[Symbol.dispose]()
        const label = `${model} ${digest.replace('sha256:', '').slice(0, 12)}`
        const sink = context.stderr
        current = {
          digest,
          bar: createProgress({
            label,
            totalBytes: total,
            resumedBytes: doneBytes,
            sink,
            terminal,
            clock: context.clock,
          }),
        }
      }
      current.bar.update(doneBytes)
    },
    bytes: () => sumOf(sizes),
    doneBytes: () => sumOf(done),
    [Symbol.dispose]: () => current?.bar[Symbol.dispose](),
  }
}

function sumOf(sizes: ReadonlyMap<string, number>): number {
  return [...sizes.values()].reduce((sum, size) => sum + size, 0)
}

async function* jsonLines(response: Response): AsyncIterable<Record<string, unknown>> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of response.body ?? []) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (line.trim() !== '') yield parseLine(line)
  }
  if (rest.trim() !== '') yield parseLine(rest)
}

function parseLine(line: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line)
    if (isRecord(value)) return value
  } catch {
    // Falls through to the same message: what came was no JSON object.
  }
  throw failure(`it sent a line that is no JSON object: ${line.slice(0, 80)}`)
}
