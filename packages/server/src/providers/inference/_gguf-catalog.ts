/** The GGUF models of a machine: those of the configuration, and every file of the models folder. */
import { readdir, stat } from 'node:fs/promises'
import { join, resolve, sep } from 'node:path'
import type { ModelType, ProviderModel } from '@llama-stack/api'
import { isModelSource } from '../../kernel/model-source.ts'
import { findGgufHeader } from './_gguf-header.ts'
import type { GgufHeader } from './_gguf-header.ts'

/** A model as the configuration has it. */
export interface GgufEntry {
  readonly path?: string | undefined
  readonly url?: string | undefined
  readonly sha256?: string | undefined
  readonly context_length?: number | undefined
  readonly gpu_layers?: number | undefined
  readonly embedding?: boolean | undefined
}

/** A model that can be loaded, perhaps after a download. */
export interface GgufModel {
  readonly id: string
  /** Where its file is, or goes. */
  readonly path: string
  /** Where its file comes from while it is not there. */
  readonly url: string | undefined
  readonly sha256: string | undefined
  readonly type: Exclude<ModelType, 'rerank'>
  /** Tokens of prompt and reply together. */
  readonly contextLength: number
  readonly gpuLayers: number | undefined
}

export interface GgufCatalogOptions {
  /** By id: a path or URL, or the whole entry. */
  readonly models: Readonly<Record<string, string | GgufEntry>>
  readonly folder: string
  readonly home: string
  /** What a model gets at most where its entry says nothing, in tokens. */
  readonly contextLength: number
}

export interface GgufCatalog {
  /** The models as a provider lists them. */
  list(): Promise<readonly ProviderModel[]>
  /** The model of this id, or undefined. Only what is listed is found: an id is never taken for a path. */
  find(id: string): Promise<GgufModel | undefined>
}

/** Architectures that only make embeddings. */
const ENCODERS = new Set(['bert', 'nomic-bert', 'nomic-bert-moe', 'jina-bert-v2', 'modern-bert', 'gemma-embedding'])
/** Vision and sound encoders: parts of other models. */
const COMPANIONS = new Set(['clip', 'wavtokenizer-dec'])
const NO_POOLING = 0
const RANK_POOLING = 4
/** A model in pieces is loaded by its first piece. */
const laterPiece = /-(?!00001)\d{5}-of-\d{5}\.gguf$/i
const firstPiece = /-00001-of-\d{5}$/i

/** Makes a catalogue. Headers are read when they are first asked for and again when their file has changed. */
export function createGgufCatalog(options: GgufCatalogOptions): GgufCatalog {
  const readHeader = createHeaderCache()
  const configured = Object.entries(options.models).map(([id, entry]) => toConfigured(id, entry, options))

  async function all(): Promise<readonly Listed[]> {
    const taken = new Set(configured.map(({ path }) => path))
    const found = (await listFiles(options.folder)).filter(({ path }) => !taken.has(path))
    const listed = await Promise.all(
      [...configured, ...found].map((model) => inspect(model, options.contextLength, readHeader)),
    )
    return listed.filter((model) => model !== undefined)
  }

  return {
    // What has to be fetched first comes last: the first of a list is what `auto` stands for.
    list: async () => (await all()).toSorted((a, b) => Number(b.isHere) - Number(a.isHere)).map(({ shown }) => shown),
    find: async (id) => (await all()).find(({ model }) => model.id === id)?.model,
  }
}

/** A model before its file was looked at. */
type Unread = Omit<GgufModel, 'type' | 'contextLength'> & {
  readonly contextLength: number | undefined
  readonly embedding: boolean | undefined
}

interface Listed {
  readonly model: GgufModel
  readonly shown: ProviderModel
  readonly isHere: boolean
}

function toConfigured(id: string, entry: string | GgufEntry, { folder, home }: GgufCatalogOptions): Unread {
  const given: GgufEntry = typeof entry !== 'string' ? entry : isModelSource(entry) ? { url: entry } : { path: entry }
  return {
    id,
    // Relative paths are within the models folder.
    path: toAbsolute(given.path ?? `${id.replaceAll(/[^\w.-]+/g, '-')}.gguf`, folder, home),
    url: given.url,
    sha256: given.sha256,
    contextLength: given.context_length,
    gpuLayers: given.gpu_layers,
    embedding: given.embedding,
  }
}

function toAbsolute(path: string, folder: string, home: string): string {
  return path.startsWith('~/') ? join(home, path.slice(2)) : resolve(folder, path)
}

async function listFiles(folder: string): Promise<readonly Unread[]> {
  const names = await readdir(folder, { recursive: true }).catch(() => [])
  return names
    .filter((name) => /\.gguf$/i.test(name) && !laterPiece.test(name))
    .toSorted()
    .map((name) => ({
      id: name.slice(0, -'.gguf'.length).replace(firstPiece, '').replaceAll(sep, '/'),
      path: join(folder, name),
      url: undefined,
      sha256: undefined,
      contextLength: undefined,
      gpuLayers: undefined,
      embedding: undefined,
    }))
}

type HeaderReader = (path: string) => Promise<ReadFile | undefined>

interface ReadFile {
  readonly header: GgufHeader
  readonly bytes: number
}

async function inspect(
  { embedding, ...unread }: Unread,
  usualContextLength: number,
  readHeader: HeaderReader,
): Promise<Listed | undefined> {
  const file = await readHeader(unread.path)
  if (file !== undefined && isUnusable(file.header)) return undefined
  // A file that cannot be read is not offered; one that can be fetched is.
  if (file === undefined && unread.url === undefined) return undefined
  const type = embedding === true ? 'embedding' : embedding === false ? 'llm' : typeOf(file?.header)
  const trained = file?.header.contextLength ?? usualContextLength
  const model = { ...unread, type, contextLength: unread.contextLength ?? Math.min(trained, usualContextLength) }
  return { model, shown: { id: model.id, type, metadata: describe(model, file) }, isHere: file !== undefined }
}

/** Parts of other models, and models that make scores: nothing here reads those. */
function isUnusable({ architecture, poolingType }: GgufHeader): boolean {
  return COMPANIONS.has(architecture) || poolingType === RANK_POOLING
}

function typeOf(header: GgufHeader | undefined): GgufModel['type'] {
  if (header === undefined) return 'llm'
  const { architecture, poolingType = NO_POOLING } = header
  return poolingType !== NO_POOLING || ENCODERS.has(architecture) ? 'embedding' : 'llm'
}

function describe({ contextLength, type }: GgufModel, file: ReadFile | undefined): ProviderModel['metadata'] {
  if (file === undefined) return { format: 'gguf', downloaded: false }
  const { architecture, name, sizeLabel, embeddingLength } = file.header
  return {
    format: 'gguf',
    architecture,
    size_bytes: file.bytes,
    ...(name === undefined ? {} : { name }),
    ...(sizeLabel === undefined ? {} : { parameters: sizeLabel }),
    context_length: contextLength,
    ...(type === 'embedding' && embeddingLength !== undefined ? { embedding_dimension: embeddingLength } : {}),
  }
}

function createHeaderCache(): HeaderReader {
  const known = new Map<string, { readonly version: string; readonly header: Promise<GgufHeader | undefined> }>()
  return async (path) => {
    const file = await stat(path).catch(() => undefined)
    if (file?.isFile() !== true) return undefined
    const version = `${file.size} ${file.mtimeMs}`
    let entry = known.get(path)
    if (entry?.version !== version) {
      entry = { version, header: findGgufHeader(path) }
      known.set(path, entry)
    }
    const header = await entry.header
    return header === undefined ? undefined : { header, bytes: file.size }
  }
}
