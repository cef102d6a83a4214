/** The providers of a stack as the banner and `--json` name them. */
import type { ConfigExplanation } from '../config/explain.ts'
import type { ProviderLine } from './banner.ts'

/** What of a provider handle the command line shows. */
export interface ShownProvider {
  readonly id: string
  readonly type: string
  /** Why it cannot serve with this configuration alone, or undefined. */
  readonly off: string | undefined
}

const MAX_NAMED = 8

/** One line for those that are on, one for those that are off: a distribution has some thirty. */
export function toSummaryLines(providers: readonly ShownProvider[]): readonly ProviderLine[] {
  const on = providers.filter(({ off }) => off === undefined)
  const off = providers.filter((provider) => provider.off !== undefined)
  return [
    { state: on.length > 0 ? 'on' : 'attention', name: 'On', facts: [on.length === 0 ? 'no provider' : toNames(on)] },
    ...(off.length === 0
      ? []
      : [{ state: 'off' as const, name: 'Off', facts: [`${toNames(off)}   llama doctor says why`] }]),
  ]
}

function toNames(providers: readonly ShownProvider[]): string {
  const names = providers.slice(0, MAX_NAMED).map(({ id }) => id)
  const rest = providers.length - names.length
  return rest > 0 ? `${names.join(', ')} and ${rest} more` : names.join(', ')
}

/** How many notes the configuration has, by their weight; `config check` has them in full. */
export function toNoteRemarks(explanation: ConfigExplanation, source: string): readonly string[] {
  const { substituted, unsupported, unknown } = explanation
  const counts = [
    [substituted.length, 'served by something else than asked for'],
    [unsupported.length, 'not served'],
    [unknown.length, 'not known'],
  ] as const
  const said = counts.filter(([count]) => count > 0).map(([count, words]) => `${count} ${words}`)
  return said.length === 0 ? [] : [`${said.join(', ')}: llama config check ${source}`]
}
