/** The calls of one turn, made: those of this server all at once, those of the client handed over. */
import type { ChatMessage, JsonObject } from '@llama-stack/api'
import { isStackError } from '@llama-stack/api'
import { abortable } from '../../../kernel/abortable.ts'
import { asText, isRecord } from '../../../kernel/json-record.ts'
import { toToolMessages } from '../chat/tool-messages.ts'
import { CallWriter } from '../output/call-writer.ts'
import type { Output } from '../output/output.ts'
import { SearchWriter } from '../output/search-writer.ts'
import { addWholeItem } from '../output/whole-item.ts'
import type { CallVerdict } from '../run-limits.ts'
import { toFailure } from '../tools/mcp-tools.ts'
import type { ServerTool, ToolCaller, ToolOutcome } from '../tools/server-tool.ts'
import type { ToolKit } from '../tools/tool-kit.ts'
import type { TurnGuard } from './turn-guard.ts'
import type { CallLedger } from './call-ledger.ts'
import { toClientMembers } from './turn-writer.ts'
import type { TurnCall } from './turn-writer.ts'

export interface ToolRoundOptions {
  readonly output: Output
  readonly kit: ToolKit
  readonly caller: ToolCaller
  readonly ledger: CallLedger
  readonly judge: (calls: readonly TurnCall[]) => readonly CallVerdict[]
  readonly runsInParallel: boolean
  /** Absent: nobody has asked for guardrails. */
  readonly guard: Pick<TurnGuard, 'judgeOutcome'> | undefined
}

/** What came of a turn's calls. */
export interface RoundResult {
  /** What the model is told of them. */
  readonly messages: readonly ChatMessage[]
  /** Somebody else has to act: the client makes its calls, a person approves one. */
  readonly isHandedOver: boolean
  readonly outcomes: readonly ToolOutcome[]
}

/** A call of this server, about to be made. */
interface ReadyCall {
  readonly call: TurnCall
  readonly tool: ServerTool
  readonly args: JsonObject
  readonly item: OpenCall
}

/** The item of a call, whichever kind it is of. */
interface OpenCall {
  settle(outcome: ToolOutcome): void
}

/** What a call has become before any is run: told off, handed over, or ready. */
type Step =
  | { readonly kind: 'answered'; readonly call: TurnCall; readonly content: string }
  | { readonly kind: 'client'; readonly call: TurnCall }
  | { readonly kind: 'ready'; readonly call: TurnCall; readonly ready: ReadyCall }

export async function runToolRound(calls: readonly TurnCall[], options: ToolRoundOptions): Promise<RoundResult> {
  const steps = toSteps(calls, options)
  const outcomes = new Map<TurnCall, ToolOutcome>()
  let isOver = false
  const make = async ({ call, tool, args, item }: ReadyCall): Promise<void> => {
    const outcome = await runOnce(call, { tool, args, options })
    // The response has ended because another call broke off, and with it the item.
    if (isOver) return
    item.settle(outcome)
    outcomes.set(call, outcome)
  }
  const ready = steps.flatMap((step) => (step.kind === 'ready' ? [step.ready] : []))
  try {
    if (options.runsInParallel) await Promise.all(ready.map(make))
    else for (const each of ready) await make(each)
  } finally {
    isOver = true
  }
  return {
    messages: steps.flatMap((step) => {
      if (step.kind === 'answered') return toToolMessages(step.call.callId, step.content)
      const outcome = outcomes.get(step.call)
      return outcome === undefined ? [] : toToolMessages(step.call.callId, outcome.content)
    }),
    isHandedOver: steps.some(({ kind }) => kind === 'client'),
    outcomes: [...outcomes.values()],
  }
}

function toSteps(calls: readonly TurnCall[], options: ToolRoundOptions): Step[] {
  const { kit, judge } = options
  const own = calls.filter(({ tool }) => tool === undefined || tool.kind === 'server')
  const verdicts = judge(own)
  return calls.map((call): Step => {
    if (call.objection !== undefined) return toRefusedStep(call, call.objection, options.output)
    if (call.tool === undefined) {
      const content = `There is no tool named '${call.name}'. The tools are: ${kit.names.join(', ') || 'none'}.`
      return { kind: 'answered', call, content }
    }
    if (call.tool.kind !== 'server') {
      if (!isTold(call)) handOver(call, call.tool.kind, options.output)
      return { kind: 'client', call }
    }
    return toServerStep(call, call.tool.tool, { options, verdict: verdicts[own.indexOf(call)] })
  })
}

/** Clients are not told of calls that they may not make. */
function toRefusedStep(call: TurnCall, content: string, output: Output): Step {
  if (call.tool?.kind === 'server' && !call.tool.tool.needsApproval) {
    openItem(call, call.tool.tool, { output, args: {} }).settle(toFailure(content))
  }
  return { kind: 'answered', call, content }
}

function toServerStep(
  call: TurnCall,
  tool: ServerTool,
  { options, verdict }: { options: ToolRoundOptions; verdict: CallVerdict | undefined },
): Step {
  const { output } = options
  const args = readArguments(call.arguments)
  if (typeof args === 'string' || verdict?.run === false) {
    const content = typeof args === 'string' ? args : (verdict?.run === false && verdict.output) || ''
    if (!tool.needsApproval) openItem(call, tool, { output, args: {} }).settle(toFailure(content))
    return { kind: 'answered', call, content }
  }
  if (tool.needsApproval) {
    if (call.restored === undefined) askForApproval(call, tool, output)
    return { kind: 'client', call }
  }
  return { kind: 'ready', call, ready: { call, tool, args, item: openItem(call, tool, { output, args }) } }
}

