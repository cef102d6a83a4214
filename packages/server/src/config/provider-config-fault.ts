/** Faults that a provider's own schema finds in its block, placed in the file. */
import type { ConfigFault } from '@llama-stack/api'
import { findNearest } from '../kernel/nearest.ts'
import type { ConfigDocument } from './config-document.ts'
import { parsePath } from './config-path.ts'
import { explainIssue, toConfigPath } from './explain-issue.ts'
import type { SchemaIssue } from './explain-issue.ts'
import type { ConfiguredProvider } from './stack-config.ts'

/** What a provider's schema refused. */
export interface RefusedProviderConfig {
  readonly provider: ConfiguredProvider
  readonly issues: readonly SchemaIssue[]
  /** The keys that the provider knows, to suggest one of them. */
  readonly knownKeys?: readonly string[]
}

/** Turns the issues of a provider's schema into faults with lines; an unknown key is one fault of its own. */
export function explainProviderConfigFault(
  document: ConfigDocument,
  { provider, issues, knownKeys = [] }: RefusedProviderConfig,
): readonly ConfigFault[] {
  const base = [...parsePath(provider.path ?? `providers.${provider.api}`), 'config']
  return issues.flatMap((issue) => {
    const path = [...base, ...toConfigPath(issue.path)]
    if (issue.code !== 'unrecognized_keys') return [document.fault(path, explainIssue(issue, path, provider.config))]
    return issue.keys.map((key) => {
      const nearest = findNearest(key, knownKeys)
      const fault = document.fault([...path, key], {
        problem: `${provider.type} has no setting '${key}'.${nearest === undefined ? '' : ` Did you mean '${nearest}'?`}`,
        fix: knownKeys.length === 0 ? 'Remove it.' : `Its settings: ${knownKeys.join(', ')}.`,
        target: 'key',
      })
      return fault.source === undefined ? fault : { ...fault, source: hideValue(fault.source) }
    })
  })
}

/** The value of a misspelt key may be a credential: `api_kye: sk-…`. An expression names a variable and stays. */
function hideValue(source: string): string {
  return source.replace(/(:\s+)(?!["']?\$\{)\S.*$/, '$1<redacted>')
}
