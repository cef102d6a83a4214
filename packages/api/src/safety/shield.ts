/** Shields, and what running one is asked and answered with. */
import * as z from 'zod'

const params = z.record(z.string(), z.unknown())

export const Shield = z
  .looseObject({
    identifier: z.string(),
    type: z.literal('shield'),
    provider_id: z.string(),
    provider_resource_id: z
      .string()
      .describe('What its provider calls it: for a shield that is a model, the model’s id.'),
    params,
  })
  .meta({ id: 'Shield' })
export type Shield = z.infer<typeof Shield>

export const ShieldId = z.object({ identifier: z.string().describe('May contain slashes.') })

export const ShieldList = z.looseObject({ data: z.array(Shield) })

export const RegisterShieldRequest = z
  .looseObject({
    shield_id: z.string().min(1),
    provider_shield_id: z.string().min(1).nullish().describe('What its provider calls it. Default: shield_id.'),
    provider_id: z
      .string()
      .min(1)
      .nullish()
      .describe('May be left out when only one provider of safety is configured.'),
    params: params.nullish().describe('What the provider takes: inline::rules its own settings.'),
  })
  .meta({ id: 'RegisterShieldRequest' })
export type RegisterShieldRequest = z.infer<typeof RegisterShieldRequest>

const ContentPart = z.looseObject({ type: z.string(), text: z.string().optional() })

/** A message of either generation: OpenAI's, or the native one, whose content may be a single part. */
const ShieldedMessage = z.looseObject({
  role: z.enum(['user', 'assistant', 'system', 'developer', 'tool']),
  content: z.union([z.string(), ContentPart, z.array(z.union([z.string(), ContentPart]))]).nullish(),
})
export type ShieldedMessage = z.infer<typeof ShieldedMessage>

export const RunShieldRequest = z
  .looseObject({
    shield_id: z.string().min(1),
    messages: z.array(ShieldedMessage),
    params: params.nullish().describe('Of the first generation. They come before the shield’s own.'),
  })
  .meta({ id: 'RunShieldRequest' })
export type RunShieldRequest = z.infer<typeof RunShieldRequest>

const SafetyViolation = z
  .looseObject({
    violation_level: z.enum(['info', 'warn', 'error']),
    user_message: z.string().nullish(),
    metadata: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'SafetyViolation' })

export const RunShieldResponse = z
  .looseObject({ violation: SafetyViolation.nullable().describe('null: nothing was found.') })
  .meta({ id: 'RunShieldResponse' })
export type RunShieldResponse = z.infer<typeof RunShieldResponse>
