/** The rows of the error table that tell of WebSockets. Their codes are OpenAI's, by which clients open another one. */
import { row } from './error-row.ts'

/** What a message of a WebSocket may fail with, beside what its operation may. */
export const webSocketErrors = Object.freeze({
  websocket_connection_limit_reached: row<{ minutes: number }>({
    status: 400,
    type: 'invalid_request_error',
    message: (d) =>
      `This WebSocket has been open for ${d.minutes} minutes, the longest that is allowed. Open another one to go on.`,
  }),
  websocket_stream_limit_reached: row<{ limit: number }>({
    status: 400,
    type: 'invalid_request_error',
    message: (d) =>
      `This WebSocket is at work for ${d.limit} stream ids, the most at a time. Wait for one of them to end, or open another WebSocket.`,
    param: () => 'stream_id',
  }),
})