function askForApproval({ itemId: id, arguments: text }: TurnCall, tool: ServerTool, output: Output): void {
  const { serverLabel: server_label, name } = tool
  addWholeItem(output, { id, type: 'mcp_approval_request', server_label, name, arguments: text })
}

/** Ends the item of a call that the client makes. */
function handOver(call: TurnCall, kind: 'function' | 'custom', output: Output): void {
  const writer = call.writer ?? openForClient(call, kind, output)
  if (kind === 'custom') {
    const input = readFreeform(call.arguments)
    if (input !== '' && asText(call.restored?.item['input']) === '') writer.addArgument(input)
  }
  writer.close('completed')
}

/** The item of a call that was held until it was judged, or that an earlier process had begun. */
function openForClient(call: TurnCall, kind: 'function' | 'custom', output: Output): CallWriter {
  const { itemId: id, name, restored } = call
  const start = {
    kind: kind === 'custom' ? 'custom_tool_call' : 'function_call',
    id,
    name,
    members: toClientMembers(call),
  } as const
  if (restored?.place === undefined) {
    const writer = new CallWriter(output, start)
    if (kind === 'function' && call.arguments !== '') writer.addArgument(call.arguments)
    return writer
  }
  const { item, place, isWritten } = restored
  const argument = asText(item[kind === 'custom' ? 'input' : 'arguments'])
  return new CallWriter(output, start, { argument, isWritten, place })
}

/** The one member that a custom tool's arguments have; a model that wrote the input itself is understood too. */
function readFreeform(text: string): string {
  try {
    const parsed: unknown = JSON.parse(text)
    if (isRecord(parsed) && typeof parsed['input'] === 'string') return parsed['input']
  } catch {
    // It is the input itself.
  }
  return text
}

/** The arguments of a call, or what is wrong with them, as the model is told. */
function readArguments(text: string): JsonObject | string {
  if (text.trim() === '') return {}
  try {
    const parsed: unknown = JSON.parse(text)
    // Parsed from JSON.
    if (isRecord(parsed)) return parsed as JsonObject
    return 'The arguments of the call are not a JSON object. Call again with one.'
  } catch (error) {
    return `The arguments of the call are not valid JSON (${(error as Error).message}). Call again with valid JSON.`
  }
}

/** Whether an earlier process has finished the item. */
function isTold({ restored }: TurnCall): boolean {
  return restored !== undefined && restored.place === undefined
}

function openItem(call: TurnCall, tool: ServerTool, { output, args }: { output: Output; args: JsonObject }): OpenCall {
  if (isTold(call)) return { settle: () => undefined }
  if (tool.type === 'mcp_call') {
    const writer = call.writer ?? beginMcpCall(output, { call, tool })
    writer.endArgument()
    return {
      settle({ members, isError }) {
        const said = asText(members[isError ? 'error' : 'output'])
        writer.settle(isError ? { error: said } : { output: said })
      },
    }
  }
  const item = { id: call.itemId, type: tool.type, ...tool.describe?.(args) }
  const writer = new SearchWriter(output, item, call.restored?.place)
  return { settle: ({ members, isError }) => writer.close(isError ? 'failed' : 'completed', members) }
}

/** The item of a call whose arguments were not told while they came in. */
function beginMcpCall(output: Output, start: { readonly call: TurnCall; readonly tool: ServerTool }): CallWriter {
  const { call, tool } = start
  const { itemId: id } = call
  const members = { server_label: tool.serverLabel, approval_request_id: call.approvalId ?? null }
  const begun = { kind: 'mcp_call', id, name: tool.name, members } as const
  const { place, isWritten = false } = call.restored ?? {}
  if (place !== undefined) return new CallWriter(output, begun, { argument: call.arguments, isWritten, place })
  const writer = new CallWriter(output, begun)
  if (call.arguments !== '') writer.addArgument(call.arguments)
  return writer
}

async function runOnce(
  { itemId, approvalId }: TurnCall,
  { tool, args, options }: { tool: ServerTool; args: JsonObject; options: ToolRoundOptions },
): Promise<ToolOutcome> {
  const { caller, ledger, guard } = options
  const key = approvalId ?? itemId
  try {
    // A tool that does not hear that it is to stop is not waited for.
    const ask = (): Promise<ToolOutcome> => abortable(tool.run({ callId: key, arguments: args }, caller), caller.signal)
    // What may not be told is not kept either.
    const run = guard === undefined ? ask : async () => guard.judgeOutcome(await ask())
    const call = { key, isRepeatable: tool.isRepeatable, run }
    return (await ledger.once(call)) ?? toFailure(INTERRUPTED)
  } catch (error) {
    caller.signal.throwIfAborted()
    if (isStackError(error)) return toFailure(error.message)
    throw error
  }
}

/** A call that may have had its effect is not made again; the model can look for itself. */
const INTERRUPTED =
  'The server was interrupted while this call was under way. It may have taken effect; it was not repeated.'
