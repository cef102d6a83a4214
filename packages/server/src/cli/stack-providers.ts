/** The providers of a stack as the banner and `--json` name them. */
import type { StackConfig } from '../config/stack-config.ts'
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

const severities = Object.freeze({
  substituted: 'served by something else than asked for',
  unsupported: 'not served',
  unknown: 'unknown',
})

/** How many notes the configuration has, by their weight; `config check` has them in full. */
export function toNoteRemarks(notes: StackConfig['notes'], source: string): readonly string[] {
  const counts = Object.entries(severities).flatMap(([severity, words]) => {
    const count = notes.filter((note) => note.severity === severity).length
    return count === 0 ? [] : [`${count} ${words}`]
  })
  return counts.length === 0 ? [] : [`${counts.join(', ')}: llama config check ${source}`]
}
