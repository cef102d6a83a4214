/** A chat or text completion as the executor runs it: asked, repaired, relayed; and taken up again where it broke off. */
import type { CallContext, Clock, CompletionReply, Reply } from '@llama-stack/api'
import type { Ids } from '../../kernel/ids.ts'
import { stackHeaders } from '../../kernel/stack-headers.ts'
import type { Route } from '../models/route.ts'
import type { OpaqueOrigins } from '../reliability/opaque-origins.ts'
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

/** What all completions share. */
export interface CompletionWorld {
  readonly clock: Clock
  readonly ids: Ids
  readonly origins: OpaqueOrigins
}

export interface CompletionOperationOptions<Request, Value, Event> {
  readonly kind: CompletionKind<Request, Value, Event>
  readonly route: Route
  readonly context: CallContext
  readonly request: Request
  readonly world: CompletionWorld
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
  readonly prefers: string | undefined
  readonly #options: CompletionOperationOptions<Request, Value, Event>
  /** Whether the conversation has parts that only one provider can read. */
  readonly #isSealed: boolean

  constructor(options: CompletionOperationOptions<Request, Value, Event>) {
    const { route, context, request } = options
    const { origins } = options.world
    this.route = route
    this.context = context
    this.request = request
    this.#options = options
    const { record } = context
    if (record !== undefined) record.streamed = request.stream === true
    const origin = origins.concerns(context.rawBody) ? origins.find(request['messages']) : undefined
    this.#isSealed = origin !== undefined
    this.prefers = origin?.name
  }

  canResume(broken: BrokenStream): boolean {
    return canResume(broken, this.#options.kind.shape, this.request)
  }

  async attempt(target: Target, { context, resumed }: AttemptCall): Promise<Reply<Value, Event>> {
    const { kind, keep, world } = this.#options
    const { clock, ids, origins } = world
    const streamed = this.request.stream === true
    const request = this.#isSealed ? this.#fit(target) : this.request
    const { observer, reply } = await askProvider({
      operation: kind,
      target,
      request: resumed === undefined ? request : toResumedRequest(request, resumed, kind.shape),
      context,
      clock,
      keep: resumed === undefined ? keep : keepAll(keep, resumed),
      onPiece: (piece) => origins.learn(piece, target),
    })
    const overwriteId = reply.kind === 'upstream' && reply.quirks.overwriteId === true
    const relayed = await relayCompletion({
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
    if (request === this.request) return relayed
    return { ...relayed, headers: { ...relayed.headers, [stackHeaders.notice]: STRIPPED } }
  }

  /** The request as this target may see it. */
  #fit(target: Target): Request {
    const { messages } = this.request
    const fitted = this.#options.world.origins.fit(messages, target.provider.id)
    return fitted === messages ? this.request : { ...this.request, messages: fitted }
  }
}

/** Said in the reply, because the model may answer differently without what it thought before. */
const STRIPPED = 'reasoning that only another provider can read was left out'

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
