/** What a stream ends with must be an error of the table. */
import { isStackError, StackError } from '@llama-stack/api'

/** The error itself, or `internal_error` around what is a mistake of ours: told as one, and logged with its cause. */
export function toStackError(error: unknown): StackError {
  return isStackError(error) ? error : new StackError('internal_error', {}, { cause: error })
}
