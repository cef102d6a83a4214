import type { Bench } from '../harness/bench.ts'
import { BenchError } from '../harness/bench-error.ts'
import type { LoadResult } from '../harness/cell.ts'
import { checkResponse, type ResponseCall } from '../load/check-response.ts'
import { driveResponses } from '../load/drive-responses.ts'
import { toResponseRequest } from '../mock/response-bodies.ts'
import type { RunningMock } from '../mock/start-mock.ts'
import { echoConnector, oursWithMcpName, ownProgramTarget } from '../targets/responses-targets.ts'
import type { RunningTarget, TargetSet } from '../targets/target.ts'
import { driveChat } from './chat.ts'
import { plainRows, type ResponseRow } from './responses-report.ts'

/** Requests that are under way at a time. */
export const connections = 32
/** Content events of a text. */
export const textEvents = 20
/** How many responses stand before the one that is measured. */
const depths = [1, 5, 25] as const

/** A row with the process that it is measured on, under the name of the row, and what that is driven with. */
export type Row = ResponseRow & {
  readonly target: RunningTarget
  readonly drive: (target: RunningTarget) => Promise<LoadResult>
}

/** What rows are made on. */
export type RowSite = { readonly bench: Bench; readonly mock: RunningMock; readonly targets: TargetSet }

/** What a response makes the model do. */
type Work = Pick<ResponseCall, 'items'> & { readonly turns: number; readonly toolCalls: number }

const answered: Work = { items: ['message'], turns: 1, toolCalls: 0 }
const withTool: Work = { items: ['mcp_call', 'message'], turns: 2, toolCalls: 1 }
const withListedTool: Work = { ...withTool, items: ['mcp_list_tools', ...withTool.items] }

const mcpTools = [
  { type: 'mcp', server_label: 'echo', connector_id: echoConnector, require_approval: 'never' },
] as const

/** Responses of one and of two turns, each beside the chat completions of its own process. */
export function toTurnRows(site: RowSite): Row[] {
  const direct = getTarget(site, plainRows.direct)
  const ours = findTarget(site, oursWithMcpName)
  const program = findTarget(site, ownProgramTarget.name)
  const { chat, programChat } = plainRows
  return [
    toChatRow(site, direct, { name: plainRows.direct, reference: chat }),
    ...(ours === undefined
      ? []
      : [
          toChatRow(site, ours, { name: chat, reference: chat }),
          toResponseRow(site, ours, { name: 'one turn', reference: chat, work: answered }),
          ...toBothRows(site, ours, {
            name: 'MCP tool',
            reference: chat,
            work: withListedTool,
            more: { tools: mcpTools },
          }),
        ]),
    ...(program === undefined
      ? []
      : [
          toChatRow(site, program, { name: programChat, reference: programChat }),
          ...toBothRows(site, program, { name: 'own function', reference: programChat, work: withTool }),
        ]),
  ]
}

/** Responses that continue the same stored one again and again, so that each stays as deep as it is. */
export async function toDepthRows(site: RowSite): Promise<Row[]> {
  const ours = findTarget(site, oursWithMcpName)
  if (ours === undefined) return []
  const ids = await storeChain(ours, Math.max(...depths))
  const { chat, direct } = plainRows
  return [
    toChatRow(site, getTarget(site, direct), { name: direct, reference: chat }),
    toChatRow(site, ours, { name: chat, reference: chat }),
    ...depths.map((depth) =>
      toResponseRow(site, ours, {
        name: toDepthName(depth),
        reference: chat,
        work: answered,
        more: { previous_response_id: ids[depth - 1] },
      }),
    ),
  ]
}

/** The names of the rows of {@link toDepthRows}, the shallowest first. */
export const depthNames = depths.map(toDepthName)

function toDepthName(depth: number): string {
  return `depth ${depth}`
}

/** Stores responses that continue each other; their ids, the first one first. */
async function storeChain(target: RunningTarget, length: number): Promise<string[]> {
  const ids: string[] = []
  while (ids.length < length) {
    const last = ids.at(-1)
    const body = toResponseRequest(target.model, last === undefined ? {} : { previous_response_id: last })
    const { fault, id } = await checkResponse(target, { body, items: answered.items, events: textEvents })
    if (fault !== undefined) throw new BenchError(`the chain of responses ends after ${ids.length}: ${fault}`)
    ids.push(id)
  }
  return ids
}

function findTarget({ targets }: RowSite, name: string): RunningTarget | undefined {
  return targets.running.find((target) => target.name === name)
}

function getTarget(site: RowSite, name: string): RunningTarget {
  const target = findTarget(site, name)
  if (target === undefined) throw new BenchError(`no target is called ${name}`)
  return target
}

function toChatRow({ bench }: RowSite, target: RunningTarget, row: ResponseRow): Row {
  return { ...row, target: { ...target, name: row.name }, drive: (renamed) => driveChat(bench, renamed, 'S') }
}

type ResponseRowPlan = ResponseRow & { readonly work: Work; readonly more?: Readonly<Record<string, unknown>> }

/** Given whole, and streamed. */
function toBothRows(site: RowSite, target: RunningTarget, plan: ResponseRowPlan): Row[] {
  const streamed = { ...plan, name: `${plan.name}, streamed`, more: { ...plan.more, stream: true } }
  return [toResponseRow(site, target, plan), toResponseRow(site, target, streamed)]
}

function toResponseRow({ bench, mock }: RowSite, target: RunningTarget, plan: ResponseRowPlan): Row {
  const { name, reference, work, more = {} } = plan
  const call: ResponseCall = { body: toResponseRequest(target.model, more), items: work.items, events: textEvents }
  const seconds = bench.options.quick ? 2 : 4
  const load = { ...work, call, streamed: more['stream'] === true, connections, seconds }
  return {
    name,
    reference,
    target: { ...target, name },
    drive: (endpoint) => driveResponses(bench, { mock, endpoint }, load),
  }
}
