/** How the events of a stream are written, how the stream ends, and how it fails. */
import type { Route, StreamDialect } from '@llama-stack/api'
import { sseData, sseDone } from '../kernel/sse.ts'
import { isRecord } from '../kernel/json-record.ts'
import { renderError } from './render-error.ts'

/** One way to write events. */
export interface EventDialect {
  /** Frames one event. */
  frame(event: unknown): string
  /** Stands behind the last event of a complete stream. */
  readonly last: string
  /** The event with which a stream fails; `sent` is what it said last. */
  failure(error: unknown, sent: string): string
}

const dialects: Readonly<Record<StreamDialect, EventDialect>> = Object.freeze({
  'openai-chunks': {
    frame: (event) => sseData(JSON.stringify(event)),
    last: sseDone,
    failure: (error) => sseData(JSON.stringify(renderError(error).body)),
  },
  'openai-events': {
    frame: (event) => named(isRecord(event) ? String(event['type']) : 'message', event),
    last: '',
    failure(error, sent) {
      const { code, message, param } = renderError(error).body.error
      return named('error', { type: 'error', code, message, param, sequence_number: nextNumber(sent) })
    },
  },
})

/** The dialect of a route's streams. */
export function dialectOf(route: Route | undefined): EventDialect {
  return dialects[route?.streamDialect ?? 'openai-chunks']
}

const named = (type: string, event: unknown): string => `event: ${type}\n${sseData(JSON.stringify(event))}`

const SEQUENCE_NUMBER = /"sequence_number": ?(\d{1,15})(?=[,}\s])/g

/** The number after the last one that was sent. Looked up when a stream fails, so that no stream that works pays for it. */
function nextNumber(sent: string): number {
  let next = 0
  for (const [, number] of sent.matchAll(SEQUENCE_NUMBER)) next = Number(number) + 1
  return next
}
