/** Search in the reference: every word must occur somewhere in the operation. */
import type { Operation } from './openapi-document.ts'

/** The operations that hold all words of the query; all of them for an empty query. */
export function searchOperations(operations: readonly Operation[], query: string): readonly Operation[] {
  const words = query
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
  return operations.filter((operation) => {
    const { method, path, summary = '', description = '', tag, operationId = '' } = operation
    const text = [method, path, summary, description, tag, operationId].join(' ').toLowerCase()
    return words.every((word) => text.includes(word))
  })
}
