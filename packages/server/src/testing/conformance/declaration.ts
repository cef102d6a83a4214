/** What a provider hands to the conformance suite: itself, who plays its vendor, and what it cannot do. */
import type {
  AnyProviderDefinition,
  ChatCompletionRequest,
  InferenceProvider,
  JsonObject,
  ModelType,
} from '@llama-stack/api'
import type { CapabilitySkips } from './capabilities.ts'
import type { VendorScript } from './vendor-script.ts'

/** The names of the models that the suite calls. An absent one is an operation that the provider does not have. */
export interface ConformanceModels {
  readonly chat?: string
  /** Default: the chat model. */
  readonly completion?: string
  readonly embedding?: string
  readonly rerank?: string
}

/** A provider that asks a vendor over HTTP: the script plays the vendor. */
export interface ScriptedSubject {
  readonly kind: 'scripted'
  readonly script: VendorScript
  /** The configuration for a vendor at this address; without credential where `key` is undefined. */
  readonly config: (vendor: { readonly url: string; readonly key: string | undefined }) => JsonObject
  /** The types of models that the vendor's list tells apart; others are listed as `llm`. Default: all. */
  readonly listedTypes?: readonly ModelType[]
  /** Provider data that carries a caller's own key. Default: the key that the definition's `credential` names. */
  readonly callerKey?: (key: string) => JsonObject
}

/** A provider that computes its answers itself: what they say is its own affair, their form is not. */
export interface ComputedSubject {
  readonly kind: 'computed'
  /** Creates it, once for the suite; the suite disposes it. */
  readonly create: () => Promise<InferenceProvider> | InferenceProvider
  /** Requests that make it show a capability, where a plain one does not. */
  readonly requests?: {
    readonly text?: Partial<ChatCompletionRequest>
    readonly toolCalls?: Partial<ChatCompletionRequest>
    readonly parallelToolCalls?: Partial<ChatCompletionRequest>
    readonly structured?: Partial<ChatCompletionRequest>
  }
}

/** One provider before the suite. */
export interface ConformanceDeclaration {
  readonly definition: AnyProviderDefinition<'inference'>
  readonly subject: ScriptedSubject | ComputedSubject
  readonly models: ConformanceModels
  /** Default: it can do everything. */
  readonly skips?: CapabilitySkips
  /** Why the suite cannot run here (an optional package is absent). It is shown, and the matrix keeps its row. */
  readonly absent?: string
}
