/**
 * Downloads of large files: continued where they broke off, checked against their checksum, and at their place only when
 * they are whole. Callers that want the same file at the same time share one download.
 */
import { mkdir, stat, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isStackError, StackError } from '@llama-stack/api'
import type { ByteStream, Upstream, UpstreamResponse } from '@llama-stack/api'
import { openPartFile } from './part-file.ts'
import type { PartFile } from './part-file.ts'
import { pause } from './pause.ts'

export interface DownloadRequest {
  readonly url: string
  /** Where the file goes; its folder is made. A file that is there already is taken as it is. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** The SHA-256 that the file has to have, in hex. */
  readonly sha256?: string
  /** The header by which the server of `url` states that SHA-256, where it does. */
  readonly checksumHeader?: string
  /** Ends this caller's wait; the download itself ends with its last caller. */
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: DownloadProgress) => void
}

export interface DownloadProgress {
  readonly doneBytes: number
  /** What an earlier attempt had left. */
  readonly resumedBytes: number
  /** Undefined while the server does not tell. */
  readonly totalBytes: number | undefined
}

export interface DownloadedFile {
  readonly path: string
  readonly bytes: number
  /** False where the file was there before. */
  readonly isNew: boolean
}

export interface DownloaderOptions {
  readonly upstream: Upstream
  /** The wait before the second attempt; each further one doubles it. Default: 1,000 ms. */
  readonly retryPauseMs?: number
  /** The room on the disk of a folder. Default: what the system says. */
  readonly freeBytes?: (folder: string) => Promise<number>
}

/** Disposing ends what is still running; what has arrived is kept for the next time. */
export interface Downloader extends AsyncDisposable {
  /** Resolves when the file is at its place. Rejects with `download_failed`, `download_corrupt` or `disk_full`. */
  download(request: DownloadRequest): Promise<DownloadedFile>
}

/** Attempts in a row that bring nothing. One that brings bytes starts the count anew. */
const MAX_VAIN_ATTEMPTS = 5
const MAX_REDIRECTS = 5
/** A server that is silent for so long is asked again. */
const SILENCE_MS = 30_000
const REDIRECTS = new Set([301, 302, 303, 307, 308])
const RETRYABLE = new Set([408, 425, 429, 500, 502, 503, 504])

/** Creates a downloader. Nothing is opened before the first download. */
export function createDownloader(options: DownloaderOptions): Downloader {
  const shared = new Map<string, SharedDownload>()
  return {
    async download(request) {
      for (;;) {
        const known = shared.get(request.path)
        if (known === undefined) break
        if (!known.abandoned) return known.join(request)
        // Two at a time would write to one file.
        await known.ended.catch(() => undefined)
      }
      const started = startShared(request, options)
      shared.set(request.path, started)
      started.ended.finally(() => shared.delete(request.path)).catch(() => undefined)
      return started.join(request)
    },
    async [Symbol.asyncDispose]() {
      const running = [...shared.values()]
      for (const download of running) download.stop(new StackError('server_shutting_down', {}))
      await Promise.allSettled(running.map(({ ended }) => ended))
    },
  }
}

interface SharedDownload {
  readonly ended: Promise<DownloadedFile>
  /** Whether its last caller has left: it is about to end. */
  readonly abandoned: boolean
  join(caller: DownloadRequest): Promise<DownloadedFile>
  stop(reason: unknown): void
}

function startShared(request: DownloadRequest, options: DownloaderOptions): SharedDownload {
  const controller = new AbortController()
  const callers = new Set<DownloadRequest>()
  let last: DownloadProgress | undefined
  const report = (progress: DownloadProgress): void => {
    last = progress
    for (const { onProgress } of callers) onProgress?.(progress)
  }
  const ended = run({ ...request, signal: controller.signal, onProgress: report }, options)
  return {
    ended,
    get abandoned() {
      return controller.signal.aborted
    },
    join(caller) {
      const { signal } = caller
      callers.add(caller)
      if (last !== undefined) caller.onProgress?.(last)
      const { promise, resolve, reject } = Promise.withResolvers<DownloadedFile>()
      const leave = (): void => {
        callers.delete(caller)
        if (callers.size === 0) controller.abort(signal?.reason)
        reject(signal?.reason)
      }
      ended.then(resolve, reject)
      signal?.addEventListener('abort', leave)
      if (signal?.aborted === true) leave()
      return promise.finally(() => signal?.removeEventListener('abort', leave))
    },
    stop: (reason) => controller.abort(reason),
  }
}

