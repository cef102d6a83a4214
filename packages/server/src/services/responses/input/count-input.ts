/** `POST /v1/responses/input_tokens`: how many tokens a request for a response would send to the model. */
import type { CallContext, InputTokenCount, InputTokensRequest, Reply } from '@llama-stack/api'
import { value } from '@llama-stack/api'
import { abortable } from '../../../kernel/abortable.ts'
import { stackHeaders } from '../../../kernel/stack-headers.ts'
import { countInputTokens } from '../../tokens/input-tokens.ts'
import { toChatRequest } from '../chat/to-chat-request.ts'
import { createItemIds } from '../item-ids-of-response.ts'
import { EventWriter } from '../output/event-writer.ts'
import { Output } from '../output/output.ts'
import type { RunPlan } from '../run/run-plan.ts'
import { createToolKit } from '../tools/tool-kit.ts'
import type { ToolKit } from '../tools/tool-kit.ts'
import { openInput } from './open-input.ts'
import type { InputWorld } from './open-input.ts'

/**
 * How long MCP servers have to say what they offer. Their tools are a part of what is counted, and what they say is known
 * when the response itself is asked for; but nobody waits for a count as for an answer.
 */
const LISTING_MS = 2000

export async function countInput(
  request: InputTokensRequest,
  context: CallContext,
  world: InputWorld,
): Promise<Reply<InputTokenCount>> {
  const { runs } = world
  const plan = await openInput(request, context, world)
  const [{ name }, { kit, isWhole }] = await Promise.all([
    runs.findModel(plan.settled.model, context),
    listTools(plan, context, world),
  ])
  const chat = toChatRequest({
    model: plan.settled.model,
    settings: plan.settled.request,
    messages: [...plan.system, ...plan.history.messages, ...plan.added, ...plan.promptMedia],
    tools: kit.plan.first,
  })
  const counted = await countInputTokens(runs.tokens, name, chat)
  return value(counted.value, isWhole ? counted.headers : { [stackHeaders.notice]: 'estimate' })
}

interface ListedTools {
  readonly kit: ToolKit
  /** False where the tools of MCP servers that did not answer in time are left out. */
  readonly isWhole: boolean
}

async function listTools(plan: RunPlan, context: CallContext, { runs }: InputWorld): Promise<ListedTools> {
  const { settled } = plan
  const tools = settled.request.tools ?? []
  const create = (wanted: typeof tools, signal: AbortSignal): Promise<ToolKit> =>
    createToolKit({
      settled: { ...settled, request: { ...settled.request, tools: wanted } },
      sources: runs.sources,
      caller: { ...plan.caller, signal },
      // Nobody is told of what was listed.
      output: new Output(new EventWriter(undefined)),
      ids: createItemIds(plan.frame.id),
      known: plan.listings,
    })
  if (!tools.some(({ type }) => type === 'mcp')) return { kit: await create(tools, context.signal), isWhole: true }
  const late = AbortSignal.timeout(LISTING_MS)
  try {
    const signal = AbortSignal.any([context.signal, late])
    return { kit: await abortable(create(tools, signal), signal), isWhole: true }
  } catch (error) {
    if (!late.aborted || context.signal.aborted) throw error
    const others = tools.filter(({ type }) => type !== 'mcp')
    return { kit: await create(others, context.signal), isWhole: false }
  }
}
