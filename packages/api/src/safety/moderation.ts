/** Moderations: OpenAI's request and reply, with what shields find beside its 13 categories. */
import * as z from 'zod'
import { ImagePart, TextPart } from '../wire/content.ts'

/** OpenAI's categories: each is in every result. */
export const moderationCategories = Object.freeze([
  'harassment',
  'harassment/threatening',
  'hate',
  'hate/threatening',
  'illicit',
  'illicit/violent',
  'self-harm',
  'self-harm/instructions',
  'self-harm/intent',
  'sexual',
  'sexual/minors',
  'violence',
  'violence/graphic',
] as const)

export const ModerationRequest = z
  .looseObject({
    input: z
      .union([
        z.string(),
        z.array(z.string()).min(1),
        z.array(z.discriminatedUnion('type', [TextPart, ImagePart])).min(1),
      ])
      .describe('A text, texts that are judged one by one, or parts that are judged together.'),
    model: z
      .string()
      .nullish()
      .describe(
        'A shield, or what its provider calls it. Default, and for OpenAI’s own model names: the default shield.',
      ),
  })
  .meta({ id: 'CreateModerationRequest' })
export type ModerationRequest = z.infer<typeof ModerationRequest>

const byCategory = <Value extends z.ZodType>(of: Value) => {
  // The keys are those of the list; fromEntries forgets them.
  const shape = Object.fromEntries(moderationCategories.map((category) => [category, of])) as Record<
    (typeof moderationCategories)[number],
    Value
  >
  return z.looseObject(shape)
}

export const ModerationResult = z
  .looseObject({
    flagged: z.boolean(),
    categories: byCategory(z.boolean()).describe('OpenAI’s categories, and those of the shield.'),
    category_scores: byCategory(z.number()).describe('0 or 1 where a shield does not score.'),
    category_applied_input_types: byCategory(z.array(z.enum(['text', 'image']))),
    user_message: z.string().optional().describe('What a user may be told.'),
    metadata: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'ModerationResult' })
export type ModerationResult = z.infer<typeof ModerationResult>

export const Moderation = z
  .looseObject({ id: z.string(), model: z.string(), results: z.array(ModerationResult) })
  .meta({ id: 'CreateModerationResponse' })
export type Moderation = z.infer<typeof Moderation>
