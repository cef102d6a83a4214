/** `llama config check`: reads a configuration as a start would, and explains it. */
import { explainConfig } from '../config/explain.ts'
import type { ConfigExplanation } from '../config/explain.ts'
import { readConfig } from '../config/load-config.ts'
import type { ConfigNote } from '../config/stack-config.ts'
import { checkProviderSettings } from './check-provider-settings.ts'
import type { CommandContext } from './command.ts'
import { findConfigFile } from './config-input.ts'
import { readEnvOverlay } from './env-overlay.ts'
import type { Style, Terminal } from './terminal.ts'

/** Reads, checks and explains. Rejects with the `config_*` errors. */
export async function explainConfigFile(
  source: string,
  assignments: readonly string[],
  context: CommandContext,
): Promise<ConfigExplanation> {
  const { env } = await readEnvOverlay(context.cwd, context.env, assignments)
  const loaded = await readConfig({ ...(await findConfigFile(context, source)), env })
  await checkProviderSettings(loaded)
  return explainConfig(loaded.config)
}

/** Renders the explanation: what runs, what runs differently, what does not, and where it stands. */
export function renderExplanation(explanation: ConfigExplanation, terminal: Terminal): string {
  const { tick, warning, cross, off } = terminal.symbols
  const { listed, enabled, started } = explanation.providers
  const native = explanation.native.map(({ api, ids }) => `${api}: ${ids.join(', ')}`)
  const lines = [
    `${terminal.paint('bold', explanation.name)}  ${explanation.dialectName}, ${listed} providers, ${enabled} enabled, ${started} served`,
    '',
    ...native.map((line) => `  ${terminal.paint('green', tick)} ${line}`),
    ...renderNotes('served by something else', explanation.substituted, { mark: '~', style: 'yellow', terminal }),
    ...renderNotes('not served', explanation.unsupported, { mark: cross, style: 'red', terminal }),
    ...renderNotes('not known', explanation.unknown, { mark: warning, style: 'yellow', terminal }),
    ...renderNotes('turned off by the environment', explanation.off, { mark: off, style: 'dim', terminal }),
    '',
    `  Data  ${explanation.dataDir} (${explanation.database})`,
  ]
  return `${lines.join('\n')}\n`
}

interface NoteMark {
  readonly mark: string
  readonly style: Style
  readonly terminal: Terminal
}

function renderNotes(
  heading: string,
  notes: readonly ConfigNote[],
  { mark, style, terminal }: NoteMark,
): readonly string[] {
  if (notes.length === 0) return []
  return [
    '',
    `  ${terminal.paint(style, mark)} ${notes.length} ${heading}`,
    ...notes.flatMap(({ line, path, message, fix }) => [
      `      ${line === undefined ? path : `line ${line}`}  ${message}`,
      ...(fix === undefined ? [] : [`        ${terminal.paint('dim', `Fix: ${fix}`)}`]),
    ]),
  ]
}
