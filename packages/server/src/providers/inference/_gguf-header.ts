/** What the beginning of a GGUF file says of its model: enough to list it without loading it. */
import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'

/** The facts of a header that are used. */
export interface GgufHeader {
  readonly architecture: string
  readonly name: string | undefined
  /** `4B`, `568M`: as the file has it. */
  readonly sizeLabel: string | undefined
  readonly contextLength: number | undefined
  readonly embeddingLength: number | undefined
  /** How token vectors become one: 0 none, 1 mean, 2 first, 3 last, 4 a score. */
  readonly poolingType: number | undefined
}

const CHUNK_BYTES = 65_536
/** No fact before the tokenizer is larger; a length beyond it means that the file is not what it says. */
const MAX_TEXT_BYTES = 1_048_576
/** Headers have a few dozen entries. */
const MAX_ENTRIES = 10_000
/** GGUF's numbers for the types of values. */
const U32 = 4
const TEXT = 8
const LIST = 9
const U64 = 10
/** Bytes of the values that are skipped, by type. */
const WIDTHS: Readonly<Record<number, number>> = { 0: 1, 1: 1, 2: 2, 3: 2, 5: 4, 6: 4, 7: 1, 11: 8, 12: 8 }

/** Reads a header. Undefined where the file is not a GGUF file that can be read. */
export async function findGgufHeader(path: string): Promise<GgufHeader | undefined> {
  let file: FileHandle | undefined
  try {
    file = await open(path, 'r')
    const entries = await readEntries(new HeaderReader(file))
    return entries === undefined ? undefined : toHeader(entries)
  } catch {
    // Not there, or not readable.
    return undefined
  } finally {
    await file?.close()
  }
}

type Entries = ReadonlyMap<string, string | number>

async function readEntries(reader: HeaderReader): Promise<Entries | undefined> {
  if ((await reader.take(4)).toString('latin1') !== 'GGUF') return undefined
  const version = await reader.u32()
  if (version !== 2 && version !== 3) return undefined
  await reader.u64()
  const count = await reader.u64()
  const entries = new Map<string, string | number>()
  for (let at = 0; at < Math.min(count, MAX_ENTRIES) && !reader.ended; at += 1) {
    const key = await reader.text()
    // The vocabulary, megabytes of it, follows; the facts of the architecture come before.
    if (key.startsWith('tokenizer.')) break
    const value = await reader.value(await reader.u32())
    if (value !== undefined) entries.set(key, value)
  }
  return reader.ended ? undefined : entries
}

function toHeader(entries: Entries): GgufHeader {
  const textOf = (key: string): string | undefined => {
    const value = entries.get(key)
    return typeof value === 'string' ? value : undefined
  }
  const architecture = textOf('general.architecture') ?? 'unknown'
  const numberOf = (key: string): number | undefined => {
    const value = entries.get(`${architecture}.${key}`)
    return typeof value === 'number' ? value : undefined
  }
  return {
    architecture,
    name: textOf('general.name'),
    sizeLabel: textOf('general.size_label'),
    contextLength: numberOf('context_length'),
    embeddingLength: numberOf('embedding_length'),
    poolingType: numberOf('pooling_type'),
  }
}

/** Reads forward through a file, a chunk at a time. Beyond its end there are zeros. */
class HeaderReader {
  readonly #file: FileHandle
  #bytes: Buffer = Buffer.alloc(0)
  #at = 0
  #position = 0
  #ended = false

  constructor(file: FileHandle) {
    this.#file = file
  }

  /** Whether more was asked for than the file has, or than a header can hold. */
  get ended(): boolean {
    return this.#ended
  }

  async take(length: number): Promise<Buffer> {
    if (length > MAX_TEXT_BYTES) this.#ended = true
    while (!this.#ended && this.#bytes.length - this.#at < length) {
      const more = Buffer.alloc(Math.max(CHUNK_BYTES, length))
      const { bytesRead } = await this.#file.read(more, 0, more.length, this.#position)
      this.#ended = bytesRead === 0
      this.#position += bytesRead
      this.#bytes = Buffer.concat([this.#bytes.subarray(this.#at), more.subarray(0, bytesRead)])
      this.#at = 0
    }
    if (this.#ended) return Buffer.alloc(Math.min(length, 8))
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  async u32(): Promise<number> {
    return (await this.take(4)).readUInt32LE()
  }

  async u64(): Promise<number> {
    return Number((await this.take(8)).readBigUInt64LE())
  }

  async text(): Promise<string> {
    return (await this.take(await this.u64())).toString('utf8')
  }

  /** A text or a number; undefined for what is not used: lists, and numbers that are not whole. */
  async value(type: number): Promise<string | number | undefined> {
    if (type === TEXT) return this.text()
    if (type === U32) return this.u32()
    if (type === U64) return this.u64()
    if (type === LIST) {
      const itemType = await this.u32()
      const count = await this.u64()
      for (let at = 0; at < count && !this.#ended; at += 1) await this.value(itemType)
      return undefined
    }
    await this.take(WIDTHS[type] ?? Infinity)
    return undefined
  }
}
