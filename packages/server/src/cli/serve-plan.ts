/** From a command line to what is started: a file, a distribution, named providers, or what is found here. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { StackError } from '@llama-stack/api'
import { settleServer } from '../config/settle-server.ts'
import { findRecordingSettings } from '../recordings/environment.ts'
import type { RecordingSettings } from '../recordings/environment.ts'
import { DEFAULT_PORT } from '../config/stack-config.ts'
import type { StackConfigInput } from '../config/stack-config.ts'
import { toEngineLine, toFilesLine, toKeyLine } from './banner.ts'
import type { ProviderLine } from './banner.ts'
import type { CommandContext, Environment } from './command.ts'
import { assumeAll, detect } from './detect.ts'
import type { Detection } from './detect.ts'
import { toDetectedConfig, toProviderId } from './detected-config.ts'
import { readEnvOverlay } from './env-overlay.ts'
import type { EnvOverlay } from './env-overlay.ts'
import { defaultDataDir, fromHomePath } from './home-path.ts'
import { findKeyedProviders } from './keyed-providers.ts'
import { toServerOverrides } from './serve-options.ts'
import type { ServeOptions } from './serve-options.ts'
import { parseProviderSpec } from './provider-spec.ts'
import { toSummaryLines } from './stack-providers.ts'
import type { ShownProvider } from './stack-providers.ts'
import { findSurroundings } from './surroundings.ts'
import { toTerminal } from './terminal.ts'

/** Everything that is known before the stack exists. Disposing deletes an ephemeral data folder. */
export interface ServePlan extends AsyncDisposable {
  readonly config: StackConfigInput
  /** The file or distribution; undefined where the configuration was detected. */
  readonly source: string | undefined
  readonly envFiles: readonly string[]
  /** The process's variables, those of the files and those of `--env`. */
  readonly env: Environment
  readonly recordings: RecordingSettings | undefined
  readonly ephemeral: boolean
  /** Whether somebody named the port: then another one is never offered. */
  readonly portIsChosen: boolean
  readonly remarks: readonly string[]
  toProviderLines(providers: readonly ShownProvider[]): readonly ProviderLine[]
}

export interface ServePlanInput {
  readonly config: string | undefined
  readonly options: ServeOptions
  readonly context: CommandContext
}

/** The part that depends on where the configuration comes from. */
export type Planned = Pick<ServePlan, 'config' | 'source' | 'remarks' | 'toProviderLines'>

