/** What differs between the makers of Bedrock's models, by the beginning of their ids. */
import type { JsonObject } from '@llama-stack/api'
import { deepFreeze } from './_dialect.ts'
import type { BedrockWire } from './_bedrock-settings.ts'

/** Facts about the models of one maker. */
export interface ModelFamily {
  /** How its chat models are spoken to. */
  readonly wire: BedrockWire
  /** Whether a model can be made to call a certain tool: then a schema is asked for as the input of one. */
  readonly forcedTool: boolean
  /** How thinking is asked for: by a budget of tokens, by a word, or not at all. */
  readonly thinking: 'budget' | 'effort' | 'none'
}

const plain: ModelFamily = deepFreeze({ wire: 'converse', forcedTool: false, thinking: 'none' })

/** "Supported models and model features" and "ToolChoice", in the user guide and the API reference of Bedrock. */
const families: readonly (readonly [prefix: string, facts: ModelFamily])[] = deepFreeze([
  ['anthropic.', { ...plain, forcedTool: true, thinking: 'budget' }],
  ['amazon.nova', { ...plain, forcedTool: true }],
  ['openai.', { ...plain, wire: 'openai', thinking: 'effort' }],
])

/** Inference profiles of AWS are named like their model, after the part of the world that they spread it over. */
const GEOGRAPHY = /^(?:us|us-gov|eu|apac|jp|au|ca|global)\./

/** A model's id without its part of the world; of an ARN, what stands after its last slash. */
export function toPlainModelId(model: string): string {
  return model.slice(model.lastIndexOf('/') + 1).replace(GEOGRAPHY, '')
}

/** The facts about a model. Profiles with names of their own tell nothing, and get what every model can do. */
export function familyOf(model: string): ModelFamily {
  const id = toPlainModelId(model)
  return families.find(([prefix]) => id.startsWith(prefix))?.[1] ?? plain
}

/** Room for an answer where the client did not say how long it may be. */
const ANSWER_TOKENS = 4096
/** The least that a model with a budget accepts. */
const MIN_BUDGET_TOKENS = 1024
const budgets: Readonly<Record<string, number>> = Object.freeze({
  low: MIN_BUDGET_TOKENS,
  medium: 4096,
  high: 16_384,
  xhigh: 32_768,
})

/** What thinking with this effort adds to a request. */
export interface Thinking {
  readonly fields: JsonObject
  /** The answer's limit with the thoughts, which count as part of it. */
  readonly maxTokens: number | undefined
}

/** Translates `reasoning_effort`; undefined where nothing has to be said. */
export function toThinking(
  family: ModelFamily,
  effort: string | null | undefined,
  maxTokens: number | undefined,
): Thinking | undefined {
  if (effort === undefined || effort === null) return undefined
  if (family.thinking === 'effort') return { fields: { reasoning_effort: effort }, maxTokens }
  const wanted = family.thinking === 'budget' ? budgets[effort] : undefined
  if (wanted === undefined) return undefined
  const budget = maxTokens === undefined ? wanted : Math.min(wanted, maxTokens - 1)
  if (budget < MIN_BUDGET_TOKENS) return undefined
  return {
    fields: { thinking: { type: 'enabled', budget_tokens: budget } },
    maxTokens: maxTokens ?? budget + ANSWER_TOKENS,
  }
}
