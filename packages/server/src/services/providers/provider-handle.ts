/** A configured provider as the services see it: what it is, whether it can serve, and the way to it. */
import type { InferenceProvider, Json, ProviderApi } from '@llama-stack/api'

export interface ProviderHandle extends AsyncDisposable {
  readonly api: ProviderApi
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
  get(): Promise<InferenceProvider>
  /** The provider, where it has been created. */
  readonly created: InferenceProvider | undefined
}
