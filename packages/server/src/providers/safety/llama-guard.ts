/** Shields that are Llama Guard models: any provider of inference may serve them. */
import { bug, defineProvider, StackError } from '@llama-stack/api'
import type { InferenceProvider, ProviderCall, SafetyProvider, ShieldVerdict } from '@llama-stack/api'
import * as z from 'zod'
import { hazards, hazardsOf } from './_llama-guard-hazards.ts'
import type { Hazard } from './_llama-guard-hazards.ts'
import { toGuardPrompt } from './_llama-guard-prompt.ts'
import { parseGuardReply } from './_llama-guard-reply.ts'

const config = z.strictObject({
  excluded_categories: z
    .array(z.enum(hazards.flatMap(({ code, name }) => [code, name])))
    .default([])
    .refine(
      (excluded) => toCodes(excluded).size < hazards.length,
      'Leave one category at least: nothing would be judged.',
    )
    .describe('What is not looked for: codes (S1 to S14) or names. Default: nothing.'),
})

export const provider = defineProvider({
  api: 'safety',
  type: 'inline::llama-guard',
  description: 'Llama Guard, by any inference model: provider_shield_id is the id of the model that judges.',
  config,
  requires: ['inference'],
  create({ id, config: { excluded_categories: given }, deps }): SafetyProvider {
    const excluded = toCodes(given)
    return {
      async judge(shield, messages, call) {
        // What the operator tells a model is not what Llama Guard judges.
        const judged = messages.filter(({ role }) => role !== 'system')
        const last = judged.at(-1)
        if (last === undefined) return {}
        const known = hazardsOf(shield.providerShieldId, excluded)
        const prompt = toGuardPrompt([...judged.slice(0, -1), last], known)
        const reply = await ask({ inference: deps.inference, model: shield.providerShieldId, prompt, call })
        return toVerdict(parseGuardReply(id, reply), known, excluded)
      },
    }
  },
})

interface Question {
  readonly inference: InferenceProvider
  readonly model: string
  readonly prompt: string
  readonly call: ProviderCall
}

async function ask({ inference, model, prompt, call }: Question): Promise<string> {
  const reply = await inference.chatCompletion?.(
    { model, messages: [{ role: 'user', content: prompt }], stream: false, temperature: 0 },
    call,
  )
  if (reply?.kind !== 'value') return bug('a whole reply was asked for')
  const content = reply.value.choices[0]?.message.content
  if (typeof content === 'string') return content
  throw new StackError('provider_bad_reply', { provider: model, reason: 'the model said nothing' })
}

/** Codes that this table does not know are violations too: the model that gave them knows what they mean. */
function toVerdict(
  codes: readonly string[] | undefined,
  known: readonly Hazard[],
  excluded: ReadonlySet<string>,
): ShieldVerdict {
  const found = codes?.filter((code) => !excluded.has(code))
  const isSafe = codes === undefined || (codes.length > 0 && found?.length === 0)
  const names = new Set(
    (found ?? []).flatMap((code) => {
      const hazard = hazards.find((each) => each.code === code)
      return hazard === undefined ? [code] : [hazard.name, ...hazard.openAi]
    }),
  )
  const scores = Object.fromEntries(
    known.flatMap(({ name, openAi }) => [name, ...openAi].map((category) => [category, names.has(category) ? 1 : 0])),
  )
  if (isSafe) return { scores }
  return {
    scores,
    violation: {
      level: 'error',
      userMessage: 'This is not something to be helped with here.',
      categories: [...names],
      metadata: { violation_type: found?.join(',') || 'unsafe' },
    },
  }
}

function toCodes(given: readonly string[]): ReadonlySet<string> {
  return new Set(given.map((each) => hazards.find(({ name }) => name === each)?.code ?? each))
}
