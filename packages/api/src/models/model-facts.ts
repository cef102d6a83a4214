/** What is known of a model beyond its name: how much it takes, what it reads and writes, what it can do, what it costs. */
import * as z from 'zod'

export const Modality = z.enum(['text', 'image', 'audio', 'video', 'pdf'])
export type Modality = z.infer<typeof Modality>

const tokens = z.int().min(1)
const microUnits = z.int().min(0).optional()

/** Prices of the classes of tokens. What is not known is left out; a class without a price of its own has that of its kind. */
export const ModelPrice = z
  .looseObject({
    currency: z.literal('USD'),
    input: microUnits,
    cached_input: microUnits.describe('Input that the vendor had in its prompt cache.'),
    output: microUnits,
    reasoning: microUnits.describe('Only where it differs from output.'),
  })
  .describe('Millionths of the currency for a million tokens: 150000 is 0.15 USD.')
  .meta({ id: 'ModelPrice' })
export type ModelPrice = z.infer<typeof ModelPrice>

/**
 * The facts of a model, each of which may be unknown. These are keys of a model's metadata: an operator writes them in the
 * configuration, and a provider that lists models fills them in.
 */
export const ModelFacts = z
  .looseObject({
    context_length: tokens.optional().describe('The most tokens that the model takes into account.'),
    max_output_tokens: tokens.optional().describe('The most tokens that one reply can have.'),
    input_modalities: z.array(Modality).optional(),
    output_modalities: z.array(Modality).optional(),
    tools: z.boolean().optional().describe('Whether it calls tools.'),
    structured_output: z.boolean().optional().describe('Whether its reply can be made to follow a JSON schema.'),
    reasoning: z.boolean().optional().describe('Whether it thinks before it answers.'),
    price: ModelPrice.optional(),
  })
  .meta({ id: 'ModelFacts' })
export type ModelFacts = z.infer<typeof ModelFacts>

/** The name of a fact, which is its key in a model's metadata. */
export type FactName = keyof typeof ModelFacts.shape

/** Where a fact comes from, the most trusted first. */
export const factOrigins = ['configuration', 'provider', 'table', 'probe'] as const

export const FactSource = z
  .looseObject({
    from: z
      .enum(factOrigins)
      .describe(
        '`configuration`: its owner says so, also by registering it. `provider`: its list says so. `table`: this server was shipped with it. `probe`: it was tried.',
      ),
    as_of: z.string().optional().describe('The day on which a table or a probe was right: `2026-07-02`.'),
  })
  .meta({ id: 'FactSource' })
export type FactSource = z.infer<typeof FactSource>

/** Facts by their names, and where each comes from. */
export interface SourcedFacts {
  readonly facts: ModelFacts
  readonly sources: Readonly<Partial<Record<FactName, FactSource>>>
}