/** What one download goes by: the request, with the signal and the progress of all its callers. */
type SharedRequest = DownloadRequest & Required<Pick<DownloadRequest, 'signal' | 'onProgress'>>

async function run(request: SharedRequest, options: DownloaderOptions): Promise<DownloadedFile> {
  const { path, url, signal } = request
  const there = await stat(path).catch(() => undefined)
  if (there?.isFile() === true) return { path, bytes: there.size, isNew: false }
  await mkdir(dirname(path), { recursive: true })
  await using part = await openPartFile(path, url)
  const attempt: Attempt = { request, options, part, expected: request.sha256, resumedBytes: part.bytes }
  for (let vain = 0; ;) {
    const before = part.bytes
    try {
      await fetchRest(attempt)
      break
    } catch (error) {
      signal.throwIfAborted()
      vain = part.bytes > before ? 0 : vain + 1
      if (!isRetryable(error) || vain >= MAX_VAIN_ATTEMPTS) throw toFailure(url, error)
      await pause((options.retryPauseMs ?? 1000) * 2 ** Math.max(0, vain - 1), signal)
      signal.throwIfAborted()
    }
  }
  await check(attempt)
  const { bytes } = part
  await part.complete()
  return { path, bytes, isNew: true }
}

interface Attempt {
  readonly request: SharedRequest
  readonly options: DownloaderOptions
  readonly part: PartFile
  /** The checksum as the caller or the server states it. */
  expected: string | undefined
  /** The bytes that an earlier run had left. */
  resumedBytes: number
}

/** One request for what is missing. Rejects with an error that may be retried where the connection broke off. */
async function fetchRest(attempt: Attempt): Promise<void> {
  const { part, request } = attempt
  const { bytes, validator } = part
  const range: Record<string, string> =
    validator === undefined ? {} : { range: `bytes=${bytes}-`, 'if-range': validator }
  const response = await send(attempt, range)
  if (response.status === 416 && response.headers['content-range'] === `bytes */${bytes}`) {
    // Everything had come before the last run ended.
    response.body.cancel()
    return
  }
  const totalBytes = await settleStart(response, attempt)
  await checkRoom(attempt, totalBytes, response)
  const report = (): void =>
    request.onProgress({ doneBytes: part.bytes, resumedBytes: attempt.resumedBytes, totalBytes })
  report()
  await writeBody(response.body, part, report)
  if (totalBytes !== undefined && part.bytes !== totalBytes) {
    throw failure(request.url, `${part.bytes} of ${totalBytes} bytes came`, true)
  }
}

/** Follows redirects here, not in the transport: the first server is the one that knows the checksum. */
async function send(attempt: Attempt, range: Readonly<Record<string, string>>): Promise<UpstreamResponse> {
  const { request, options } = attempt
  let url = new URL(request.url)
  let headers: Readonly<Record<string, string>> = { accept: '*/*', ...request.headers, ...range }
  for (let left = MAX_REDIRECTS; ; left -= 1) {
    const response = await options.upstream.send({
      method: 'GET',
      url: url.href,
      headers,
      chosenBy: 'operator',
      provider: url.host,
      signal: request.signal,
      headersTimeoutMs: SILENCE_MS,
      idleTimeoutMs: SILENCE_MS,
    })
    attempt.expected ??= statedChecksum(request, response, url)
    const { location } = response.headers
    if (!REDIRECTS.has(response.status) || location === undefined) return response
    response.body.cancel()
    const next = new URL(location, url)
    if (left === 0) throw failure(request.url, 'it redirects too often')
    if (url.protocol === 'https:' && next.protocol !== 'https:')
      throw failure(request.url, 'it redirects to plain HTTP')
    // Credentials do not travel to another origin.
    if (next.origin !== url.origin) headers = { accept: '*/*', ...range }
    url = next
  }
}

