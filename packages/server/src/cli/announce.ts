/** What a server says of itself when it listens. */
import { pause } from '../kernel/pause.ts'
import { VERSION } from '../kernel/version.ts'
import type { Stack } from '../stack.ts'
import { renderBanner } from './banner.ts'
import type { CommandContext } from './command.ts'
import { toHomePath } from './home-path.ts'
import type { Output } from './output.ts'
import type { ServePlan } from './serve-plan.ts'
import type { ShownProvider } from './stack-providers.ts'

/** A server as it listens: plain data, which a worker can hand to its primary. */
export interface Serving {
  readonly url: string
  readonly port: number
  readonly host: string
  readonly dataDir: string
  /** How many keys open the server. */
  readonly keyCount: number
  /** The model that `auto` stands for now, where one is known. */
  readonly auto: string | undefined
  readonly providers: readonly ShownProvider[]
}

/** Nobody waits longer for lists of models: the server listens already. */
const LISTING_BUDGET_MS = 400

/** Describes a stack that listens there. */
export async function toServing(
  stack: Stack,
  { url, port }: { readonly url: string; readonly port: number },
  signal: AbortSignal,
): Promise<Serving> {
  await Promise.race([stack.refreshModels(), pause(LISTING_BUDGET_MS, signal)])
  const { dataDir, server } = stack.config
  return {
    url,
    port,
    host: server.host,
    dataDir,
    keyCount: server.apiKeys.length,
    auto: await stack.findAuto(),
    providers: stack.providers.map(({ id, type, off }) => ({ id, type, off })),
  }
}

/** What is announced, and since when it was so. */
export interface Announcement {
  readonly serving: Serving
  readonly plan: ServePlan
  /** Monotonic milliseconds. */
  readonly readyMs: number
  /** The process ids of the workers, where there are several. */
  readonly workers?: readonly number[]
}

/** Prints the banner, or the line of JSON that a program waits for. */
export function announce(
  { serving, plan, readyMs, workers }: Announcement,
  output: Output,
  context: CommandContext,
): void {
  const { url, port, host, dataDir, keyCount, auto, providers } = serving
  const facts = {
    version: VERSION,
    url: url.replace('127.0.0.1', 'localhost'),
    readyMs,
    dataDir: toHomePath(dataDir, context.home),
    ephemeral: plan.ephemeral,
    keyCount,
    loopback: ['127.0.0.1', 'localhost', '::1'].includes(host),
    source: plan.source,
    envFiles: plan.envFiles,
    recordings: plan.recordings,
    providers: plan.toProviderLines(providers),
    auto,
    remarks: workers === undefined ? plan.remarks : [...plan.remarks, `${workers.length} processes serve this port`],
  }
  const json = {
    url,
    port,
    pid: process.pid,
    ...(workers === undefined ? {} : { workers }),
    version: VERSION,
    dataDir,
    source: plan.source ?? 'detected',
    auto: auto ?? null,
    providers: providers.map(({ id, type, off }) => ({ id, type, off: off ?? null })),
  }
  output.result(json, () => (output.quiet ? `${url}\n` : renderBanner(facts, output.terminal)))
}
