/** What has to be known to go on with a response in another process. */
import * as z from 'zod'

const Usage = z.object({
  input_tokens: z.number(),
  input_tokens_details: z.object({ cached_tokens: z.number() }),
  output_tokens: z.number(),
  output_tokens_details: z.object({ reasoning_tokens: z.number() }),
  total_tokens: z.number(),
})

/** A call that was to be made when the state was kept. */
const PendingCall = z.object({
  index: z.number(),
  callId: z.string(),
  name: z.string(),
  arguments: z.string(),
  itemId: z.string(),
})

export const RunState = z.object({
  /** The request as it was settled, without credentials. */
  request: z.record(z.string(), z.unknown()),
  /** Credentials of its MCP servers, sealed. */
  secrets: z.string().nullable(),
  limits: z.looseObject({}),
  turns: z.number(),
  usage: Usage.nullable(),
  /** Undefined before the first turn. */
  servedTier: z.string().nullable().exactOptional(),
  itemsGiven: z.number(),
  pendingCalls: z.array(PendingCall),
  /** Which of the row's messages are the request's own input. */
  inputMessages: z.number(),
  caller: z.object({
    requestId: z.string(),
    providerData: z.record(z.string(), z.unknown()),
    testId: z.string().exactOptional(),
  }),
})
export type RunState = z.infer<typeof RunState>
