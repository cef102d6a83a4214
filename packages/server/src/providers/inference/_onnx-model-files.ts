/** Which files of an ONNX model have to be fetched from the hub of Hugging Face so that it can run here. */
import { StackError } from '@llama-stack/api'
import type { Upstream } from '@llama-stack/api'
import * as z from 'zod'
import { readAll } from '../../kernel/byte-stream.ts'
import { toHubHeaders } from '../../kernel/model-source.ts'
import type { HubAccess } from '../../kernel/model-source.ts'
import { parseOnce } from '../../kernel/parse-once.ts'
import { GRAPH_FILES } from './_onnx-model-facts.ts'
import { findHubId, toRepositories } from './_onnx-model-sources.ts'

/** One file to fetch. */
export interface ModelFile {
  /** Below the model's folder. */
  readonly path: string
  readonly url: string
  readonly bytes: number | undefined
  /** In hex, where the hub tells: for the large files. */
  readonly sha256: string | undefined
}

/** The hub, and how it is asked. */
export interface ModelHub extends HubAccess {
  readonly upstream: Upstream
  readonly signal?: AbortSignal
}

const MAX_LISTING_BYTES = 16 * 1024 * 1024

/** What a model needs beside its graph; the folders of modules are numbered. */
const SMALL_FILES =
  /^(?:config|tokenizer|tokenizer_config|special_tokens_map|modules|sentence_bert_config|config_sentence_transformers)\.json$|^\d+_\w+\/config\.json$/

/** Nothing runs without them. */
const INDISPENSABLE = ['config.json', 'tokenizer.json']

/** Weights beyond 2 GB are in files of their own, named after the graph. */
const WEIGHTS = /^(?:_data(?:_\d+)?|\.data)$/

const Listing = z.looseObject({
  sha: z.string(),
  siblings: z.array(
    z.looseObject({
      rfilename: z.string(),
      size: z.number().nullish(),
      lfs: z.looseObject({ sha256: z.string(), size: z.number() }).nullish(),
    }),
  ),
})

/** The files of a model that are needed: into `<models>/<org>/<name>/`, where the providers look. */
export interface NeededFiles {
  /** They say what the model is: who has them can tell whether the rest is worth its time. */
  readonly small: readonly ModelFile[]
  readonly weights: readonly ModelFile[]
  /** The last to fetch: a folder with a graph is taken for whole. */
  readonly graph: ModelFile
}

/**
 * Asks the hub what files a model has and says which are needed. Rejects with `download_failed` where nobody published what
 * can run here.
 */
export async function listModelFiles(model: string, hub: ModelHub): Promise<NeededFiles> {
  const hubId = findHubId(model)
  if (hubId === undefined) throw failure(`${hub.endpoint}/${model}`, 'a model is named as owner/name')
  const files = new Map<string, ModelFile>()
  for (const repository of toRepositories(hubId)) {
    // A conversion has copies of the small files; those of the model itself come first.
    for (const file of await listRepository(repository, hub)) {
      if (!files.has(file.path)) files.set(file.path, file)
    }
  }
  const all = [...files.values()]
  const graph = GRAPH_FILES.map((path) => files.get(path)).find((file) => file !== undefined)
  if (graph === undefined) throw failure(`${hub.endpoint}/${hubId}`, describeOthers(hubId, all))
  const missing = INDISPENSABLE.find((path) => !files.has(path))
  if (missing !== undefined) throw failure(`${hub.endpoint}/${hubId}`, `it has no ${missing}`)
  const isWeights = (path: string): boolean =>
    path.startsWith(graph.path) && WEIGHTS.test(path.slice(graph.path.length))
  return {
    small: all.filter(({ path }) => SMALL_FILES.test(path)),
    weights: all.filter(({ path }) => isWeights(path)),
    graph,
  }
}

/** Why a repository without a graph is of no use, and what to do with what it has. */
function describeOthers(hubId: string, files: readonly ModelFile[]): string {
  const gguf = files.find(({ path }) => path.toLowerCase().endsWith('.gguf'))
  return gguf === undefined
    ? 'it has no ONNX files'
    : `it has GGUF files; pull one of them by its name, such as hf:${hubId}/${gguf.path}`
}

function failure(url: string, reason: string, options: ErrorOptions & { readonly mayPass?: boolean } = {}): StackError {
  const { mayPass = false, ...cause } = options
  return new StackError('download_failed', { url, reason, mayPass }, cause)
}

async function listRepository(repository: string, hub: ModelHub): Promise<ModelFile[]> {
  const { endpoint } = hub
  const url = `${endpoint}/api/models/${repository}?blobs=true`
  const response = await hub.upstream.send({
    method: 'GET',
    url,
    headers: toHubHeaders(hub),
    chosenBy: 'operator',
    provider: new URL(endpoint).host,
    ...(hub.signal === undefined ? {} : { signal: hub.signal }),
    maxRedirects: 2,
  })
  const body = await readAll(response.body, MAX_LISTING_BYTES, endpoint)
  if (response.status !== 200) {
    throw failure(url, describeStatus(response.status), { mayPass: response.status >= 500 })
  }
  const { sha, siblings } = parseListing(Buffer.from(body).toString('utf8'), url)
  return siblings.map(({ rfilename: path, size, lfs }) => ({
    path,
    url: `${endpoint}/${repository}/resolve/${sha}/${path}`,
    bytes: lfs?.size ?? size ?? undefined,
    sha256: lfs?.sha256,
  }))
}

/** The hub says of a name that it does not know that it is not open to everyone. */
function describeStatus(status: number): string {
  const hint = [401, 403, 404].includes(status) ? '; is the name right, and does it need a token (HF_TOKEN)?' : ''
  return `the hub answers ${status}${hint}`
}

function parseListing(text: string, url: string): z.infer<typeof Listing> {
  try {
    return Listing.parse(JSON.parse(text), parseOnce)
  } catch (cause) {
    throw failure(url, 'it is no list of files', { cause })
  }
}
