/** What reads the functions of the program, loaded only where there are some: a start should not wait for it. */
import type { StackTool } from '@llama-stack/api'
import type { RegisteredToolsOptions } from './registered-tools.ts'
import type { RegisteredTool } from './tool-sources.ts'

/** Reads the registered functions. Rejects with `config_invalid`. */
export async function loadRegisteredTools(
  tools: readonly StackTool[] | undefined,
  options: RegisteredToolsOptions,
): Promise<readonly RegisteredTool[]> {
  if (tools === undefined || tools.length === 0) return []
  const { toRegisteredTools } = await import('./registered-tools.ts')
  return toRegisteredTools(tools, options)
}
