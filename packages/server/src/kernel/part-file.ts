/**
 * A file that is not complete yet: `model.gguf.part`, and beside it `model.gguf.part.json`, which says of which version of
 * which URL the bytes are. Both outlive the process, so that a later attempt goes on where this one stopped.
 */
import { createHash } from 'node:crypto'
import type { Hash } from 'node:crypto'
import { open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { isRecord } from './json-record.ts'

/** The growing file. Disposing closes it and keeps its bytes. */
export interface PartFile extends AsyncDisposable {
  readonly bytes: number
  /** What the server called the version that the bytes are of: an entity tag or a date. */
  readonly validator: string | undefined
  append(chunk: Uint8Array): Promise<void>
  /** Drops the bytes and begins with another version. */
  restart(validator: string | undefined): Promise<void>
  /** The SHA-256 of the bytes, in hex. */
  sha256(): string
  /** Moves the file to its place: from then on it exists, whole. */
  complete(): Promise<void>
  /** Deletes what there is. */
  discard(): Promise<void>
}

/** Opens what an earlier attempt left of this URL, or an empty file. */
export async function openPartFile(path: string, url: string): Promise<PartFile> {
  const partPath = `${path}.part`
  const notePath = `${path}.part.json`
  const noted = await readNote(notePath)
  // Without a version nobody can tell whether the rest still fits.
  const keeps = noted !== undefined && noted.url === url
  const file = await (keeps ? open(partPath, 'r+').catch(() => open(partPath, 'w+')) : open(partPath, 'w+'))
  let hash = createHash('sha256')
  let bytes = await hashBytes(file, hash)
  let validator = keeps && bytes > 0 ? noted.validator : undefined
  return {
    get bytes() {
      return bytes
    },
    get validator() {
      return validator
    },
    async append(chunk) {
      await writeAt(file, chunk, bytes)
      hash.update(chunk)
      bytes += chunk.byteLength
    },
    async restart(next) {
      await file.truncate(0)
      hash = createHash('sha256')
      bytes = 0
      validator = next
      await (next === undefined
        ? rm(notePath, { force: true })
        : writeFile(notePath, JSON.stringify({ url, validator: next })))
    },
    sha256: () => hash.copy().digest('hex'),
    async complete() {
      // A name that appears before its bytes are on the disk could outlive them in a power cut.
      await file.sync()
      await file.close()
      await rename(partPath, path)
      await rm(notePath, { force: true })
    },
    async discard() {
      await file.close()
      await Promise.all([rm(partPath, { force: true }), rm(notePath, { force: true })])
    },
    [Symbol.asyncDispose]: () => file.close(),
  }
}

/** Writes all of it: the system may take less at a time. */
async function writeAt(file: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < chunk.byteLength;) {
    const { bytesWritten } = await file.write(chunk, done, chunk.byteLength - done, position + done)
    done += bytesWritten
  }
}

async function readNote(path: string): Promise<{ url: string; validator: string } | undefined> {
  try {
    const note: unknown = JSON.parse(await readFile(path, 'utf8'))
    if (!isRecord(note) || typeof note['url'] !== 'string' || typeof note['validator'] !== 'string') return undefined
    return { url: note['url'], validator: note['validator'] }
  } catch {
    // No note, or half of one: the bytes beside it cannot be told.
    return undefined
  }
}

async function hashBytes(file: FileHandle, hash: Hash): Promise<number> {
  const buffer = Buffer.allocUnsafe(1024 * 1024)
  let bytes = 0
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, buffer.byteLength, bytes)
    if (bytesRead === 0) return bytes
    hash.update(buffer.subarray(0, bytesRead))
    bytes += bytesRead
  }
}
