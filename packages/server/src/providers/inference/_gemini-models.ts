/** What the generations of Gemini models differ in, told by their names. */

/** Budgets in tokens for models that count them (Gemini 2), as Google's own OpenAI endpoint maps them. */
const BUDGETS: Readonly<Record<string, number>> = Object.freeze({
  none: 0,
  minimal: 1024,
  low: 1024,
  medium: 8192,
  high: 24_576,
  xhigh: 24_576,
})

const LEVELS: Readonly<Record<string, string>> = Object.freeze({
  none: 'MINIMAL',
  minimal: 'MINIMAL',
  low: 'LOW',
  medium: 'MEDIUM',
  high: 'HIGH',
  xhigh: 'HIGH',
})

/** The values of `reasoning_effort` that can be translated. */
export const knownEfforts: readonly string[] = Object.freeze(Object.keys(BUDGETS))

/** `thinkingConfig` for an effort of {@link knownEfforts}. Later generations cannot stop thinking: they do the least. */
export function toThinkingConfig(effort: string, model: string): object {
  const includeThoughts = effort !== 'none'
  if (!hasThinkingLevels(model)) return { thinkingBudget: BUDGETS[effort], includeThoughts }
  const level = LEVELS[effort]
  return { thinkingLevel: level === 'MINIMAL' && model.includes('-pro') ? 'LOW' : level, includeThoughts }
}

/** Whether a turn with function calls is refused unless the first of them has its thought signature. */
export function needsSignatures(model: string): boolean {
  return hasThinkingLevels(model)
}

/** Gemini 3 and later, and names such as `gemini-flash-latest`. */
function hasThinkingLevels(model: string): boolean {
  const generation = /^gemini-(\d+)/.exec(model)?.[1]
  return model.startsWith('gemini-') && (generation === undefined || Number(generation) >= 3)
}
