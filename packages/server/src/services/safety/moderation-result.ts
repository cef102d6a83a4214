/** A shield's verdict as OpenAI's clients expect it. */
import { moderationCategories } from '@llama-stack/api'
import type { ModerationResult, ShieldVerdict } from '@llama-stack/api'

/** Every category of OpenAI, and beside them those that the shield knows or has found. */
export function toModerationResult({ violation, scores = {} }: ShieldVerdict): ModerationResult {
  const found = new Set(violation?.categories)
  const names = [...new Set([...moderationCategories, ...Object.keys(scores), ...found])]
  const by = <Value>(of: (category: string) => Value) => Object.fromEntries(names.map((name) => [name, of(name)]))
  return {
    flagged: violation !== undefined && violation.level === 'error',
    // The names begin with all that the types ask for; fromEntries cannot say so.
    categories: by((name) => found.has(name)) as ModerationResult['categories'],
    category_scores: by((name) => scores[name] ?? (found.has(name) ? 1 : 0)) as ModerationResult['category_scores'],
    category_applied_input_types: by(() => ['text']) as unknown as ModerationResult['category_applied_input_types'],
    ...(violation !== undefined && { user_message: violation.userMessage }),
    metadata: violation?.metadata ?? {},
  }
}
