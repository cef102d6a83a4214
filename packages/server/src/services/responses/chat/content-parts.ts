/** Parts of a Responses message as parts of a chat message. */
import { StackError } from '@llama-stack/api'
import type { ChatMessage, InputFile, InputImage } from '@llama-stack/api'
import type { ItemPart } from './chat-item.ts'
import { findMimeType } from './mime-type.ts'
import type { Placed } from './placed.ts'
import type { ReferencedFiles } from './referenced-files.ts'

type PartsOf<Role> = Extract<Extract<ChatMessage, { role: Role }>['content'], readonly unknown[]>[number]

/** A part of a chat message of the user. */
export type UserPart = Exclude<PartsOf<'user'>, { type: 'input_audio' }>
/** A part of a chat message of the assistant. */
export type AssistantPart = PartsOf<'assistant'>
/** A part of any chat message. */
export type ChatPart = UserPart | AssistantPart

/** Translates parts one by one. */
export function toChatParts(parts: readonly Placed<ItemPart>[], files: ReferencedFiles): ChatPart[] {
  return parts.map(({ value, param }) => toChatPart(value, { param, files }))
}

interface Surroundings {
  readonly param: string
  readonly files: ReferencedFiles
}

function toChatPart(part: ItemPart, around: Surroundings): ChatPart {
  switch (part.type) {
    case 'input_text':
    case 'output_text':
      return { type: 'text', text: part.text }
    case 'refusal':
      return { type: 'refusal', refusal: part.refusal }
    case 'input_image':
      return imagePart(part, around)
    case 'input_file':
      return filePart(part, around)
  }
}

function imagePart(part: InputImage, { param, files }: Surroundings): UserPart {
  const url = part.image_url ?? findDataUrl(part, files)
  if (url === undefined) throw new StackError('missing_field', { param: `${param}.image_url`, expected: IMAGE_SOURCES })
  // Chat completions have no `original`; `high` is their finest.
  const detail = part.detail === 'original' ? 'high' : (part.detail ?? 'auto')
  return { type: 'image_url', image_url: { url, detail } }
}

const IMAGE_SOURCES = 'a URL or a data URL, or file_id in its place'
const FILE_SOURCES = 'a data URL, or file_id or file_url in its place'

function filePart(part: InputFile, { param, files }: Surroundings): UserPart {
  const data = findDataUrl(part, files) ?? inlineDataUrl(part) ?? part.file_url ?? undefined
  if (data === undefined) throw new StackError('missing_field', { param: `${param}.file_data`, expected: FILE_SOURCES })
  const filename = part.filename ?? files.get(part.file_id ?? '')?.filename
  return { type: 'file', file: { file_data: data, ...(filename === undefined ? {} : { filename }) } }
}

function findDataUrl(part: InputFile | InputImage, files: ReferencedFiles): string | undefined {
  const file = files.get(part.file_id ?? '')
  if (file === undefined) return undefined
  const { buffer, byteOffset, byteLength } = file.bytes
  return `data:${file.mimeType};base64,${Buffer.from(buffer, byteOffset, byteLength).toString('base64')}`
}

/** Clients send the whole data URL or only what follows its comma. */
function inlineDataUrl({ file_data: data, filename }: InputFile): string | undefined {
  if (data === undefined || data === null) return undefined
  if (data.startsWith('data:')) return data
  return `data:${findMimeType(filename ?? '') ?? 'application/octet-stream'};base64,${data}`
}
