/** The events of a provider's stream as the client is sent them. */
import { isUsageOnly } from '../services/inference/usage-only.ts'

/** Leaves out the usage that only the request log is to hear of. */
export async function* servedEvents<Event extends object>(reply: {
  readonly events: AsyncIterable<Event>
  readonly stripUsageChunk?: boolean
}): AsyncGenerator<Event, void> {
  for await (const event of reply.events) {
    if (reply.stripUsageChunk !== true || !isUsageOnly(event)) yield event
  }
}
