/** The facts of a model as people read them. */
import type { FactName, FactSource, ModelFacts, ModelPrice } from '@llama-stack/api'

const MICRO = 1_000_000

/** `131,072`; empty where it is not known. */
export function toCountWords(count: number | undefined): string {
  return count === undefined ? '' : count.toLocaleString('en-US')
}

/** A price in dollars for a million tokens: `0.15`; empty where it is not known. */
export function toDollarWords(micro: number | undefined): string {
  return micro === undefined ? '' : String(micro / MICRO)
}

/** What a model can do beside writing text: `tools, json, image, reasoning`. */
export function toAbilityWords(facts: ModelFacts): string {
  const inputs = (facts.input_modalities ?? []).filter((modality) => modality !== 'text')
  return [
    ...(facts.tools === true ? ['tools'] : []),
    ...(facts.structured_output === true ? ['json'] : []),
    ...inputs,
    ...(facts.reasoning === true ? ['reasoning'] : []),
  ].join(', ')
}

/** Every fact that is known, with its source: a line each. */
export function toFactLines(
  facts: ModelFacts,
  sources: Readonly<Partial<Record<FactName, FactSource>>>,
): readonly string[] {
  const words = toWords(facts)
  const known = (Object.keys(labels) as FactName[]).filter((name) => words[name] !== '')
  const width = Math.max(0, ...known.map((name) => labels[name].length))
  return known.map((name) => {
    const source = sources[name]
    return `  ${labels[name].padEnd(width)}  ${words[name]}${source === undefined ? '' : `   (${toSourceWords(source)})`}`
  })
}

const labels: Readonly<Record<FactName, string>> = Object.freeze({
  context_length: 'Context',
  max_output_tokens: 'Longest reply',
  input_modalities: 'Reads',
  output_modalities: 'Writes',
  tools: 'Tools',
  structured_output: 'JSON schema',
  reasoning: 'Reasoning',
  price: 'Price',
})

function toWords(facts: ModelFacts): Readonly<Record<FactName, string>> {
  const toTokens = (count: number | undefined): string => (count === undefined ? '' : `${toCountWords(count)} tokens`)
  return {
    context_length: toTokens(facts.context_length),
    max_output_tokens: toTokens(facts.max_output_tokens),
    input_modalities: (facts.input_modalities ?? []).join(', '),
    output_modalities: (facts.output_modalities ?? []).join(', '),
    tools: toYesNo(facts.tools),
    structured_output: toYesNo(facts.structured_output),
    reasoning: toYesNo(facts.reasoning),
    price: facts.price === undefined ? '' : toPriceWords(facts.price),
  }
}

function toYesNo(is: boolean | undefined): string {
  if (is === undefined) return ''
  return is ? 'yes' : 'no'
}

/** `0.15 in, 0.075 cached, 0.6 out USD for a million tokens`. */
function toPriceWords({ currency, input, cached_input: cached, output, reasoning }: ModelPrice): string {
  const classes = [
    [input, 'in'],
    [cached, 'cached'],
    [output, 'out'],
    [reasoning, 'reasoning'],
  ] as const
  const said = classes
    .filter(([micro]) => micro !== undefined)
    .map(([micro, name]) => `${toDollarWords(micro)} ${name}`)
  return `${said.join(', ')} ${currency} for a million tokens`
}

function toSourceWords({ from, as_of: asOf }: FactSource): string {
  const words = {
    configuration: 'configured',
    provider: 'says its provider',
    table: 'from the shipped table',
    probe: 'tried out',
  }[from]
  return asOf === undefined ? words : `${words}, ${asOf}`
}
