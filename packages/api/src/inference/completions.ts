/** Text completions, OpenAI's legacy API, still what base models and fill-in-the-middle need. */
import * as z from 'zod'
import { CompletionUsage } from '../wire/usage.ts'

export const CompletionRequest = z
  .looseObject({
    model: z.string().min(1).describe('`provider_id/model`, an alias, or `auto`.'),
    prompt: z.union([z.string(), z.array(z.string()), z.array(z.int()), z.array(z.array(z.int()))]),
    best_of: z.int().min(1).nullish(),
    echo: z.boolean().nullish(),
    frequency_penalty: z.number().min(-2).max(2).nullish(),
    logit_bias: z.record(z.string(), z.number()).nullish(),
    // OpenAI has an integer here, upstream a boolean; both reach the provider as they are.
    logprobs: z.union([z.boolean(), z.int().min(0).max(5)]).nullish(),
    max_tokens: z.int().min(1).nullish(),
    n: z.int().min(1).max(128).nullish(),
    presence_penalty: z.number().min(-2).max(2).nullish(),
    seed: z.int().nullish(),
    stop: z.union([z.string(), z.array(z.string())]).nullish(),
    stream: z.boolean().nullish(),
    stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
    suffix: z.string().nullish(),
    temperature: z.number().min(0).max(2).nullish(),
    top_p: z.number().min(0).max(1).nullish(),
    user: z.string().nullish(),
  })
  .meta({ id: 'CreateCompletionRequest' })
export type CompletionRequest = z.infer<typeof CompletionRequest>

export const Completion = z
  .looseObject({
    id: z.string(),
    object: z.literal('text_completion'),
    created: z.int().describe('Unix time in seconds.'),
    model: z.string(),
    choices: z.array(
      z.looseObject({
        index: z.int(),
        text: z.string(),
        finish_reason: z.string().nullable(),
        logprobs: z.looseObject({}).nullish(),
      }),
    ),
    usage: CompletionUsage.nullish(),
  })
  .meta({ id: 'Completion' })
export type Completion = z.infer<typeof Completion>

/** A streamed piece has the shape of the whole. */
export type CompletionChunk = Completion
