/** A configured provider as the services see it: what it is, whether it can serve, and the way to it. */
import type { Json, ProviderApi, ProviderDependencies } from '@llama-stack/api'

export interface ProviderHandle<Served extends ProviderApi = 'inference'> extends AsyncDisposable {
  readonly api: Served
  /** The operator's name for this instance, the prefix of its model ids. */
  readonly id: string
  /** Upstream's type string. */
  readonly type: string
  /** The configuration with every secret masked, for `/v1/providers`. */
  readonly shownConfig: { readonly [key: string]: Json }
  /** Why the configuration alone does not let it serve, or undefined. A caller's own key may still work. */
  readonly off: string | undefined
  /** The provider-data key of a caller's own credential, where the provider takes one. */
  readonly credentialKey: string | undefined
  /** The provider itself, created at the first call. */
  get(): Promise<ProviderDependencies[Served]>
  /** The provider, where it has been created. */
  readonly created: ProviderDependencies[Served] | undefined
}

/** A provider of any API. */
export type AnyProviderHandle = { readonly [Served in ProviderApi]: ProviderHandle<Served> }[ProviderApi]

/** The providers that serve one API. */
export function ofApi<const Served extends ProviderApi>(
  handles: readonly AnyProviderHandle[],
  api: Served,
): ProviderHandle<Served>[] {
  // The filter looks at the very member that tells the types apart.
  return handles.filter((handle) => handle.api === api) as unknown as ProviderHandle<Served>[]
}
