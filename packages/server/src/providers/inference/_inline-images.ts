/** Fetches images that a caller names by URL and puts them into the request, for vendors that do not fetch. */
import { isStackError, StackError } from '@llama-stack/api'
import type { Upstream } from '@llama-stack/api'
import { readAll } from '../../kernel/byte-stream.ts'
import type { OutboundBody } from './_dialect.ts'
import { isRecord } from '../../kernel/json-record.ts'

const MAX_IMAGE_BYTES = 20 * 1024 * 1024
const MAX_REDIRECTS = 3
const FETCH_TIMEOUT_MS = 30_000

/** What fetching needs of the call. */
export interface ImageFetch {
  readonly upstream: Upstream
  readonly signal: AbortSignal
}

/** The same body with every http(s) image as a data URL. Each URL is fetched once, as the caller's choice. */
export async function inlineImages(body: OutboundBody, fetch: ImageFetch): Promise<OutboundBody> {
  const urls = new Set(imageParts(body).map((part) => part.image_url.url))
  if (urls.size === 0) return body
  const inlined = new Map(
    await Promise.all([...urls].map(async (url) => [url, await fetchAsDataUrl(url, fetch)] as const)),
  )
  return { ...body, messages: replaceImages(body['messages'], inlined) }
}

interface RemoteImagePart extends Record<string, unknown> {
  readonly image_url: { readonly url: string }
}

function isRemoteImage(part: unknown): part is RemoteImagePart {
  if (!isRecord(part) || part['type'] !== 'image_url' || !isRecord(part['image_url'])) return false
  const { url } = part['image_url']
  return typeof url === 'string' && /^https?:\/\//i.test(url)
}

function contents(message: unknown): readonly unknown[] {
  const content = isRecord(message) ? message['content'] : undefined
  return Array.isArray(content) ? content : []
}

function imageParts(body: OutboundBody): RemoteImagePart[] {
  const messages = body['messages']
  return Array.isArray(messages) ? messages.flatMap((message: unknown) => contents(message).filter(isRemoteImage)) : []
}

function replaceImages(messages: unknown, inlined: ReadonlyMap<string, string>): unknown {
  if (!Array.isArray(messages)) return messages
  return messages.map((message: unknown) => {
    if (!isRecord(message) || !contents(message).some(isRemoteImage)) return message
    const content = contents(message).map((part) => {
      if (!isRemoteImage(part)) return part
      const url = inlined.get(part.image_url.url) ?? part.image_url.url
      return { ...part, image_url: { ...part.image_url, url } }
    })
    return { ...message, content }
  })
}

/** Fetches one image of the caller's choice. Throws `fetched_content_rejected` and `url_blocked`. */
export async function fetchAsDataUrl(url: string, { upstream, signal }: ImageFetch): Promise<string> {
  const rejected = (reason: string): StackError => new StackError('fetched_content_rejected', { url, reason })
  try {
    const response = await upstream.send({
      method: 'GET',
      url,
      headers: { accept: 'image/*', 'user-agent': 'llama-stack' },
      chosenBy: 'caller',
      provider: 'image',
      signal,
      headersTimeoutMs: FETCH_TIMEOUT_MS,
      idleTimeoutMs: FETCH_TIMEOUT_MS,
      maxRedirects: MAX_REDIRECTS,
    })
    const type = (response.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
    const problem = problemOf(response.status, type, Number(response.headers['content-length']))
    if (problem !== undefined) {
      response.body.cancel()
      throw rejected(problem)
    }
    const bytes = await readAll(response.body, MAX_IMAGE_BYTES, 'image')
    return `data:${type};base64,${Buffer.from(bytes).toString('base64')}`
  } catch (error) {
    // A host of the caller's choice is not a provider of ours: its failures are the request's.
    if (isStackError(error, 'provider_bad_reply')) throw rejected('it is larger than 20 MiB')
    if (isStackError(error, 'provider_unreachable') || isStackError(error, 'provider_timeout')) {
      throw rejected(error.details.reason)
    }
    if (isStackError(error, 'provider_stream_broken')) throw rejected(error.details.reason)
    throw error
  }
}

function problemOf(status: number, type: string, bytes: number): string | undefined {
  if (status >= 300) return `the server answered with status ${status}`
  if (!type.startsWith('image/')) return `its type is '${type}', not an image`
  return bytes > MAX_IMAGE_BYTES ? 'it is larger than 20 MiB' : undefined
}
