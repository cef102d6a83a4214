/** The events of a response that has ended, as they were told, or as they would have been. */
import type { ResponseRepository, ResponseRow } from '../../../storage/agent-state.ts'
import { isOpen } from '../../../storage/response-status.ts'
import { EventWriter } from '../output/event-writer.ts'
import { Output } from '../output/output.ts'
import type { Item } from '../output/output.ts'
import { replayItems } from '../output/replay-items.ts'
import { END_EVENTS } from '../run/run-end.ts'
import { toResponse } from './response-view.ts'

/** The JSON texts of the events after this number, of a response that has ended. */
export async function toldEvents(
  row: ResponseRow,
  after: number,
  repository: ResponseRepository,
): Promise<readonly string[]> {
  const told = await repository.events(row.id, after)
  if (told.length > 0 || (await repository.events(row.id, -1)).length > 0) return told
  return rebuildEvents(row).slice(after + 1)
}

/** Nobody read events when the response was made: they are made from what it says. */
function rebuildEvents(row: ResponseRow): string[] {
  const told: string[] = []
  const events = new EventWriter({ event: (json) => told.push(json) })
  const response = toResponse(row)
  const open = { ...response, status: 'in_progress', output: [], usage: null, completed_at: null, error: null }
  events.emit('response.created', { response: open })
  events.emit('response.in_progress', { response: open })
  replayItems(new Output(events), response.output as unknown as readonly Item[])
  const { status } = row
  if (!isOpen(status)) events.emit(END_EVENTS[status], { response })
  return told
}
