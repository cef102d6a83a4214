/** How the server gets along with MCP servers: the settings of the block `mcp`. */
import { z } from 'zod'
import { lateSchema } from '../kernel/late-schema.ts'

/** What a configuration without the block has. */
export const defaultMcp = Object.freeze({
  connectTimeoutMs: 10_000,
  listTimeoutMs: 30_000,
  callTimeoutMs: 60_000,
  maxCallMs: 600_000,
  listTtlMs: 300_000,
  idleMs: 300_000,
  maxConnections: 256,
  maxTools: 1000,
  maxToolListBytes: 4 * 1024 * 1024,
  maxResultBytes: 1024 * 1024,
  maxMessageBytes: 16 * 1024 * 1024,
  breaker: Object.freeze({ failures: 3, openMs: 10_000, maxOpenMs: 60_000 }),
})

const defaults = defaultMcp
/** A day: nothing of MCP waits for longer. */
export const MAX_MCP_MS = 86_400_000
const milliseconds = lateSchema(() => z.int().min(1).max(MAX_MCP_MS))
const count = lateSchema(() => z.int().min(1))

/** Each setting that the block leaves out has its default. */
export const McpSettings = lateSchema(() =>
  z.strictObject({
    /** For opening a connection to a server and greeting it. */
    connectTimeoutMs: milliseconds.default(defaults.connectTimeoutMs),
    /** For the list of a server's tools. */
    listTimeoutMs: milliseconds.default(defaults.listTimeoutMs),
    /** For a call of a tool; each sign of progress begins it anew. */
    callTimeoutMs: milliseconds.default(defaults.callTimeoutMs),
    /** For a call of a tool, whatever its progress. */
    maxCallMs: milliseconds.default(defaults.maxCallMs),
    /** How long a list of tools is good where the server does not say; one that changes tells of it. */
    listTtlMs: z.int().min(0).default(defaults.listTtlMs),
    /** A connection that nobody used for so long is closed. */
    idleMs: milliseconds.default(defaults.idleMs),
    /** Beyond this many, the connection that was not used for the longest time is closed. */
    maxConnections: count.default(defaults.maxConnections),
    /** A server that lists more tools is refused. */
    maxTools: count.default(defaults.maxTools),
    maxToolListBytes: count.default(defaults.maxToolListBytes),
    /** The text of a tool's result beyond this is cut, and says so. */
    maxResultBytes: count.default(defaults.maxResultBytes),
    /** A longer message of a server is refused. */
    maxMessageBytes: count.default(defaults.maxMessageBytes),
    /** When a server that cannot be reached is left alone. */
    breaker: z
      .strictObject({
        /** Failures to connect, in a row. */
        failures: count.default(defaults.breaker.failures),
        /** Each probe that fails doubles the time, up to `maxOpenMs`. */
        openMs: milliseconds.default(defaults.breaker.openMs),
        maxOpenMs: milliseconds.default(defaults.breaker.maxOpenMs),
      })
      .default(defaults.breaker),
    /** Where browsers reach this server, for the way back from an OAuth login. Absent: `http://localhost:<port>`. */
    publicUrl: z.url({ protocol: /^https?$/ }).exactOptional(),
  }),
)
export type McpSettings = z.infer<typeof McpSettings>
