/** Checks the settings of every provider of a file against its own schema, so that faults are shown with their lines. */
import { throwFaults } from '../config/config-faults.ts'
import { knownKeysAt } from '../config/explain-issue.ts'
import type { LoadedConfig } from '../config/load-config.ts'
import { explainProviderConfigFault } from '../config/provider-config-fault.ts'
import { providerRegistry } from '../providers/registry.gen.ts'
import { parseOnce } from '../kernel/parse-once.ts'

/** Throws one `config_invalid` with all faults, and returns where there are none. */
export async function checkProviderSettings({
  config,
  document,
}: Pick<LoadedConfig, 'config' | 'document'>): Promise<void> {
  const faults = await Promise.all(
    config.providers.map(async (provider) => {
      // What this build does not serve is a note of the configuration already.
      const definition = await providerRegistry[provider.api]?.[provider.type]?.()
      const parsed = definition?.config.safeParse(provider.config, parseOnce)
      if (definition === undefined || parsed === undefined || parsed.success) return []
      const knownKeys = knownKeysAt(definition.config, [])
      return explainProviderConfigFault(document, { provider, issues: parsed.error.issues, knownKeys })
    }),
  )
  throwFaults(faults.flat())
}
