/** The providers that a key in the environment switches on, as their own definitions tell. */
import { providerRegistry } from '../providers/registry.gen.ts'
import type { KeyedProvider } from './detect.ts'

/** Reads the inference definitions; loading one has no effect. Those that need more than a key are left out. */
export async function findKeyedProviders(): Promise<readonly KeyedProvider[]> {
  const definitions = await Promise.all(Object.values(providerRegistry['inference'] ?? {}).map((load) => load()))
  // The registry forgot the type of the settings; every definition with a credential knows `api_key`.
  const onlyKey = { api_key: 'a key' } as never
  return definitions.flatMap((definition) => {
    const variable = definition.credential?.env
    if (variable === undefined || definition.off?.(onlyKey) !== undefined) return []
    return [{ providerType: definition.type, variable }]
  })
}
