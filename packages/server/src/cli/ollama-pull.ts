/** Downloads a model through Ollama's own API, with a progress bar. */
import { StackError } from '@llama-stack/api'
import type { CommandContext } from './command.ts'
import { toEngineUrl } from './local-engines.ts'
import { createProgress } from './progress.ts'
import type { Progress } from './progress.ts'
import { isRecord } from '../kernel/json-record.ts'
import { toTerminal } from './terminal.ts'

export interface PullRequest {
  readonly model: string
  /** A URL, or `host:port` as `OLLAMA_HOST` has it. */
  readonly address: string
  readonly quiet: boolean
  readonly context: CommandContext
}

/** Pulls a model and resolves to its size in bytes. Ollama resumes what an earlier attempt has left. */
export async function pullModel({ model, address, quiet, context }: PullRequest): Promise<number> {
  const url = toEngineUrl(address)
  const response = await startPull(url, model, context)
  using layers = createLayerBars(model, quiet, context)
  for await (const line of jsonLines(response)) {
    if (typeof line['error'] === 'string') throw failure(line['error'])
    layers.report(line)
  }
  return layers.bytes()
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
  bytes(): number
}

/** A model arrives in layers, one after the other; each has its own bar. */
function createLayerBars(model: string, quiet: boolean, context: CommandContext): LayerBars {
  const terminal = toTerminal(context.stderr, context.env)
  const sizes = new Map<string, number>()
  let current: { digest: string; bar: Progress } | undefined
  return {
    report({ digest, total, completed }) {
      if (typeof digest !== 'string' || typeof total !== 'number') return
      const doneBytes = typeof completed === 'number' ? completed : 0
      sizes.set(digest, total)
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
    bytes: () => [...sizes.values()].reduce((sum, size) => sum + size, 0),
    [Symbol.dispose]: () => current?.bar[Symbol.dispose](),
  }
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
