/** What a provider of inference can do, as the conformance suite tests it and as `docs/compatibility.md` shows it. */

/**
 * Every capability, with the heading of its column. A provider has all of them but those it skips, each with a reason.
 * Order of the columns.
 */
export const capabilities = Object.freeze({
  chat: 'Chat',
  stream: 'Streams',
  'tool calls': 'Tools',
  'parallel tool calls': 'Parallel tools',
  'structured output': 'JSON schema',
  images: 'Images',
  usage: 'Usage',
  'usage in streams': 'Usage in streams',
  'content filter': 'Content filter',
  'unknown fields': 'Unknown fields travel',
  'text completions': 'Completions',
  embeddings: 'Embeddings',
  'base64 embeddings': 'base64',
  dimensions: 'Dimensions',
  rerank: 'Rerank',
  'model list': 'Model list',
  health: 'Health',
  'key of the caller': 'Caller’s key',
  'missing key': 'Key needed',
  errors: 'Errors told apart',
  'broken streams': 'Broken streams told',
  cancellation: 'Cancels in 100 ms',
})

/** One of {@link capabilities}. */
export type Capability = keyof typeof capabilities

/** Why a provider lacks a capability: a few words for a person who looks for it. */
export type CapabilitySkips = Readonly<Partial<Record<Capability, string>>>

/** The skips of a provider on this machine that does not converse. */
export function withoutChat(reason: string): CapabilitySkips {
  const conversation = [
    'chat',
    'stream',
    'tool calls',
    'parallel tool calls',
    'structured output',
    'images',
    'usage',
    'usage in streams',
    'content filter',
    'unknown fields',
    'text completions',
  ] as const
  return { ...withoutVendor, ...skipAll([...conversation, 'cancellation'], reason) }
}

/** The skips of a provider that makes no vectors. */
export function withoutEmbeddings(reason: string): CapabilitySkips {
  return skipAll(['embeddings', 'base64 embeddings', 'dimensions'], reason)
}

/** The skips of a provider that asks nobody. */
export const withoutVendor: CapabilitySkips = Object.freeze(
  skipAll(
    ['unknown fields', 'content filter', 'key of the caller', 'missing key', 'errors', 'broken streams'],
    'there is no vendor',
  ),
)

function skipAll(names: readonly Capability[], reason: string): CapabilitySkips {
  return Object.fromEntries(names.map((name) => [name, reason]))
}
