/** The uploaded files that items refer to by id: read before the items are translated, so that translating is a pure function. */
import { isStackError, StackError } from '@llama-stack/api'
import type { Principal } from '@llama-stack/api'
import { isCallOutput, isMessage, partsOf } from './chat-item.ts'
import type { ChatItem, ItemPart } from './chat-item.ts'
import type { Placed } from './placed.ts'

/** A file as it was uploaded. */
export interface ReadFile {
  readonly bytes: Uint8Array
  readonly filename: string
  readonly mimeType: string
}

/** Where uploaded files are read. An unknown id is refused with a StackError of status 404. */
export interface FileReader {
  read(fileId: string, principal: Principal): Promise<ReadFile>
}

/** Files by their ids. */
export type ReferencedFiles = ReadonlyMap<string, ReadFile>

/** What reading files takes. */
export interface FileAccess {
  /** Absent: the server keeps no files. */
  readonly reader: FileReader | undefined
  readonly principal: Principal
}

/** Reads each file once that the parts of these items name. */
export function readReferencedFiles(
  items: readonly Placed<ChatItem>[],
  access: FileAccess,
): Promise<ReferencedFiles> | ReferencedFiles {
  return readFilesOf(items.flatMap(partsWithin), access)
}

/** Reads each file once that these parts name. Nothing is waited for where they name none. */
export function readFilesOf(
  parts: readonly Placed<ItemPart>[],
  access: FileAccess,
): Promise<ReferencedFiles> | ReferencedFiles {
  const references = new Map<string, string>()
  for (const { value, param } of parts) {
    const fileId = value.type === 'input_file' || value.type === 'input_image' ? value.file_id : undefined
    if (typeof fileId === 'string' && !references.has(fileId)) references.set(fileId, `${param}.file_id`)
  }
  return references.size === 0 ? new Map() : readAllFiles(references, access)
}

function partsWithin({ value, param }: Placed<ChatItem>): Placed<ItemPart>[] {
  if (isCallOutput(value)) return partsOf(value.output, `${param}.output`)
  return isMessage(value) ? partsOf(value.content, `${param}.content`) : []
}

async function readAllFiles(
  references: ReadonlyMap<string, string>,
  { reader, principal }: FileAccess,
): Promise<ReferencedFiles> {
  const files = new Map<string, ReadFile>()
  for (const [fileId, param] of references) {
    if (reader === undefined) throw unreadable(fileId, param, 'this server keeps no files')
    try {
      files.set(fileId, await reader.read(fileId, principal))
    } catch (error) {
      if (!isStackError(error) || error.status !== 404) throw error
      throw unreadable(fileId, param, 'there is no such file')
    }
  }
  return files
}

function unreadable(fileId: string, param: string, problem: string): StackError {
  return new StackError('invalid_value', {
    param,
    problem,
    value: `'${fileId}'`,
    fix: 'Send the content inline, in file_data or as a data URL in image_url.',
  })
}
