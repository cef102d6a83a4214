/** What a provider of tools implements: for now, searching the web. */
import type { ProviderCall } from './provider.ts'

/** Where the person who asks is, as far as the caller tells. */
export interface SearchLocation {
  /** Two letters (ISO 3166-1). */
  readonly country?: string | undefined
  readonly region?: string | undefined
  readonly city?: string | undefined
  /** IANA name. */
  readonly timezone?: string | undefined
}

export interface WebSearchRequest {
  readonly query: string
  /** Default: the provider's own number. */
  readonly maxResults?: number
  /** Only these domains and their subdomains. A provider that cannot ask for it filters what it finds. */
  readonly allowedDomains?: readonly string[]
  readonly blockedDomains?: readonly string[]
  readonly location?: SearchLocation
  /** How much the model is to be told of each result. Default: medium. */
  readonly contextSize?: 'low' | 'medium' | 'high'
}

/** One page that was found. */
export interface WebSearchHit {
  readonly title: string
  readonly url: string
  /** What the page says about the query. */
  readonly text: string
  /** When it was published, as the engine tells it. */
  readonly date?: string
}

export interface WebSearchResult {
  readonly hits: readonly WebSearchHit[]
  /** What the model is told: the engine's own JSON text where upstream hands that on. */
  readonly modelText: string
}

/** A provider of tools. An absent operation is one that it does not have. */
export interface ToolRuntimeProvider {
  /** Rejects with a `provider_*` error. */
  webSearch?(request: WebSearchRequest, call: ProviderCall): Promise<WebSearchResult>
  [Symbol.asyncDispose]?(): Promise<void>
}
