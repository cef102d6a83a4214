/** Request bodies: collected within the limit, inflated within the limit. */
import type { IncomingMessage } from 'node:http'
import { StackError } from '@llama-stack/api'
import { PlainRequest } from './fast-lane/plain-request.ts'
import type { ReplyMessage } from './http-message.ts'

/**
 * Collects the body. Throws `body_too_large` as soon as the limit is crossed, whether the length was announced or not,
 * and `unsupported_media_type` for an encoding that we cannot undo. Undefined when the client sent none.
 */
export async function readBody(
  request: IncomingMessage | PlainRequest,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  const { 'content-length': length, 'content-encoding': encoding } = request.headers
  if (length !== undefined && Number(length) > maxBytes)
    throw new StackError('body_too_large', { limitBytes: maxBytes })
  const bytes = request instanceof PlainRequest ? request.body : await collect(request, maxBytes)
  if (bytes.byteLength === 0) return undefined
  return encoding === undefined || encoding === 'identity' ? bytes : inflate(bytes, encoding, maxBytes)
}

function collect(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    // The listeners stay: a request has one body, and after the first outcome they change nothing.
    request.on('data', (chunk: Buffer) => {
      size += chunk.byteLength
      if (size > maxBytes) {
        request.removeAllListeners('data').pause()
        reject(new StackError('body_too_large', { limitBytes: maxBytes }))
        return
      }
      chunks.push(chunk)
    })
    request.on('end', () => {
      const [only] = chunks
      resolve(chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks, size))
    })
    const onBroken = (cause?: Error): void => {
      reject(new StackError('invalid_json', { reason: 'the connection broke before the body was complete' }, { cause }))
    }
    request.on('error', onBroken)
    request.on('close', () => {
      if (!request.complete) onBroken()
    })
  })
}

const ENCODINGS = ['gzip', 'x-gzip', 'deflate', 'br', 'zstd']

async function inflate(bytes: Uint8Array, encoding: string, maxBytes: number): Promise<Uint8Array> {
  const name = encoding.trim().toLowerCase()
  if (!ENCODINGS.includes(name)) {
    throw new StackError('unsupported_media_type', {
      contentType: `content-encoding: ${name.slice(0, 40)}`,
      expected: ENCODINGS.join(', '),
    })
  }
  const zlib = await import('node:zlib')
  return new Promise((resolve, reject) => {
    const options = { maxOutputLength: maxBytes }
    const done = (error: (Error & { code?: string }) | null, inflated: Uint8Array): void => {
      if (error === null) resolve(inflated)
      else if (error.code === 'ERR_BUFFER_TOO_LARGE') reject(new StackError('body_too_large', { limitBytes: maxBytes }))
      else reject(new StackError('invalid_json', { reason: `the ${name} data is damaged` }, { cause: error }))
    }
    if (name === 'zstd') zlib.zstdDecompress(bytes, options, done)
    else if (name === 'br') zlib.brotliDecompress(bytes, options, done)
    else if (name === 'deflate') zlib.inflate(bytes, options, done)
    else zlib.gunzip(bytes, options, done)
  })
}

/** How long, and for how much, an unwanted body is still taken in, so that its sender can read our refusal. */
const LINGER_MS = 2000
const LINGER_BYTES = 16 * 1024 * 1024

/**
 * Answers while the client is still sending. Closing at once would reset the connection, and the client would see the
 * reset instead of the reply (RFC 9112, section 9.6); so the rest is read and thrown away for a moment first.
 */
export function endAfterDiscard(request: IncomingMessage, response: ReplyMessage): void {
  let discarded = 0
  const finish = (): void => {
    clearTimeout(timer)
    request.off('data', onData).off('end', finish).off('close', finish)
    response.end()
  }
  const onData = (chunk: Buffer): void => {
    discarded += chunk.byteLength
    if (discarded > LINGER_BYTES) finish()
  }
  const timer = setTimeout(finish, LINGER_MS)
  timer.unref()
  request.on('data', onData).once('end', finish).once('close', finish)
  request.resume()
}
