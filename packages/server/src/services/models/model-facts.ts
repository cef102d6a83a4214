/** What is known of a model, put together of what several sources know. */
import { ModelFacts } from '@llama-stack/api'
import type { FactName, FactSource, JsonObject, SourcedFacts } from '@llama-stack/api'

/** What one source knows. */
export interface KnownFrom {
  readonly facts: ModelFacts
  readonly source: FactSource
}

// Written out, because every start reads facts, most find none, and the schema is built to check those that it finds.
const factKeys: Readonly<Record<FactName, true>> = Object.freeze({
  context_length: true,
  max_output_tokens: true,
  input_modalities: true,
  output_modalities: true,
  tools: true,
  structured_output: true,
  reasoning: true,
  price: true,
})
// The compiler has checked that these are the names.
const factNames = Object.keys(factKeys) as FactName[]

/** The facts among a model's metadata: values under these names that have another form are somebody's own. */
export function readFacts(metadata: JsonObject): ModelFacts {
  const facts: Record<string, unknown> = {}
  for (const name of factNames) {
    if (metadata[name] === undefined) continue
    const parsed = ModelFacts.shape[name].safeParse(metadata[name])
    if (parsed.success) facts[name] = parsed.data
  }
  // Each was parsed by the schema of its name.
  return facts as ModelFacts
}

/** Takes each fact from the first source that has it. */
export function mergeFacts(known: readonly KnownFrom[]): SourcedFacts {
  const facts: Record<string, unknown> = {}
  const sources: Partial<Record<FactName, FactSource>> = {}
  for (const name of factNames) {
    const first = known.find((each) => each.facts[name] !== undefined)
    if (first === undefined) continue
    facts[name] = first.facts[name]
    sources[name] = first.source
  }
  // Each comes from facts of the same name.
  return { facts: facts as ModelFacts, sources }
}
