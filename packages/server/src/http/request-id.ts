/** The id under which a request is found again in logs, in the client's and in ours. */
import type { IncomingHttpHeaders } from 'node:http'
import type { Ids } from '../kernel/ids.ts'

/** A client's own id is kept when it cannot break a log line or a header. */
const SANE = /^[\w.:@/+=-]{1,128}$/

/** The client's `x-request-id`, or a fresh one. */
export function toRequestId(headers: IncomingHttpHeaders, ids: Ids): string {
  const given = headers['x-request-id']
  return typeof given === 'string' && SANE.test(given) ? given : ids.random('req_')
}
