/** The content of messages as the Converse API has it. */
import { StackError } from '@llama-stack/api'
import type { ChatMessage, JsonObject } from '@llama-stack/api'
import { asRecord } from '../../kernel/json-record.ts'

/** One content block: an object with one key, which names its kind. */
export type Block = JsonObject

type UserContent = Extract<ChatMessage, { role: 'user' }>['content']

const imageFormats: Readonly<Record<string, string>> = Object.freeze({
  'image/png': 'png',
  'image/jpeg': 'jpeg',
  'image/jpg': 'jpeg',
  'image/gif': 'gif',
  'image/webp': 'webp',
})

const documentFormats: Readonly<Record<string, string>> = Object.freeze({
  'application/pdf': 'pdf',
  'text/csv': 'csv',
  'application/msword': 'doc',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document': 'docx',
  'application/vnd.ms-excel': 'xls',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': 'xlsx',
  'text/html': 'html',
  'text/plain': 'txt',
  'text/markdown': 'md',
})

const CACHE_POINT: Block = Object.freeze({ cachePoint: Object.freeze({ type: 'default' }) })

/** The blocks of texts. Empty ones are left out, because the API refuses them. */
export function toTextBlocks(content: unknown): Block[] {
  if (typeof content === 'string') return content.trim() === '' ? [] : [{ text: content }]
  if (!Array.isArray(content)) return []
  return content.flatMap((part: unknown) => {
    const { text, refusal } = asRecord(part)
    const said = typeof text === 'string' ? text : refusal
    return typeof said === 'string' && said.trim() !== '' ? [{ text: said }, ...cachePointOf(part)] : []
  })
}

/** The blocks of what a user sent. `path` names the content in errors. */
export function toUserBlocks(content: UserContent, path: string): Block[] {
  if (typeof content === 'string') return toTextBlocks(content)
  return content.flatMap((part, index) => {
    const at = `${path}[${index}]`
    switch (part.type) {
      case 'text':
        return toTextBlocks([part])
      case 'image_url':
        return [toImageBlock(part.image_url.url, `${at}.image_url.url`), ...cachePointOf(part)]
      case 'file':
        return [toDocumentBlock(part.file, `${at}.file`), ...cachePointOf(part)]
      case 'input_audio':
        throw unfit(`${at}.type`, 'models of this provider take no audio', 'Send the words as text.')
    }
  })
}

/** Anthropic's mark of what is worth caching, which clients of its models send in OpenAI's protocol too. */
function cachePointOf(part: unknown): Block[] {
  const mark = asRecord(part)['cache_control']
  return mark === undefined || mark === null ? [] : [CACHE_POINT]
}

function toImageBlock(url: string, param: string): Block {
  const { mediaType, bytes } = parseDataUrl(url, param)
  const format = imageFormats[mediaType]
  if (format === undefined) {
    throw unfit(param, `the type '${mediaType}' is not one of ${Object.keys(imageFormats).join(', ')}`, 'Convert it.')
  }
  return { image: { format, source: { bytes } } }
}

interface SentFile {
  readonly file_data?: string | undefined
  readonly filename?: string | undefined
}

function toDocumentBlock({ file_data: data, filename }: SentFile, param: string): Block {
  if (data === undefined) {
    throw unfit(param, 'this provider keeps no files', 'Send the content as file_data, a data URL.')
  }
  const { mediaType, bytes } = parseDataUrl(data, `${param}.file_data`)
  const format = documentFormats[mediaType]
  if (format === undefined)
    throw unfit(`${param}.file_data`, `the type '${mediaType}' cannot be read`, 'Send its text.')
  return { document: { format, name: toDocumentName(filename), source: { bytes } } }
}

/** The API takes letters, digits, single spaces, hyphens, parentheses and brackets. */
function toDocumentName(filename = 'document'): string {
  const name = filename
    .replace(/\.[^.]*$/, '')
    .replace(/[^A-Za-z0-9\s()[\]-]+/g, '-')
    .replace(/\s+/g, ' ')
    .trim()
  return name === '' ? 'document' : name.slice(0, 200)
}

function parseDataUrl(url: string, param: string): { readonly mediaType: string; readonly bytes: string } {
  const [, mediaType, bytes] = /^data:([^;,]+)(?:;[^;,]+)*;base64,(.*)$/is.exec(url) ?? []
  if (mediaType === undefined || bytes === undefined) {
    throw unfit(param, 'it is no data URL with base64 content', 'Send data:<type>;base64,<content>.')
  }
  return { mediaType: mediaType.toLowerCase(), bytes }
}

function unfit(param: string, problem: string, fix: string): StackError {
  return new StackError('invalid_value', { param, problem, fix })
}