/** Plans a server. Rejects with `command_usage` and the `config_*` errors. */
export async function createServePlan(input: ServePlanInput): Promise<ServePlan> {
  const { options, context } = input
  const overlay = await readEnvOverlay(context.cwd, context.env, options.env)
  const recordings = toRecordings(options, context) ?? findRecordingSettings(overlay.env)
  await using opening = new AsyncDisposableStack()
  const ephemeralDir = options.ephemeral ? await mkdtemp(join(tmpdir(), 'llama-stack-')) : undefined
  if (ephemeralDir !== undefined) opening.defer(() => rm(ephemeralDir, { recursive: true, force: true }))
  const dataDir = ephemeralDir ?? (options.data === undefined ? undefined : fromHomePath(options.data, context))
  const planned = await plan(input, { ...overlay, dataDir, replays: recordings?.mode === 'replay' })
  const owned = opening.move()
  return {
    ...planned,
    envFiles: overlay.files,
    env: overlay.env,
    recordings,
    ephemeral: options.ephemeral,
    portIsChosen: options.port !== undefined || planned.config.server?.port !== DEFAULT_PORT,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

interface Surrounding extends EnvOverlay {
  /** Where `--data` or `--ephemeral` puts the data. */
  readonly dataDir: string | undefined
  /** Nobody is called: what is not there may be configured too. */
  readonly replays: boolean
}

async function plan(input: ServePlanInput, around: Surrounding): Promise<Planned> {
  const { options } = input
  if (options.providers !== undefined) {
    if (input.config === undefined) return planProviders(input, around)
    throw usage('A configuration and --providers exclude each other.', 'Leave one of them out.')
  }
  const source = input.config ?? findNamedConfig(around)
  if (source === undefined) return around.replays ? planReplay(input, around) : planDetected(input, around)
  // Loaded late: a start without a file does not need the YAML reader.
  const { planFile } = await import('./serve-plan-file.ts')
  return planFile(source, { ...input, ...around })
}

/** Upstream's variables for the configuration; with one of them set, nothing is detected. */
function findNamedConfig({ env }: EnvOverlay): string | undefined {
  return env['LLAMA_STACK_CONFIG'] || env['OGX_CONFIG'] || undefined
}

async function planProviders({ options, context }: ServePlanInput, around: Surrounding): Promise<Planned> {
  const providers = await parseProviderSpec(options.providers ?? '', around.env)
  const found = toDetectedConfig({ engines: [], files: [], keys: [] }, around.dataDir ?? defaultDataDir(context.home))
  const server = settleServer({}, toServerOverrides(options), around.env)
  return {
    config: { ...found, name: 'providers', providers: [...providers], server },
    source: undefined,
    remarks: [],
    toProviderLines: toSummaryLines,
  }
}

/** Recordings name their provider by its address only: all are configured, and those that were recorded answer. */
async function planReplay({ options, context }: ServePlanInput, around: Surrounding): Promise<Planned> {
  const detection = assumeAll({ env: around.env, keyed: await findKeyedProviders() })
  const config = toDetectedConfig(detection, around.dataDir ?? defaultDataDir(context.home))
  return {
    config: { ...config, name: 'replay', server: settleServer({}, toServerOverrides(options), around.env) },
    source: undefined,
    remarks: ['Nobody is called and no key is needed: what was not recorded is answered with recording_not_found'],
    toProviderLines: toSummaryLines,
  }
}

async function planDetected({ options, context }: ServePlanInput, around: Surrounding): Promise<Planned> {
  const place = findSurroundings(context.env)
  const probe = options.detect || (!options['no-detect'] && place === 'machine')
  const keyed = await findKeyedProviders()
  const home = options['no-detect'] ? undefined : context.home
  const detection = await detect({ env: around.env, home, fetch: context.fetch, probe, keyed })
  const config = toDetectedConfig(detection, around.dataDir ?? defaultDataDir(context.home))
  const skipped = !probe && !options['no-detect']
  return {
    config: { ...config, server: settleServer({}, toServerOverrides(options), around.env) },
    source: undefined,
    remarks: skipped
      ? [`Not looked for local engines ${place === 'ci' ? 'in CI' : 'in a container'}: llama --detect`]
      : [],
    toProviderLines: (providers) => toDetectedLines(detection, providers, context),
  }
}

function toDetectedLines(
  detection: Detection,
  providers: readonly ShownProvider[],
  context: CommandContext,
): readonly ProviderLine[] {
  const { ellipsis } = toTerminal(context.stdout, context.env).symbols
  const offOf = (id: string): string | undefined => providers.find((provider) => provider.id === id)?.off
  return [
    ...detection.engines.map(toEngineLine),
    ...detection.files.map(toFilesLine),
    ...detection.keys.map((key) => toKeyLine(key, ellipsis, offOf(toProviderId(key.providerType)))),
    { state: 'on', name: 'Demo', facts: ['demo/assistant, demo/scripted', 'canned answers, no model behind them'] },
    { state: 'on', name: 'Search', facts: ['lexical embeddings and rerank', 'words, not meaning'] },
  ]
}

function toRecordings({ record, replay }: ServeOptions, context: CommandContext): ServePlan['recordings'] {
  if (record !== undefined && replay !== undefined) {
    throw usage('--record and --replay exclude each other.', 'Record first, then replay the same folder.')
  }
  if (record !== undefined) return { mode: 'record', directory: fromHomePath(record, context) }
  return replay === undefined ? undefined : { mode: 'replay', directory: fromHomePath(replay, context) }
}

function usage(problem: string, fix: string): StackError {
  return new StackError('command_usage', { problem, fix })
}
