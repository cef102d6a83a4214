/** Token counts, as OpenAI's chat and completions APIs report them. */
import * as z from 'zod'

export const CompletionUsage = z
  .looseObject({
    prompt_tokens: z.int(),
    completion_tokens: z.int(),
    total_tokens: z.int(),
    prompt_tokens_details: z.looseObject({}).nullish(),
    completion_tokens_details: z.looseObject({}).nullish(),
  })
  .meta({ id: 'CompletionUsage' })
export type CompletionUsage = z.infer<typeof CompletionUsage>
