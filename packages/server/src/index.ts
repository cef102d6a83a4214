/** The library: a stack within your own process. */
export { createStack, servedProviderTypes } from './stack.ts'
export type { Stack, StackOptions, StackServices } from './stack.ts'
export { defineTool } from './services/responses/tools/stack-tool.ts'
export type {
  StackTool,
  StackToolArguments,
  StackToolCall,
  StackToolPart,
} from './services/responses/tools/stack-tool.ts'
export { findRecordingSettings } from './recordings/environment.ts'
export type { RecordingSettings } from './recordings/environment.ts'
export { loadConfig } from './config/load-config.ts'
export { StackConfig } from './config/stack-config.ts'
export type { StackConfigInput } from './config/stack-config.ts'
export { createLog, silentLog } from './kernel/log.ts'
export { systemClock } from './kernel/clock.ts'
export { createUpstream } from './kernel/upstream.ts'
export { createRecordedUpstream } from './recordings/recorded-upstream.ts'
export { VERSION } from './kernel/version.ts'
