/** The page of the reference about the facts of models: where they come from, and the shipped table. */
import { publishedModels } from '../packages/server/src/services/models/model-facts-table.ts'
import type { PublishedModel } from '../packages/server/src/services/models/model-facts-table.ts'

/** One line for each row of the table, by vendors. */
export function generateModelReference(): string {
  const vendors = Map.groupBy(publishedModels, ({ vendor }) => vendor)
  return [
    '# What is known of models',
    '',
    'Generated from `packages/server/src/services/models/model-facts-table.ts`.',
    '',
    '`GET /v1/models`, `GET /v1/models/{id}` and `llama models show` tell the context length, the longest reply, what a model',
    'reads and writes, whether it calls tools, follows a JSON schema and reasons, and its price. They stand in',
    '`custom_metadata`, and `custom_metadata.fact_sources` says of each where it comes from. The first of these that knows counts:',
    '',
    '1. `configuration`: the metadata of a model that is configured or registered, under the names below.',
    '2. `provider`: the list of its provider (OpenRouter, Together, Mistral, Anthropic, Groq, Ollama, LM Studio, vLLM, Bedrock, …).',
    '3. `table`: the table below. It holds at the vendors’ own addresses only: on another server a name means what its owner chose.',
    '4. `probe`: `llama models probe <id>` tries tools, JSON schemas and pictures out and remembers the outcome.',
    '',
    '```yaml',
    'models:',
    '- model_id: vllm/my-model',
    '  provider_id: vllm',
    '  metadata:',
    '    context_length: 32768',
    '    max_output_tokens: 8192',
    '    input_modalities: [text, image] # text, image, audio, video, pdf',
    '    output_modalities: [text]',
    '    tools: true',
    '    structured_output: true',
    '    reasoning: false',
    '    # Millionths of a dollar for a million tokens: this is 0.15 USD. A class without a price has that of its kind.',
    '    price: { currency: USD, input: 150000, cached_input: 75000, output: 600000 }',
    '```',
    '',
    'A chat or text completion whose prompt has more tokens than the context, whatever its tokenizer, is refused with',
    '`context_length_exceeded` before it is sent. So is one whose prompt and `max_tokens` together have more, where the vendor',
    'refuses that. Of an alias, the targets that have room are asked. Prompts are measured by the fewest tokens that they can',
    'have: what might fit is always sent.',
    '',
    '## The table',
    '',
    'Prices are US dollars for a million tokens, and hold at the vendor itself. What is left out is not known, or depends on',
    'more than the number of tokens.',
    '',
    ...[...vendors].flatMap(([vendor, rows]) => toSection(vendor, rows)),
  ].join('\n')
}

function toSection(vendor: string, rows: readonly PublishedModel[]): string[] {
  const sources = [...new Set(rows.map(({ source }) => `${source.asOf}, ${source.note}`))]
  const elsewhere = [...new Set(rows.flatMap(({ alsoAt = [] }) => alsoAt))]
  return [
    `### ${vendor}`,
    '',
    `As of ${sources.join('; ')}.${elsewhere.length === 0 ? '' : ` Limits also hold at: ${elsewhere.join(', ')}.`}`,
    '',
    '| Model | Context | Longest reply | Reads | Can | In | Cached | Out |',
    '|---|--:|--:|---|---|--:|--:|--:|',
    ...rows.map(toRow),
    '',
  ]
}

function toRow(row: PublishedModel): string {
  const { names, context, upTo, maxOutput, inputs = [], dollars = [] } = row
  const abilities = [
    ...(row.tools === true ? ['tools'] : []),
    ...(row.structuredOutput === true ? ['JSON schema'] : []),
    ...(row.reasoning === true ? ['reasoning'] : []),
  ]
  const [input, cached, output] = dollars
  return `| ${[
    names.map((name) => `\`${name}\``).join(', '),
    toCount(context) + (upTo === undefined ? '' : `, on request ${toCount(upTo)}`),
    toCount(maxOutput),
    inputs.join(', '),
    abilities.join(', '),
    ...[input, cached, output].map((price) => (price === undefined ? '' : String(price))),
  ].join(' | ')} |`
}

function toCount(count: number | undefined): string {
  return count === undefined ? '' : count.toLocaleString('en-US')
}