function statedChecksum(request: DownloadRequest, response: UpstreamResponse, url: URL): string | undefined {
  const { checksumHeader } = request
  if (checksumHeader === undefined || url.origin !== new URL(request.url).origin) return undefined
  return /^"?([0-9a-f]{64})"?$/i.exec(response.headers[checksumHeader] ?? '')?.[1]
}

/** Makes the part fit what the server begins with. Resolves to the size of the whole, where that is told. */
async function settleStart({ status, headers, body }: UpstreamResponse, attempt: Attempt): Promise<number | undefined> {
  const { part, request } = attempt
  if (status === 200) {
    await restart(attempt, versionOf(headers))
    return toSize(headers['content-length'])
  }
  if (status === 206) {
    const [, start, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers['content-range'] ?? '') ?? []
    const version = versionOf(headers)
    if (Number(start) === part.bytes && (version === undefined || version === part.validator)) return toSize(total)
  }
  body.cancel()
  if (status !== 206 && status !== 416) throw failure(request.url, describeStatus(status), RETRYABLE.has(status))
  // The rest of another version, or beyond the end of this one: the file is fetched anew.
  await restart(attempt, undefined)
  throw failure(request.url, 'the file changed while it was downloaded', true)
}

async function restart(attempt: Attempt, validator: string | undefined): Promise<void> {
  attempt.resumedBytes = 0
  await attempt.part.restart(validator)
}

/** A weak tag says that two versions mean the same, not that their bytes are the same. */
function versionOf(headers: Readonly<Record<string, string>>): string | undefined {
  const { etag } = headers
  return etag === undefined || etag.startsWith('W/') ? headers['last-modified'] : etag
}

function toSize(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined
}

async function checkRoom(attempt: Attempt, totalBytes: number | undefined, response: UpstreamResponse): Promise<void> {
  const { part, request, options } = attempt
  if (totalBytes === undefined) return
  const folder = dirname(request.path)
  const freeBytes = await (options.freeBytes ?? findFreeBytes)(folder)
  const neededBytes = totalBytes - part.bytes
  if (neededBytes <= freeBytes) return
  response.body.cancel()
  throw new StackError('disk_full', { path: folder, neededBytes, freeBytes })
}

async function findFreeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

function writeBody(body: ByteStream, part: PartFile, onWritten: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    let written = Promise.resolve()
    let waiting = 0
    const append = async (chunk: Uint8Array): Promise<void> => {
      await part.append(chunk)
      waiting -= 1
      onWritten()
      if (waiting === 0) body.resume()
    }
    body.pipe({
      data(chunk) {
        if (waiting === 0) body.pause()
        waiting += 1
        written = written.then(() => append(chunk))
        written.catch((error: unknown) => {
          body.cancel()
          reject(error instanceof Error ? error : new StackError('internal_error', {}))
        })
      },
      end: () => void written.then(resolve, reject),
      fail: (error) => void written.then(() => reject(error), reject),
    })
  })
}

async function check({ part, request, expected }: Attempt): Promise<void> {
  const actual = part.sha256()
  if (expected === undefined || expected.toLowerCase() === actual) return
  await part.discard()
  throw new StackError('download_corrupt', { url: toShownUrl(request.url), expected, actual })
}

function isRetryable(error: unknown): boolean {
  return isStackError(error) && error.retryable
}

function toFailure(url: string, error: unknown): unknown {
  if (!isStackError(error)) return isFull(error) ? failure(url, 'the disk is full') : error
  return error.code.startsWith('provider_') ? failure(url, error.message, true) : error
}

function isFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOSPC'
}

function failure(url: string, reason: string, mayPass = false): StackError {
  return new StackError('download_failed', { url: toShownUrl(url), reason, mayPass })
}

function describeStatus(status: number): string {
  if (status === 401 || status === 403)
    return `the server refuses it (${status}); it may need a token or accepted terms`
  return status === 404 ? 'it is not there (404)' : `the server answers ${status}`
}

/** A URL as it may be shown: the query of a download may hold a signature. */
export function toShownUrl(url: string): string {
  const { origin, pathname } = new URL(url)
  return origin + pathname
}
