/** A chat or text completion as the executor runs it: asked, repaired, relayed; and taken up again where it broke off. */
import type { CallContext, Clock, CompletionReply, Reply } from '@llama-stack/api'
import type { Ids } from '../../kernel/ids.ts'
import type { Route } from '../models/route.ts'
import type { AttemptCall, BrokenStream, Operation } from '../reliability/operation.ts'
import type { Target } from '../reliability/target.ts'
import { askProvider } from './ask-provider.ts'
import type { ProviderOperation } from './ask-provider.ts'
import type { KeptReply } from './completion-observer.ts'
import { nameFor } from './name-for.ts'
import { relayCompletion } from './relay-completion.ts'
import type { CompletionShape } from './repair-chunk.ts'
import { canResume, createChunkJoiner, toResumedRequest } from './resume-completion.ts'

/** What both kinds of completions are asked with. */
type CompletingRequest = Readonly<Record<string, unknown>> & {
  readonly model: string
  readonly stream?: boolean | null | undefined
}

/** What differs between the two. */
export interface CompletionKind<Request, Value, Event> extends ProviderOperation<
  Request,
  CompletionReply<Value, Event>
> {
  readonly shape: CompletionShape
}

export interface CompletionOperationOptions<Request, Value, Event> {
  readonly kind: CompletionKind<Request, Value, Event>
  readonly route: Route
  readonly context: CallContext
  readonly request: Request
  readonly clock: Clock
  readonly ids: Ids
  /** Commits the reply. Absent when the caller or the server does not want it kept. */
  readonly keep?: ((reply: KeptReply) => Promise<void>) | undefined
}

/** A class, because one is made for each request. */
export class CompletionOperation<
  Request extends CompletingRequest,
  Value extends object,
  Event extends object,
> implements Operation<Reply<Value, Event>> {
  readonly route: Route
  readonly context: CallContext
  readonly request: Request
  readonly #options: CompletionOperationOptions<Request, Value, Event>

  constructor(options: CompletionOperationOptions<Request, Value, Event>) {
    this.route = options.route
    this.context = options.context
    this.request = options.request
    this.#options = options
    const { record } = options.context
    if (record !== undefined) record.streamed = options.request.stream === true
  }

  canResume(broken: BrokenStream): boolean {
    return canResume(broken, this.#options.kind.shape, this.request)
  }

  async attempt(target: Target, { context, resumed }: AttemptCall): Promise<Reply<Value, Event>> {
    const { kind, clock, ids, keep } = this.#options
    const streamed = this.request.stream === true
    const { observer, reply } = await askProvider({
      operation: kind,
      target,
      request: resumed === undefined ? this.request : toResumedRequest(this.request, resumed, kind.shape),
      context,
      clock,
      keep: resumed === undefined ? keep : keepAll(keep, resumed),
    })
    const overwriteId = reply.kind === 'upstream' && reply.quirks.overwriteId === true
    return relayCompletion({
      reply: resumed === undefined ? reply : join(reply, createChunkJoiner(resumed, kind.shape)),
      provider: target.provider.id,
      observer,
      streamed,
      repair: {
        shape: kind.shape,
        streamed,
        model: this.route.requested,
        created: Math.floor(clock.now() / 1000),
        newId: () => ids.random(overwriteId ? 'cltsd-' : 'chatcmpl-'),
        overwriteId: overwriteId && resumed === undefined,
      },
      ...nameFor(this.route, this.context),
    })
  }
}

type Keep = CompletionOperationOptions<unknown, unknown, unknown>['keep']

/** The copy for the store begins with what came before the break. */
function keepAll(keep: Keep, { sent }: BrokenStream): Keep {
  return keep && ((reply) => keep({ ...reply, bytes: [...sent, ...reply.bytes] }))
}

type Joiner = ReturnType<typeof createChunkJoiner>

function join<Value, Event extends object>(
  reply: CompletionReply<Value, Event>,
  joiner: Joiner,
): CompletionReply<Value, Event> {
  if (reply.kind === 'value') return reply
  if (reply.kind === 'events') return { ...reply, events: joinEvents(reply.events, joiner) }
  const { repair } = reply.quirks
  return { ...reply, quirks: { ...reply.quirks, repair: (chunk) => joiner(repair?.(chunk) ?? chunk) } }
}

async function* joinEvents<Event extends object>(events: AsyncIterable<Event>, joiner: Joiner): AsyncGenerator<Event> {
  // Events are JSON objects, whatever their declared type, and stay what they are.
  for await (const event of events) yield joiner(event as Record<string, unknown>) as Event
}
