/** The process's exit code for a failure: what a script may rely on. */
import { isStackError } from '@llama-stack/api'
import type { ErrorCode } from '@llama-stack/api'

/** What each exit code means. */
export const exitCodes = Object.freeze({
  ok: 0,
  failed: 1,
  usage: 2,
  bind: 3,
  config: 4,
  authentication: 5,
  network: 6,
  notFound: 7,
  interrupted: 130,
})

const byCode: Readonly<Partial<Record<ErrorCode, number>>> = Object.freeze({
  command_usage: exitCodes.usage,
  node_version: exitCodes.usage,
  port_in_use: exitCodes.bind,
  unsafe_bind: exitCodes.bind,
  config_not_found: exitCodes.config,
  config_env: exitCodes.config,
  config_invalid: exitCodes.config,
  api_key_required: exitCodes.authentication,
  invalid_api_key: exitCodes.authentication,
  provider_authentication: exitCodes.authentication,
  server_unreachable: exitCodes.network,
  provider_unreachable: exitCodes.network,
  provider_timeout: exitCodes.network,
  download_failed: exitCodes.network,
  model_not_found: exitCodes.notFound,
  provider_not_found: exitCodes.notFound,
  completion_not_found: exitCodes.notFound,
  route_not_found: exitCodes.notFound,
})

/** The exit code for whatever a command threw. */
export function exitCodeOf(error: unknown): number {
  if (isStackError(error, 'server_refused')) return exitCodeOfStatus(error.details.status)
  return isStackError(error) ? exitCodeOfCode(error.code) : exitCodes.failed
}

/** The exit code that goes with a code of the error table. */
export function exitCodeOfCode(code: ErrorCode): number {
  return byCode[code] ?? exitCodes.failed
}

function exitCodeOfStatus(status: number): number {
  if (status === 401 || status === 403) return exitCodes.authentication
  if (status === 404) return exitCodes.notFound
  return exitCodes.failed
}
