/** The block `responses`, which is ours and which both dialects spell alike. */
import { z } from 'zod'
import { lateSchema } from '../../kernel/late-schema.ts'
import { optional, wholeNumber } from '../file-values.ts'
import { MAX_TIME_MS } from '../responses-settings.ts'
import type { StackConfigInput } from '../stack-config.ts'
import { present } from './present.ts'

const count = lateSchema(() => wholeNumber.pipe(z.int().min(1)))

/** `responses`. */
export const ResponsesBlock = lateSchema(() =>
  z.strictObject({
    max_turns: optional(count),
    max_time_ms: optional(wholeNumber.pipe(z.int().min(1).max(MAX_TIME_MS))),
    require_approval: optional(z.enum(['always', 'never'])),
  }),
)
export type ResponsesBlock = z.infer<typeof ResponsesBlock>

/** The settings of the block, without those that it leaves out. */
export function readResponses(block: ResponsesBlock): NonNullable<StackConfigInput['responses']> {
  return present({
    maxTurns: block.max_turns,
    maxTimeMs: block.max_time_ms,
    requireApproval: block.require_approval,
  })
}
