/** What a server says when it listens. Only what is true, and nothing twice. */
import type { FoundEngine, FoundKey } from './detect.ts'
import { toProviderId } from './detected-config.ts'
import type { FoundFiles } from './local-files.ts'
import { formatDuration } from './progress.ts'
import { displayWidth, secretEnding } from './terminal.ts'
import type { Terminal } from './terminal.ts'

export interface BannerFacts {
  readonly version: string
  readonly url: string
  readonly readyMs: number
  /** With `~` for the home directory. */
  readonly dataDir: string
  readonly ephemeral: boolean
  /** How many keys open the server; 0: none is needed. */
  readonly keyCount: number
  /** Whether only this machine can reach it. */
  readonly loopback: boolean
  /** What the configuration came from: a file, a distribution, or undefined where it was detected. */
  readonly source: string | undefined
  /** `.env` files that were read. */
  readonly envFiles: readonly string[]
  readonly recordings: { readonly mode: string; readonly directory: string } | undefined
  readonly providers: readonly ProviderLine[]
  /** The model that `auto` stands for now, where one is known. */
  readonly auto: string | undefined
  /** More about what is on and off. */
  readonly remarks: readonly string[]
}

/** One provider that is on, or needs attention. */
export interface ProviderLine {
  readonly state: 'on' | 'attention' | 'off'
  readonly name: string
  readonly facts: readonly string[]
}

/** Renders the banner. */
export function renderBanner(facts: BannerFacts, terminal: Terminal): string {
  const { separator } = terminal.symbols
  const label = (name: string): string => `  ${terminal.paint('dim', name.padEnd(7))} `
  const data = facts.ephemeral ? `${facts.dataDir}, deleted at the end` : `${facts.dataDir} (SQLite)`
  const protocols = ['OpenAI', 'Llama Stack', 'OGX'].join(` ${separator} `)
  const lines = [
    '',
    `  ${terminal.paint('bold', `llama ${facts.version}`)}  ready in ${formatDuration(facts.readyMs)}`,
    '',
    `${label('API')}${terminal.paint('cyan', `${facts.url}/v1`)}   ${protocols}`,
    `${label('Docs')}${terminal.paint('cyan', `${facts.url}/docs`)}`,
    `${label('Data')}${data}`,
    `${label('Access')}${toAccess(facts)}`,
    ...(facts.source === undefined ? [] : [`${label('Config')}${facts.source}`]),
    ...(facts.envFiles.length === 0 ? [] : [`${label('Env')}${facts.envFiles.join(', ')}`]),
    ...(facts.recordings === undefined
      ? []
      : [`${label('Calls')}${facts.recordings.mode} ${facts.recordings.directory}`]),
    '',
    ...toProviderLines(facts.providers, terminal),
    ...facts.remarks.map((remark) => `  ${terminal.paint('dim', terminal.symbols.off)} ${remark}`),
    '',
    `${label('Try')}${toTryCommand(facts)}`,
    ...(facts.auto === undefined ? [] : [`${label('')}auto = ${facts.auto}`]),
    '',
  ]
  return `${lines.join('\n')}\n`
}

/** The line of an engine that was looked for. */
export function toEngineLine({ engine, url, state, models }: FoundEngine): ProviderLine {
  if (state === 'silent') {
    return { state: 'attention', name: engine.label, facts: [url, 'named by the environment, does not answer now'] }
  }
  if (state === 'unchecked') return { state: 'on', name: engine.label, facts: [url, 'named by the environment'] }
  if (models.length === 0) {
    return { state: 'attention', name: engine.label, facts: [url, `runs, has no models: ${engine.whenEmpty}`] }
  }
  return {
    state: 'on',
    name: engine.label,
    facts: [url, `${models.length} ${models.length === 1 ? 'model' : 'models'}`],
  }
}

/** The line of models in files. */
export function toFilesLine({ kind, models, install }: FoundFiles): ProviderLine {
  const count = `${models.length} ${models.length === 1 ? 'model' : 'models'}`
  return install === undefined
    ? { state: 'on', name: kind.label, facts: [count] }
    : { state: 'attention', name: kind.label, facts: [count, `to run them: ${install}`] }
}

/** The line of a key in the environment. `off` says why the key is not enough. */
export function toKeyLine(found: FoundKey, ellipsis: string, off?: string): ProviderLine {
  const where = `${found.variable} ${secretEnding(found.key, ellipsis)}`
  const name = toProviderId(found.providerType)
  if (off !== undefined) return { state: 'attention', name, facts: [where, off] }
  return { state: 'on', name, facts: found.baseUrl === undefined ? [where] : [where, found.baseUrl] }
}

function toAccess({ loopback, keyCount }: BannerFacts): string {
  const who = loopback ? 'this machine only' : 'everyone who reaches this port'
  if (keyCount === 0) return `${who}, no key`
  return `${who}, with ${keyCount === 1 ? 'the key' : `one of ${keyCount} keys`}`
}

function toProviderLines(providers: readonly ProviderLine[], terminal: Terminal): readonly string[] {
  const { tick, warning, off } = terminal.symbols
  const marks = {
    on: terminal.paint('green', tick),
    attention: terminal.paint('yellow', warning),
    off: terminal.paint('dim', off),
  }
  const width = Math.max(0, ...providers.map(({ name }) => displayWidth(name)))
  return providers.map(({ state, name, facts }) => `  ${marks[state]} ${name.padEnd(width)}  ${facts.join('   ')}`)
}

function toTryCommand({ url, keyCount }: BannerFacts): string {
  const body = '{"model":"auto","messages":[{"role":"user","content":"Say hello"}]}'
  const key = keyCount === 0 ? '' : ` -H "authorization: Bearer $LLAMA_STACK_API_KEY"`
  return `curl ${url}/v1/chat/completions -H content-type:application/json${key} -d '${body}'`
}
