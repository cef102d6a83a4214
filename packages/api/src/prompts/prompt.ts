/** Stored prompts, as upstream has them: a text with `{{name}}` in it, whose versions are kept. */
import * as z from 'zod'

export const Prompt = z
  .looseObject({
    prompt_id: z.string().describe('`pmpt_` and 48 hexadecimal digits.'),
    prompt: z.string().nullable(),
    variables: z.array(z.string()).describe('The names that may stand in the text as `{{name}}`.'),
    version: z.int().describe('Counts from 1.'),
    is_default: z.boolean(),
  })
  .meta({ id: 'Prompt' })
export type Prompt = z.infer<typeof Prompt>

/** All prompts, or all versions of one. Upstream has no paging here. */
export const PromptList = z.looseObject({ data: z.array(Prompt) }).meta({ id: 'PromptList' })
export type PromptList = z.infer<typeof PromptList>

const variables = z.array(z.string()).nullish().describe('Names of variables in the text. Default: none.')

export const CreatePromptRequest = z.looseObject({ prompt: z.string(), variables }).meta({ id: 'CreatePromptRequest' })
export type CreatePromptRequest = z.infer<typeof CreatePromptRequest>

export const UpdatePromptRequest = z
  .looseObject({
    prompt: z.string(),
    version: z.int().min(1).describe('The latest version, which this update follows.'),
    variables,
    set_as_default: z.boolean().nullish().describe('Default: true.'),
  })
  .meta({ id: 'UpdatePromptRequest' })
export type UpdatePromptRequest = z.infer<typeof UpdatePromptRequest>

export const SetDefaultVersionRequest = z
  .looseObject({ version: z.int().min(1) })
  .meta({ id: 'SetDefaultVersionRequest' })
export type SetDefaultVersionRequest = z.infer<typeof SetDefaultVersionRequest>

export const PromptId = z.object({ prompt_id: z.string() })

export const PromptVersionQuery = z.looseObject({
  version: z.int().min(1).optional().describe('Default: the default version.'),
})
