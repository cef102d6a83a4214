/** The MCP client of the SDK, which is large: it is loaded when the first server is named. */
import type * as Sdk from '@modelcontextprotocol/client'
import { lazy } from '../../kernel/lazy.ts'

/** The module of the client. */
export type McpSdk = typeof Sdk

/** Makes a loader that imports the client once. */
export function createMcpSdkLoader(): () => Promise<McpSdk> {
  return lazy(() => import('@modelcontextprotocol/client'))
}
