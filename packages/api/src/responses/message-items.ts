/** Messages: as clients send them, and as the stack keeps and answers them. */
import * as z from 'zod'
import { AssistantContent, InputContent, OutputContent } from './content.ts'

/** How far an item is. */
export const ItemStatus = z.enum(['in_progress', 'completed', 'incomplete'])
export type ItemStatus = z.infer<typeof ItemStatus>

const type = z.literal('message').optional()

const given = {
  id: z.string().nullish(),
  status: ItemStatus.nullish(),
}

const input = z.union([z.string(), z.array(InputContent)])

const phase = z.enum(['commentary', 'final_answer']).nullish().describe('Kept and sent on; it changes nothing here.')

/** A message as a client sends it: `type` may be absent, and the content a mere text. */
export const InputMessage = z
  .discriminatedUnion('role', [
    z.looseObject({ type, role: z.literal('user'), content: input, ...given }),
    z.looseObject({ type, role: z.literal('system'), content: input, ...given }),
    z.looseObject({ type, role: z.literal('developer'), content: input, ...given }),
    z.looseObject({
      type,
      role: z.literal('assistant'),
      content: z.union([z.string(), z.array(AssistantContent)]),
      phase,
      ...given,
    }),
  ])
  .meta({ id: 'InputMessage' })
export type InputMessage = z.infer<typeof InputMessage>

/** What the model answered. */
export const OutputMessage = z
  .looseObject({
    id: z.string(),
    type: z.literal('message'),
    role: z.literal('assistant'),
    status: ItemStatus,
    content: z.array(OutputContent),
    phase,
  })
  .meta({ id: 'OutputMessage' })
export type OutputMessage = z.infer<typeof OutputMessage>

/** A message of a client once it is kept: with an id, a status, and its content as parts. */
export const KeptMessage = z
  .looseObject({
    id: z.string(),
    type: z.literal('message'),
    role: z.enum(['user', 'system', 'developer']),
    status: ItemStatus,
    content: z.array(InputContent),
  })
  .meta({ id: 'KeptMessage' })
export type KeptMessage = z.infer<typeof KeptMessage>
