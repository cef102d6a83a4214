/** How patient and how generous the host of MCP servers is. The defaults are those of the configuration. */
import type { BreakerPolicy } from '../reliability/circuit-breaker.ts'

/** The times that a connector may have of its own. */
export interface McpTimeouts {
  /** For opening a connection and greeting the server. */
  readonly connectTimeoutMs: number
  /** For the whole list of tools, all pages. */
  readonly listTimeoutMs: number
  /** For a call, from the last sign of progress. */
  readonly callTimeoutMs: number
  /** For a call, however often the server tells of progress. */
  readonly maxCallMs: number
}

export interface McpPolicy extends McpTimeouts {
  /** How long a list of tools is good where the server does not say. */
  readonly listTtlMs: number
  /** A connection that nobody used for so long is closed. */
  readonly idleMs: number
  /** Beyond this many, the connection that was not used for the longest time is closed. */
  readonly maxConnections: number
  readonly maxTools: number
  readonly maxToolListBytes: number
  /** The text of a result beyond this is cut, and says so. */
  readonly maxResultBytes: number
  /** Longer messages of a server are refused. */
  readonly maxMessageBytes: number
  /** When a server that cannot be reached is left alone, and for how long. */
  readonly breaker: Pick<BreakerPolicy, 'failures' | 'openMs' | 'maxOpenMs'>
}
