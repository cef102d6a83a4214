/** Kept responses as clients see them. */
import type { ItemResource, ResponseInclude, ResponseObject } from '@llama-stack/api'
import type { ResponseRow } from '../../../storage/agent-state.ts'
import { withIncluded } from '../include-fields.ts'

/** The response of a row; of what has to be asked for, what is asked for. */
export function toResponse(row: ResponseRow, include?: readonly ResponseInclude[]): ResponseObject {
  // What the engine has written is what it reads.
  const response = JSON.parse(row.body) as ResponseObject
  return { ...response, status: row.status, output: parseItems(row.output, include) as ResponseObject['output'] }
}

/** Items of a row. */
export function parseItems(texts: readonly string[], include?: readonly ResponseInclude[]): ItemResource[] {
  return texts.map((text) => {
    const item = JSON.parse(text) as ItemResource
    return include === undefined ? item : withIncluded(item, include)
  })
}
