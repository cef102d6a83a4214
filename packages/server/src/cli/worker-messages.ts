/** What the primary and the workers of one server say to each other. */
import { StackError } from '@llama-stack/api'
import type { ErrorCode } from '@llama-stack/api'
import type { StackConfigInput } from '../config/stack-config.ts'
import type { WorkerRole } from '../stack.ts'
import type { Serving } from './announce.ts'
import type { Environment } from './command.ts'

/** Set in the environment of a worker, to its number. */
export const WORKER_VARIABLE = 'LLAMA_STACK_WORKER'

/** From the primary. The configuration carries keys: it is sent and neither written nor put on a command line. */
export type ToWorker =
  | {
      readonly kind: 'open'
      readonly config: StackConfigInput
      readonly env: Environment
      readonly role: WorkerRole
    }
  /** Without a port: that of the configuration. */
  | { readonly kind: 'listen'; readonly port?: number }
  | { readonly kind: 'drain' }

/** From a worker. */
export type FromWorker =
  | { readonly kind: 'opened' }
  | { readonly kind: 'listening'; readonly serving: Serving }
  | { readonly kind: 'failed'; readonly code: string; readonly details: unknown }
  /** A bug: no error of the table. */
  | { readonly kind: 'broke'; readonly reason: string }

/** The error that a worker told of, as its primary throws it. */
export function toWorkerError({ code, details }: Extract<FromWorker, { kind: 'failed' }>): StackError {
  // Both processes run the same build: what one took from the table, the other finds there.
  return new StackError(code as ErrorCode, details as never)
}
