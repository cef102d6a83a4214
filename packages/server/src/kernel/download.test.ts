import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createDownloader } from './download.ts'
import type { DownloaderOptions, DownloadProgress, DownloadRequest } from './download.ts'
import { createUpstream } from './upstream.ts'

const content = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * 31 + (at >> 8)) & 255))
const sha256 = createHash('sha256').update(content).digest('hex')

type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** How a file server has to answer: ranges, tags, and what If-Range means. */
const serve =
  (bytes: Buffer, etag: string | undefined, more: { cutAfter?: number } = {}): Answer =>
  ({ headers }, response) => {
    const isCurrent = headers['if-range'] === undefined || headers['if-range'] === etag
    const start = isCurrent ? Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0) : 0
    const tag = etag === undefined ? {} : { etag }
    if (start >= bytes.length) {
      response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end()
      return
    }
    const rest = bytes.subarray(start)
    response.writeHead(start > 0 ? 206 : 200, {
      ...tag,
      'content-length': rest.length,
      ...(start > 0 ? { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` } : {}),
    })
    if (more.cutAfter === undefined) response.end(rest)
    // What was written has to leave before the connection goes.
    else response.write(rest.subarray(0, more.cutAfter), () => setTimeout(() => response.destroy(), 20))
  }

async function createFileServer(answers: readonly Answer[]) {
  const requests: IncomingMessage[] = []
  const server = createServer((request, response) => {
    requests.push(request)
    const answer = answers[Math.min(requests.length, answers.length) - 1]
    answer?.(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/models/tiny.gguf`,
    requests,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}

function createRig(options: Partial<DownloaderOptions> = {}) {
  const upstream = createUpstream()
  const downloader = createDownloader({ upstream, retryPauseMs: 1, ...options })
  return {
    download: (request: DownloadRequest) => downloader.download(request),
    async [Symbol.asyncDispose]() {
      await downloader[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
    },
  }
}

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'download-'))
  path = join(folder, 'models', 'tiny.gguf')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const ranges = (requests: readonly IncomingMessage[]) => requests.map(({ headers }) => headers.range)

describe('a download', () => {
  test('arrives whole, tells how far it is, and leaves nothing beside the file', async () => {
    await using server = await createFileServer([serve(content, '"v1"')])
    await using rig = createRig()
    const seen: DownloadProgress[] = []
    const done = await rig.download({ url: server.url, path, sha256, onProgress: (progress) => seen.push(progress) })
    expect(done).toEqual({ path, bytes: content.length, isNew: true })
    expect(readFileSync(path).equals(content)).toBe(true)
    expect(readdirSync(join(folder, 'models'))).toEqual(['tiny.gguf'])
    expect(seen[0]).toEqual({ doneBytes: 0, resumedBytes: 0, totalBytes: content.length })
    expect(seen.at(-1)?.doneBytes).toBe(content.length)
    expect(seen.map(({ doneBytes }) => doneBytes)).toEqual(
      seen.map(({ doneBytes }) => doneBytes).toSorted((a, b) => a - b),
    )
  })

  test('of a file that is there asks nobody', async () => {
    await using server = await createFileServer([serve(content, '"v1"')])
    await using rig = createRig()
    path = join(folder, 'there.gguf')
    writeFileSync(path, 'abc')
    expect(await rig.download({ url: server.url, path })).toEqual({ path, bytes: 3, isNew: false })
    expect(server.requests).toHaveLength(0)
  })

  test('continues where the connection broke off', async () => {
    await using server = await createFileServer([
      serve(content, '"v1"', { cutAfter: 100_000 }),
      serve(content, '"v1"', { cutAfter: 50_000 }),
      serve(content, '"v1"'),
    ])
    await using rig = createRig()
    await rig.download({ url: server.url, path, sha256 })
    expect(ranges(server.requests)).toEqual([undefined, 'bytes=100000-', 'bytes=150000-'])
    expect(server.requests[1]?.headers['if-range']).toBe('"v1"')
    expect(readFileSync(path).equals(content)).toBe(true)
  })

  test('continues what an earlier process has left', async () => {
    await using server = await createFileServer([
      serve(content, '"v1"', { cutAfter: 120_000 }),
      (_, response) => response.writeHead(404).end(),
      serve(content, '"v1"'),
    ])
    await using first = createRig()
    await expect(first.download({ url: server.url, path, sha256 })).rejects.toMatchObject({
      code: 'download_failed',
      retryable: false,
      message: expect.stringContaining('it is not there (404)') as string,
    })
    expect(existsSync(path)).toBe(false)
    await using second = createRig()
    const seen: DownloadProgress[] = []
    await second.download({ url: server.url, path, sha256, onProgress: (progress) => seen.push(progress) })
    expect(ranges(server.requests)[2]).toBe('bytes=120000-')
    expect(seen[0]).toEqual({ doneBytes: 120_000, resumedBytes: 120_000, totalBytes: content.length })
    expect(readFileSync(path).equals(content)).toBe(true)
  })

  test('that had all its bytes before is only checked and moved', async () => {
    await using server = await createFileServer([serve(content, '"v1"')])
    path = join(folder, 'tiny.gguf')
    writeFileSync(`${path}.part`, content)
    writeFileSync(`${path}.part.json`, JSON.stringify({ url: server.url, validator: '"v1"' }))
    await using rig = createRig()
    expect((await rig.download({ url: server.url, path, sha256 })).isNew).toBe(true)
    expect(ranges(server.requests)).toEqual([`bytes=${content.length}-`])
    expect(readFileSync(path).equals(content)).toBe(true)
  })

  test('begins anew where the server ignores ranges', async () => {
    const whole: Answer = (_, response) =>
      response.writeHead(200, { 'content-length': content.length, etag: '"v1"' }).end(content)
    await using server = await createFileServer([serve(content, '"v1"', { cutAfter: 100_000 }), whole])
    await using rig = createRig()
    const seen: DownloadProgress[] = []
    await rig.download({ url: server.url, path, sha256, onProgress: (progress) => seen.push(progress) })
    expect(seen.at(-1)).toEqual({ doneBytes: content.length, resumedBytes: 0, totalBytes: content.length })
    expect(readFileSync(path).equals(content)).toBe(true)
  })

  test.each([
    ['and If-Range says so', serve(Buffer.from(content).reverse(), '"v2"')],
    [
      'and the server sends the rest of the new one all the same',
      ((request, response) => {
        const other = Buffer.from(content).reverse()
        serve(other, request.headers.range === undefined ? '"v2"' : undefined)(
          Object.assign(request, { headers: { ...request.headers, 'if-range': undefined } }),
          response.setHeader('etag', '"v2"'),
        )
      }) satisfies Answer,
    ],
  ])('begins anew when the file has changed %s', async (_, changed) => {
    await using server = await createFileServer([serve(content, '"v1"', { cutAfter: 100_000 }), changed])
    await using rig = createRig()
    await rig.download({ url: server.url, path })
    expect(readFileSync(path).equals(Buffer.from(content).reverse())).toBe(true)
  })

  test('is not continued without a version to hold on to', async () => {
    await using server = await createFileServer([
      serve(content, 'W/"weak"', { cutAfter: 100_000 }),
      serve(content, 'W/"weak"'),
    ])
    await using rig = createRig()
    await rig.download({ url: server.url, path, sha256 })
    expect(ranges(server.requests)).toEqual([undefined, undefined])
  })

  test('with another checksum is refused and deleted', async () => {
    await using server = await createFileServer([serve(content, '"v1"')])
    await using rig = createRig()
    const expected = 'ab'.repeat(32)
    await expect(rig.download({ url: `${server.url}?signature=secret`, path, sha256: expected })).rejects.toMatchObject(
      {
        code: 'download_corrupt',
        details: { url: server.url, expected, actual: sha256 },
      },
    )
    expect(readdirSync(join(folder, 'models'))).toEqual([])
  })

  test('takes the checksum that the first server states before it redirects', async () => {
    await using files = await createFileServer([serve(content, '"v1"')])
    const lie: Answer = (_, response) =>
      response.writeHead(302, { location: files.url, 'x-linked-etag': `"${'cd'.repeat(32)}"` }).end()
    await using hub = await createFileServer([lie])
    await using rig = createRig()
    const headers = { authorization: 'Bearer secret' }
    await expect(rig.download({ url: hub.url, path, headers, checksumHeader: 'x-linked-etag' })).rejects.toMatchObject({
      code: 'download_corrupt',
    })
    expect(hub.requests[0]?.headers.authorization).toBe('Bearer secret')
    expect(files.requests[0]?.headers.authorization).toBeUndefined()
  })

  test('gives up when nothing comes any more', async () => {
    await using server = await createFileServer([(_, response) => response.destroy()])
    await using rig = createRig()
    await expect(rig.download({ url: server.url, path })).rejects.toMatchObject({
      code: 'download_failed',
      retryable: true,
    })
    expect(server.requests).toHaveLength(5)
  })

  test('that ends early without a broken connection is not taken for the whole', async () => {
    const short: Answer = (_, response) => {
      response.writeHead(200, { etag: '"v1"', 'content-length': content.length }).write(content.subarray(0, 1000))
      setTimeout(() => response.socket?.end(), 20)
    }
    await using server = await createFileServer([short, serve(content, '"v1"')])
    await using rig = createRig()
    await rig.download({ url: server.url, path, sha256 })
    expect(ranges(server.requests)[1]).toBe('bytes=1000-')
  })

  test('does not begin where there is no room for it', async () => {
    await using server = await createFileServer([serve(content, '"v1"')])
    await using rig = createRig({ freeBytes: () => Promise.resolve(1000) })
    await expect(rig.download({ url: server.url, path })).rejects.toMatchObject({
      code: 'disk_full',
      status: 507,
      details: { neededBytes: content.length, freeBytes: 1000 },
    })
    expect(server.requests).toHaveLength(1)
  })

  test('is shared by those who want the same file at the same time', async () => {
    await using server = await createFileServer([serve(content, '"v1"')])
    await using rig = createRig()
    const seen = [0, 0, 0]
    const done = await Promise.all(
      seen.map((_, at) =>
        rig.download({ url: server.url, path, onProgress: ({ doneBytes }) => void (seen[at] = doneBytes) }),
      ),
    )
    expect(server.requests).toHaveLength(1)
    expect(done).toHaveLength(3)
    expect(seen).toEqual([content.length, content.length, content.length])
  })

  /** Sends half and then nothing. */
  const stall: Answer = (_, response) =>
    void response.writeHead(200, { etag: '"v1"', 'content-length': content.length }).write(content.subarray(0, 150_000))

  test('goes on for the others when one leaves, and stops when the last has left', async () => {
    await using server = await createFileServer([stall, serve(content, '"v1"')])
    await using rig = createRig()
    const [one, two] = [new AbortController(), new AbortController()]
    const first = rig.download({ url: server.url, path, signal: one.signal })
    const second = rig.download({ url: server.url, path, signal: two.signal })
    await expect.poll(() => server.requests.length).toBe(1)
    await sleep(50)
    one.abort(new Error('the first has left'))
    await expect(first).rejects.toThrow('the first has left')
    expect(server.requests[0]?.destroyed).toBe(false)
    two.abort(new Error('the last has left'))
    await expect(second).rejects.toThrow('the last has left')
    // A new caller waits for the old download to end, then goes on where it stopped.
    await rig.download({ url: server.url, path, sha256 })
    expect(ranges(server.requests)[1]).toBe('bytes=150000-')
  })

  test('ends with its downloader and can be continued', async () => {
    await using server = await createFileServer([stall])
    const rig = createRig()
    const running = rig.download({ url: server.url, path })
    const outcome = running.catch((error: unknown) => error)
    await expect.poll(() => existsSync(`${path}.part.json`)).toBe(true)
    await rig[Symbol.asyncDispose]()
    expect(await outcome).toMatchObject({ code: 'server_shutting_down' })
    expect(existsSync(`${path}.part`)).toBe(true)
  })
})
