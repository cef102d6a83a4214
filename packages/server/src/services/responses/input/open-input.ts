/** An input that is looked at and not answered: opened as the input of a response would be. */
import type { CallContext, CreateResponseRequest } from '@llama-stack/api'
import type { Ids } from '../../../kernel/ids.ts'
import { newResponseId } from '../item-ids.ts'
import { openPlan } from '../request/open-plan.ts'
import type { PlanWorld } from '../request/open-plan.ts'
import { settleRequest } from '../request/settle-request.ts'
import type { RunPlan } from '../run/run-plan.ts'
import type { RunWorld } from '../run/run-world.ts'

export interface InputWorld {
  readonly plans: PlanWorld
  readonly runs: RunWorld
  readonly ids: Ids
}

/** Rejects with what a request for a response would be refused with. */
export function openInput(
  request: CreateResponseRequest,
  context: CallContext,
  { plans, ids, runs }: InputWorld,
): Promise<RunPlan> {
  const settled = settleRequest({ ...request, model: request.model ?? 'auto' }, context.strict ?? false)
  if (context.record !== undefined) context.record.model = settled.model
  const createdAtMs = runs.clock.now()
  return openPlan(settled, { birth: { id: newResponseId(ids, createdAtMs), createdAtMs }, caller: context }, plans)
}
