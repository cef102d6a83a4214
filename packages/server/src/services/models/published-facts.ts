/** Looks up what was published of a model: the table, by the names that vendors and those who resell them give to it. */
import type { FactName, FactSource, ModelFacts, ModelPrice } from '@llama-stack/api'
import { publishedModels } from './model-facts-table.ts'
import type { PublishedModel } from './model-facts-table.ts'

/** Published facts, and how much a request may ask for. */
export interface PublishedFacts {
  readonly facts: ModelFacts
  readonly source: FactSource
  /** At least `facts.context_length`; undefined where the name may stand for a newer model by now. */
  readonly upTo: number | undefined
}

const MICRO = 1_000_000

const byName = new Map(publishedModels.toReversed().flatMap((row) => row.names.map((name) => [name, row] as const)))

/** Finds what was published of a model under this name at this vendor. */
export function findPublishedFacts(catalog: string, name: string): PublishedFacts | undefined {
  const row = spellings(name)
    .map((spelling) => byName.get(spelling))
    .find((found) => found !== undefined && (found.vendor === catalog || found.alsoAt?.includes(catalog) === true))
  if (row === undefined) return undefined
  const source = { from: 'table', as_of: row.source.asOf } as const
  const moves = row.moves === true || name.endsWith('latest')
  return { facts: toFacts(row, row.vendor === catalog), source, upTo: moves ? undefined : (row.upTo ?? row.context) }
}

/** The name as it is, then without what stands before and after it. */
function spellings(name: string): readonly string[] {
  const last = name.toLowerCase().split('/').at(-1) ?? ''
  // Bedrock: us.anthropic.claude-…-v1:0. Vertex AI: claude-…@20250219, gemini-…-001.
  const plain = last.replace(/^(?:[a-z-]+\.)?anthropic\./, '').replace(/-v\d+(?::\d+)?$/, '')
  const undated = plain
    .replace(/[@-](?:\d{8}|latest|default|00\d)$/, '')
    .replace(/-\d{4}-\d{2}-\d{2}$/, '')
    .replace(/-v\d+$/, '')
  return [last, plain, undated]
}

function toFacts(row: PublishedModel, hasPrice: boolean): ModelFacts {
  const facts: Record<FactName, unknown> = {
    context_length: row.context,
    max_output_tokens: row.maxOutput,
    input_modalities: row.inputs,
    output_modalities: row.outputs,
    tools: row.tools,
    structured_output: row.structuredOutput,
    reasoning: row.reasoning,
    price: hasPrice && row.dollars !== undefined ? toPrice(row.dollars) : undefined,
  }
  // The rows have the types of the facts.
  return Object.fromEntries(Object.entries(facts).filter(([, fact]) => fact !== undefined)) as ModelFacts
}

function toPrice([input, cachedInput, output]: NonNullable<PublishedModel['dollars']>): ModelPrice {
  return {
    currency: 'USD',
    input: toMicro(input),
    ...(cachedInput !== undefined && { cached_input: toMicro(cachedInput) }),
    output: toMicro(output),
  }
}

function toMicro(dollars: number): number {
  return Math.round(dollars * MICRO)
}
