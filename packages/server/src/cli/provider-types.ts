/** What `llama stack list-apis` and `list-providers` tell: the types of both generations, and which this build serves. */
import { StackError } from '@llama-stack/api'
import { providerApis, upstreamCatalog } from '../config/upstream-catalog.ts'
import type { CatalogEntry } from '../config/upstream-catalog.ts'
import { findNearest } from '../kernel/nearest.ts'
import { providerRegistry } from '../providers/registry.gen.ts'

/** One provider type as the command line prints it. */
export interface ListedProviderType {
  readonly api: string
  readonly type: string
  readonly served: 'yes' | 'as a substitute' | 'not yet' | 'no'
  readonly description: string
  /** What to do where it is not served. */
  readonly instead?: string
}

/** Each API with the number of its types. */
export function listApis(): readonly { readonly api: string; readonly served: number; readonly known: number }[] {
  return providerApis.map((api) => {
    const known = upstreamCatalog.filter((entry) => entry.api === api)
    return { api, served: known.filter(isServed).length, known: known.length }
  })
}

/** The types of one API or of all. Throws `command_usage` for an API that nobody knows. */
export function listProviderTypes(api: string | undefined, includeUnserved: boolean): readonly ListedProviderType[] {
  if (api !== undefined && !providerApis.includes(api)) {
    const nearest = findNearest(api, providerApis)
    throw new StackError('command_usage', {
      problem: `No API '${api}' has providers.${nearest === undefined ? '' : ` Did you mean '${nearest}'?`}`,
      fix: 'List them: llama stack list-apis',
    })
  }
  return upstreamCatalog
    .filter((entry) => (api === undefined || entry.api === api) && (includeUnserved || isServed(entry)))
    .map((entry) => ({
      api: entry.api,
      type: entry.type,
      served: toServed(entry),
      description: entry.description,
      ...(entry.instead === undefined || isServed(entry) ? {} : { instead: entry.instead }),
    }))
}

function isServed({ api, type, builtIn }: CatalogEntry): boolean {
  return builtIn !== undefined || Object.hasOwn(providerRegistry[api] ?? {}, type)
}

function toServed(entry: CatalogEntry): ListedProviderType['served'] {
  if (isServed(entry)) return entry.standIn === undefined ? 'yes' : 'as a substitute'
  return entry.unserved === 'later' ? 'not yet' : 'no'
}
