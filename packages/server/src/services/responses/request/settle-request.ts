/** A request for a response, with everything decided that can be decided before anything is looked up. */
import { StackError } from '@llama-stack/api'
import type { CreateResponseRequest } from '@llama-stack/api'
import { refuseTooManyPairs } from '../metadata-pairs.ts'
import { Adjustments } from './adjustments.ts'

export interface SettledRequest {
  readonly request: CreateResponseRequest
  readonly model: string
  readonly isStreamed: boolean
  readonly isBackground: boolean
  readonly isStored: boolean
  /** False where a client only warms up: what it sends is kept to be continued, and the model is not asked. */
  readonly isAnswered: boolean
  readonly previousId: string | undefined
  readonly conversationId: string | undefined
  readonly runsInParallel: boolean
  readonly include: ReadonlySet<string>
  readonly adjustments: Adjustments
}

/** Throws `invalid_value` or `missing_field` for what contradicts itself. */
export function settleRequest(request: CreateResponseRequest, isStrict: boolean): SettledRequest {
  refuseTooManyPairs(request.metadata)
  const isStored = request.store ?? true
  const isBackground = request.background ?? false
  const previousId = request.previous_response_id ?? undefined
  const conversationId = toConversationId(request.conversation)
  if (typeof request.model !== 'string') {
    throw new StackError('missing_field', { param: 'model', expected: 'the id of a model of GET /v1/models, or auto' })
  }
  if (isBackground && !isStored) {
    refuse('background', 'a response that is not stored cannot be fetched later', "Leave 'store' out, or send true.")
  }
  if (previousId !== undefined && conversationId !== undefined) {
    refuse('previous_response_id', "it cannot be combined with 'conversation'", 'Send one of the two.')
  }
  const isAnswered = request['generate'] !== false
  if (isAnswered && isEmpty(request) && previousId === undefined && conversationId === undefined) {
    throw new StackError('missing_field', { param: 'input', expected: 'a text, or a list of items' })
  }
  const adjustments = new Adjustments(isStrict)
  noteWhatNeverApplies(request, adjustments)
  return {
    request,
    model: request.model,
    isStreamed: request.stream ?? false,
    isBackground,
    isStored,
    isAnswered,
    previousId,
    conversationId,
    runsInParallel: request.parallel_tool_calls ?? true,
    include: new Set(request.include ?? []),
    adjustments,
  }
}

function refuse(param: string, problem: string, fix: string): never {
  throw new StackError('invalid_value', { param, problem, fix })
}

function isEmpty({ input, prompt }: CreateResponseRequest): boolean {
  const isBlank = input === undefined || input === null || (Array.isArray(input) && input.length === 0)
  return isBlank && (prompt === undefined || prompt === null)
}

function toConversationId(conversation: CreateResponseRequest['conversation']): string | undefined {
  if (conversation === undefined || conversation === null) return undefined
  return typeof conversation === 'string' ? conversation : conversation.id
}

/** Data of tools that no model behind this server has. */
const INCLUDES_WITHOUT_EFFECT = ['computer_call_output.output.image_url', 'code_interpreter_call.outputs']

function noteWhatNeverApplies(request: CreateResponseRequest, adjustments: Adjustments): void {
  for (const name of request.include ?? []) {
    if (INCLUDES_WITHOUT_EFFECT.includes(name)) adjustments.drop(`include.${name}`, 'this server runs no such tool')
  }
}
