/** What has to be known to go on with a response in another process. */
import * as z from 'zod'
import { RunUsage } from '../run-limits.ts'

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
  /** Why it is not made. */
  objection: z.string().exactOptional(),
})

export const RunState = z.object({
  /** The request as it was settled, without credentials. */
  request: z.record(z.string(), z.unknown()),
  /** A sealed {@link RunSecrets}; null where there are none. */
  secrets: z.string().nullable(),
  limits: RunUsage,
  usage: Usage.nullable(),
  /** Undefined before the first turn. */
  servedTier: z.string().nullable().exactOptional(),
  itemsGiven: z.number(),
  pendingCalls: z.array(PendingCall),
  caller: z.object({
    requestId: z.string(),
    testId: z.string().exactOptional(),
    generation: z.enum(['llama-stack', 'ogx']).exactOptional(),
  }),
})
export type RunState = z.infer<typeof RunState>

/** What a run needs that nobody may read in the store. */
export const RunSecrets = z.object({
  /** Members of the request's MCP tools that hold credentials, by server label. */
  tools: z.record(z.string(), z.record(z.string(), z.unknown())),
  /** What came with the request for its providers: keys, mostly. */
  providerData: z.record(z.string(), z.unknown()),
})
export type RunSecrets = z.infer<typeof RunSecrets>
