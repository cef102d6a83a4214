/**
 * A `build.yaml` names provider types and no settings: upstream builds an image from it. Here it runs at once, each type
 * with the entry that the starter distribution has for it, or with its defaults.
 */
import { basename, dirname } from 'node:path'
import type { ConfigDocument } from '../config-document.ts'
import { throwFaults } from '../config-faults.ts'
import type { ConfigPath } from '../config-path.ts'
import { generationOf } from '../detect-dialect.ts'
import { isConfigMap } from '../env-tree.ts'

type RawProvider = Readonly<Record<string, unknown>>

/** Makes a configuration of a recipe. What is reported of it names the lines of the recipe. */
export function fromBuildRecipe(recipe: ConfigDocument, path: string, starter: ConfigDocument): ConfigDocument {
  const value = isConfigMap(recipe.value) ? recipe.value : {}
  const specification = value['distribution_spec']
  const providers = isConfigMap(specification) ? specification['providers'] : undefined
  if (!isConfigMap(providers)) {
    throwFaults([
      recipe.fault(['distribution_spec'], {
        problem: 'distribution_spec.providers is missing: the provider types of each API.',
        fix: 'Add it, or run a run.yaml or config.yaml.',
        target: 'key',
      }),
    ])
    return recipe
  }
  const generation = generationOf(Object.keys(providers))
  const name = typeof value['image_name'] === 'string' ? value['image_name'] : basename(dirname(path)) || 'build'
  const entries = Object.entries(providers).map(([api, types]) => [
    api,
    (Array.isArray(types) ? types : [types]).map((type: unknown) => toProvider(api, type, starter)),
  ])
  const toSource = (at: ConfigPath): ConfigPath => (at[0] === 'providers' ? ['distribution_spec', ...at] : at)
  return {
    file: recipe.file,
    value: {
      version: 2,
      [generation === 'ogx' ? 'distro_name' : 'image_name']: name,
      providers: Object.fromEntries(entries),
    },
    locate: (at, target) => recipe.locate(toSource(at), target),
    fault: (at, what) => recipe.fault(toSource(at), what),
  }
}

/** A type may be written as a map or as a bare name. */
function toProvider(api: string, written: unknown, starter: ConfigDocument): RawProvider {
  const entry = isConfigMap(written) ? written : { provider_type: written }
  const type = entry['provider_type']
  if (typeof type !== 'string') return { provider_id: null, ...entry }
  const module = typeof entry['module'] === 'string' ? { module: entry['module'] } : {}
  const known = findStarterEntry(api, type, starter)
  return { provider_id: type.split('::').slice(1).join('-'), provider_type: type, ...known, ...module }
}

function findStarterEntry(api: string, type: string, starter: ConfigDocument): RawProvider | undefined {
  const providers = isConfigMap(starter.value) ? starter.value['providers'] : undefined
  const list: unknown = isConfigMap(providers) ? providers[api] : undefined
  const entries: readonly unknown[] = Array.isArray(list) ? list : []
  return entries.filter(isConfigMap).find((entry) => entry['provider_type'] === type)
}
