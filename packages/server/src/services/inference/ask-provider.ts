/** One call of one operation to one provider, observed. */
import type { CallContext, Clock, InferenceProvider } from '@llama-stack/api'
import { isStackError, StackError } from '@llama-stack/api'
import { CALLED_OFF } from '../reliability/hedge.ts'
import type { Target } from '../reliability/target.ts'
import { CompletionObserver } from './completion-observer.ts'
import type { KeptReply } from './completion-observer.ts'

/** An operation of the provider contract. */
export interface ProviderOperation<Request, Result> {
  /** As errors name it. */
  readonly name: string
  /** Undefined where the provider does not have it. */
  readonly send: (provider: InferenceProvider, request: Request, context: CallContext) => Promise<Result> | undefined
}

export interface Ask<Request, Result> {
  readonly operation: ProviderOperation<Request, Result>
  readonly target: Target
  readonly request: Request
  readonly context: CallContext
  readonly clock: Clock
  readonly keep?: ((reply: KeptReply) => Promise<void>) | undefined
  /** Told what the provider says, piece by piece, but for plain text. */
  readonly onPiece?: (piece: object) => void
}

export interface Answer<Result> {
  readonly observer: CompletionObserver
  readonly reply: Result
}

/** Calls the provider with its own name of the model. Throws `operation_unsupported` where it lacks the operation. */
export async function askProvider<Request extends { readonly model: string }, Result>(
  ask: Ask<Request, Result>,
): Promise<Answer<Result>> {
  const { operation, target, request, context, clock, keep, onPiece } = ask
  const provider = target.provider.created ?? (await target.provider.get())
  const { record } = context
  if (record !== undefined && provider.demo === true) record.demo = true
  const observer = new CompletionObserver({
    context,
    clock,
    provider: target.provider.id,
    providerModel: target.model,
    ...(keep === undefined ? {} : { keep }),
    ...(onPiece === undefined ? {} : { onPiece }),
  })
  try {
    const sent = operation.send(provider, { ...request, model: target.model }, context)
    if (sent !== undefined) return { observer, reply: await sent }
    throw new StackError('operation_unsupported', { operation: operation.name, provider: target.provider.id })
  } catch (error) {
    observer.fail(codeOf(error, context.signal))
    throw error
  }
}

/** What the request log says of a failed call: who ended it, where it was ended, and not what that broke. */
function codeOf(error: unknown, { aborted, reason }: AbortSignal): string {
  const cause: unknown = aborted ? reason : error
  if (isStackError(cause)) return cause.code
  if (!aborted) return 'internal_error'
  return reason === CALLED_OFF ? 'cancelled' : 'client_closed'
}
