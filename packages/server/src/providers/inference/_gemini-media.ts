/** Content parts of user messages as Gemini takes them. Images of the web have been put inline before. */
import { StackError } from '@llama-stack/api'
import type { ChatMessage } from '@llama-stack/api'
import { isRecord } from '../../kernel/json-record.ts'
import type { GeminiPart } from './_gemini-wire.ts'

type UserPart = Exclude<Extract<ChatMessage, { role: 'user' }>['content'], string>[number]

/** Files without a MIME type of their own are told by their names. */
const TYPES_BY_EXTENSION: Readonly<Record<string, string>> = Object.freeze({
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  webp: 'image/webp',
  heic: 'image/heic',
  heif: 'image/heif',
  pdf: 'application/pdf',
  txt: 'text/plain',
  md: 'text/plain',
  csv: 'text/csv',
  html: 'text/html',
  wav: 'audio/wav',
  mp3: 'audio/mp3',
  m4a: 'audio/mp4',
  flac: 'audio/flac',
  ogg: 'audio/ogg',
  mp4: 'video/mp4',
  mov: 'video/quicktime',
  webm: 'video/webm',
})

/** Translates one part. `param` names it in errors. */
export function toGeminiPart(part: UserPart, param: string): GeminiPart {
  switch (part.type) {
    case 'text':
      return { text: part.text }
    case 'image_url':
      return fromUrl(part.image_url.url, { param: `${param}.image_url.url` })
    case 'input_audio': {
      const { data, format } = part.input_audio
      return { inlineData: { mimeType: TYPES_BY_EXTENSION[format] ?? `audio/${format}`, data } }
    }
    case 'file':
      return fromFile(part.file, `${param}.file`)
  }
}

type ChatFile = Extract<UserPart, { type: 'file' }>['file']

function fromFile({ file_data: data, file_id: id, filename }: ChatFile, param: string): GeminiPart {
  if (data === undefined) {
    if (id !== undefined) return fromUrl(id, { param: `${param}.file_id`, filename })
    throw new StackError('missing_field', { param: `${param}.file_data`, expected: 'a data URL' })
  }
  if (data.startsWith('data:')) return fromUrl(data, { param: `${param}.file_data` })
  return { inlineData: { mimeType: toMimeType(filename ?? '', `${param}.filename`), data } }
}

interface UrlOrigin {
  readonly param: string
  readonly filename?: string | undefined
}

function fromUrl(url: string, { param, filename }: UrlOrigin): GeminiPart {
  const [, head, data] = /^data:([^,]*),([^]*)$/.exec(url) ?? []
  if (head !== undefined && data !== undefined) return fromDataUrl(head, data)
  if (url.startsWith('gs://')) return { fileData: { mimeType: toMimeType(filename ?? url, param), fileUri: url } }
  throw new StackError('invalid_value', {
    param,
    problem: 'this provider takes data URLs and gs:// addresses',
    value: `'${url.slice(0, 60)}'`,
    fix: 'Send the content inline.',
  })
}

function fromDataUrl(head: string, data: string): GeminiPart {
  const [type = '', ...settings] = head.split(';')
  const mimeType = type === '' ? 'text/plain' : type.toLowerCase()
  const isBase64 = settings.includes('base64')
  return { inlineData: { mimeType, data: isBase64 ? data : Buffer.from(unescapeUrl(data)).toString('base64') } }
}

function unescapeUrl(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // Not escaped after all.
    return text
  }
}

function toMimeType(name: string, param: string): string {
  const extension = /\.([a-z0-9]+)$/i.exec(name)?.[1]?.toLowerCase() ?? ''
  const type = TYPES_BY_EXTENSION[extension]
  if (type !== undefined) return type
  throw new StackError('invalid_value', {
    param,
    problem: 'the type of the file cannot be told from its name',
    value: `'${name.slice(-60)}'`,
    fix: 'Send it as a data URL, which names the type.',
  })
}

/** The text of a content, whatever its form. */
export function toText(content: unknown): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return content.map((part: unknown) => (isRecord(part) ? (findPartText(part) ?? '') : '')).join('')
}

function findPartText({ text, refusal }: Record<string, unknown>): string | undefined {
  if (typeof text === 'string') return text
  return typeof refusal === 'string' ? refusal : undefined
}
