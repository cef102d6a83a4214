/** Shields made of rules: shapes of personal data and secrets, phrases, and an operator's own words and patterns. */
import { defineProvider, StackError } from '@llama-stack/api'
import type { JsonObject, SafetyProvider, ShieldDescription, ShieldMessage } from '@llama-stack/api'
import { RuleCheck, toViolation } from './_rule-check.ts'
import { compilePolicy, RuleSettings } from './_rule-policy.ts'
import type { RulePolicy } from './_rule-policy.ts'

/** Registered shields may have params of their own; more than these are compiled again when they are used. */
const MAX_COMPILED = 64

export const provider = defineProvider({
  api: 'safety',
  type: 'inline::rules',
  description:
    'Finds personal data, secrets, known injection phrases and your own words and patterns. It needs no model, reads a stream as it comes, and knows nothing of what a text means.',
  config: RuleSettings,
  create({ config }): SafetyProvider {
    const compiled = new Map<string, RulePolicy>()
    const policyFor = ({ params }: ShieldDescription, role: ShieldMessage['role']): RulePolicy => {
      const author = role === 'assistant' ? 'model' : 'others'
      const key = `${author} ${JSON.stringify(params)}`
      let policy = compiled.get(key)
      if (policy === undefined) {
        policy = compilePolicy(withParams(config, params), author)
        if (compiled.size >= MAX_COMPILED) compiled.clear()
        compiled.set(key, policy)
      }
      return policy
    }
    return {
      async judge(shield, messages) {
        const found = new Map<string, 'block' | 'warn'>()
        for (const { role, text } of messages) {
          const check = new RuleCheck(policyFor(shield, role))
          check.add(text)
          check.end()
          for (const [category, level] of check.found) found.set(category, level)
        }
        const violation = toViolation(found, withParams(config, shield.params).message)
        return violation === undefined ? {} : { violation }
      },
      openCheck: (shield, role) => new RuleCheck(policyFor(shield, role)),
    }
  },
})

/** The settings of the provider, with those that a shield gives itself in their place. */
function withParams(config: RuleSettings, params: JsonObject): RuleSettings {
  if (Object.keys(params).length === 0) return config
  const parsed = RuleSettings.partial().safeParse(params)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new StackError('invalid_value', {
      param: ['params', ...(issue?.path ?? [])].join('.'),
      problem: issue?.message ?? 'these are no settings of a rules shield',
      fix: 'Give a shield the settings that its provider inline::rules has.',
    })
  }
  // Defaults are the provider's settings here, not those of the schema.
  const given = Object.fromEntries(Object.entries(parsed.data).filter(([key]) => key in params))
  return { ...config, ...given }
}
