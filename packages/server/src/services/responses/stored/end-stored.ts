/** Ends a response that this process does not make: it is cancelled through this one, or nobody can go on with it. */
import type { ChatMessage, ResponseObject } from '@llama-stack/api'
import type { ResponseRepository, ResponseRow } from '../../../storage/agent-state.ts'
import { isOpen } from '../../../storage/response-status.ts'
import { toToolMessages } from '../chat/tool-messages.ts'
import { itemPrefix } from '../item-ids.ts'
import { EventWriter } from '../output/event-writer.ts'
import { Output } from '../output/output.ts'
import { restoreOutput, toToldItems } from '../run/restored-output.ts'
import { BROKEN_OFF, END_EVENTS } from '../run/run-end.ts'
import type { RunEnd } from '../run/run-end.ts'
import { RunState } from '../run/run-state.ts'
import { toResponse } from './response-view.ts'

/** Resolves when the response has ended, so or otherwise, or is gone. */
export async function endStored(id: string, end: RunEnd, repository: ResponseRepository): Promise<void> {
  for (;;) {
    const row = await repository.find(id)
    if (row === undefined || !isOpen(row.status)) return
    const { progress, events } = toEnd(row, end, await repository.events(id, -1))
    // Whoever makes it may have told more in the meantime.
    if (await repository.advance(id, progress, { events })) return
  }
}

function toEnd(row: ResponseRow, end: RunEnd, told: readonly string[]) {
  const added: string[] = []
  const isHeard = row.background || told.length > 0
  const sink = { event: (json: string) => void added.push(json) }
  const events = new EventWriter(isHeard ? sink : undefined, { next: told.length })
  const output = new Output(events)
  const state = row.state === null ? undefined : RunState.parse(JSON.parse(row.state))
  const open: ResponseObject = { ...toResponse(row), output: [] }
  if (told.length === 0) for (const type of BEGINNING) events.emit(type, { response: open })
  restoreOutput(toToldItems(told, row.output), output, [])
  const body = {
    ...open,
    status: end.status,
    error: 'error' in end ? end.error : null,
    incomplete_details: 'reason' in end ? { reason: end.reason } : null,
    usage: state?.usage ?? open.usage,
    output: [],
  }
  events.emit(END_EVENTS[end.status], { response: { ...body, output: output.items } })
  const progress = {
    status: end.status,
    body: JSON.stringify(body),
    output: output.items.map((item) => JSON.stringify(item)),
    messages: [...row.messages, ...toBrokenOff(state).map((message) => JSON.stringify(message))],
    state: null,
  }
  if (added.length === 0) return { progress, events: undefined }
  return {
    progress,
    events: { firstSequence: told.length, lastSequence: told.length + added.length - 1, events: added },
  }
}

const BEGINNING = ['response.created', 'response.queued', 'response.in_progress']

/** The calls that the client makes, or may allow. Their outputs may still come. */
const CLIENT_CALLS = (['function_call', 'custom_tool_call', 'mcp_approval_request'] as const).map(itemPrefix)

/** The server's own calls that were under way would wait for their outputs for ever. */
function toBrokenOff(state: RunState | undefined): ChatMessage[] {
  const calls = (state?.pendingCalls ?? []).filter(({ itemId }) => !CLIENT_CALLS.some((own) => itemId.startsWith(own)))
  return calls.flatMap(({ callId }) => toToolMessages(callId, BROKEN_OFF))
}
