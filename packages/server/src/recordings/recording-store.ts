/** The recordings of one directory: found by name, read on demand, written whole. */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { bug, StackError } from '@llama-stack/api'
import { asObject, parseLossless } from './lossless-json.ts'
import type { LosslessObject } from './lossless-json.ts'
import { indentedJson, pythonString } from './python-json.ts'
import type { RecordedCall } from './recorded-call.ts'
import { toModelListReply, toRecordedReply } from './recorded-reply.ts'
import type { RecordedReply, Recording } from './recorded-reply.ts'
import { readRecordingIndex } from './recording-index.ts'
import type { RecordingIndex } from './recording-index.ts'
import { newReplyCache } from './reply-cache.ts'
import { isModelList } from './request-identity.ts'

export interface RecordingStoreOptions {
  readonly directory: string
  /** Whether a directory that is not there is a mistake. */
  readonly mustExist: boolean
  /** The test whose id the first background response carried: upstream's workers keep it for all others. */
  readonly backgroundTestId?: () => string | undefined
}

/** A recording that answers a call. */
export interface FoundRecording {
  readonly reply: RecordedReply
  /** The files that it was rendered from, below the directory. */
  readonly files: readonly string[]
}

const CACHED_REPLY_BYTES = 64 * 1024 * 1024

/** The recordings below one directory. */
export class RecordingStore {
  readonly #options: RecordingStoreOptions
  readonly #cache = newReplyCache(CACHED_REPLY_BYTES)
  #index: Promise<RecordingIndex> | undefined
  #writes = 0

  constructor(options: RecordingStoreOptions) {
    this.#options = options
  }

  /** The names of all recordings, walked once. */
  index(): Promise<RecordingIndex> {
    this.#index ??= readRecordingIndex(this.#options.directory, this.#options.mustExist).catch((error: unknown) => {
      this.#index = undefined
      throw error
    })
    return this.#index
  }

  /**
   * Looks a call up: as its test made it, as nobody's, as the background worker's, then by the seed's names. A file's
   * name decides; what the file says about its request is not asked.
   */
  async find(call: RecordedCall): Promise<FoundRecording | undefined> {
    const index = await this.index()
    const lists = isModelList(call.identity) ? this.#findModelLists(call, index) : []
    if (lists.length > 0) return this.#render(lists)
    const file = this.#findFile(call, index)
    return file === undefined ? undefined : this.#render([file])
  }

  /** Writes a recording below the directory, all or nothing, and gives its reply. */
  async write(file: string, document: LosslessObject): Promise<RecordedReply> {
    const path = join(this.#options.directory, file)
    this.#writes += 1
    const unfinished = `${path}.${process.pid}-${this.#writes}.tmp`
    try {
      await mkdir(dirname(path), { recursive: true })
      await writeFile(unfinished, `${indentedJson(document)}\n`)
      await rename(unfinished, path)
    } catch (cause) {
      await rm(unfinished, { force: true }).catch(() => undefined)
      throw new StackError('storage_failed', { reason: `the recording ${file}: ${String(cause)}` }, { cause })
    }
    const index = await this.index()
    index.add(file)
    this.#cache.drop(file)
    return toRecordedReply({ file, document })
  }

  /** Reads one file. */
  async read(file: string): Promise<Recording> {
    try {
      return { file, document: parseDocument(await readFile(join(this.#options.directory, file), 'utf8')) }
    } catch (cause) {
      throw new StackError('recording_unreadable', { file, reason: String(cause) }, { cause })
    }
  }

  #findFile({ hash, testId }: RecordedCall, index: RecordingIndex): string | undefined {
    for (const id of this.#testIds(testId)) {
      const file = index.findFile(hash.head(id), testId)
      if (file !== undefined) return file
    }
    return hash
      .seed()
      .map((name) => index.findFile(name, testId))
      .find((file) => file !== undefined)
  }

  /** The seed's lists and those of the first test id that has any. */
  #findModelLists({ hash, testId }: RecordedCall, index: RecordingIndex): readonly string[] {
    const seed = hash.seed().flatMap((name) => index.modelLists(name))
    for (const id of this.#testIds(testId)) {
      const lists = index.modelLists(hash.head(id))
      if (lists.length > 0) return [...seed, ...lists]
    }
    return seed
  }

  #testIds(testId: string | null): ReadonlySet<string | null> {
    return new Set([testId, null, this.#options.backgroundTestId?.() ?? null])
  }

  async #render(files: readonly string[]): Promise<FoundRecording> {
    const known = this.#cache.find(files)
    if (known !== undefined) return { files, reply: known }
    const [first, ...others] = await Promise.all(files.map((file) => this.read(file)))
    if (first === undefined) bug('a reply is rendered from no file')
    const reply = others.length === 0 ? toRecordedReply(first) : toModelListReply([first, ...others])
    this.#cache.keep(files, reply)
    return { files, reply }
  }
}

/** Some of HEAD's files keep short ids in place of a vendor's: each value of the mapping stands for its key. */
function parseDocument(text: string): LosslessObject {
  const document = asObject(parseLossless(text)) ?? new Map()
  let restored = text
  for (const [original, replacement] of asObject(document.get('id_normalization_mapping')) ?? []) {
    if (typeof replacement !== 'string' || replacement === '') continue
    restored = restored.replaceAll(inner(replacement), inner(original))
  }
  return restored === text ? document : (asObject(parseLossless(restored)) ?? document)
}

/** A string as it stands within a JSON text, without its quotes. */
const inner = (value: string): string => pythonString(value).slice(1, -1)
