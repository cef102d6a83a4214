/** Which files of a model have to be fetched from the hub of Hugging Face so that it can run here. */
import { StackError } from '@llama-stack/api'
import type { Upstream } from '@llama-stack/api'
import * as z from 'zod'
import { readAll } from '../../kernel/byte-stream.ts'
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

/** How the hub is reached. */
export interface ModelHub {
  readonly upstream: Upstream
  /** Default: the hub itself; `HF_ENDPOINT` names a mirror. */
  readonly endpoint?: string
  /** Of models whose terms have to be accepted first. */
  readonly token?: string
  readonly signal?: AbortSignal
}

const DEFAULT_ENDPOINT = 'https://huggingface.co'
const MAX_LISTING_BYTES = 16 * 1024 * 1024

/** What a model needs beside its graph; the folders of modules are numbered. */
const SMALL_FILES =
  /^(?:config|tokenizer|tokenizer_config|special_tokens_map|modules|sentence_bert_config|config_sentence_transformers)\.json$|^\d+_\w+\/config\.json$/

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

/**
 * Asks the hub what files a model has and says which are needed: into `<models>/<org>/<name>/`, where the providers look.
 * Rejects with `local_model_missing` where nobody published ONNX files of it.
 */
export async function listModelFiles(model: string, hub: ModelHub): Promise<ModelFile[]> {
  const hubId = findHubId(model)
  const endpoint = (hub.endpoint ?? DEFAULT_ENDPOINT).replace(/\/+$/, '')
  if (hubId === undefined) throw new StackError('local_model_missing', { model, folders: endpoint })
  const files = new Map<string, ModelFile>()
  for (const repository of toRepositories(hubId)) {
    // A conversion has copies of the small files; those of the model itself come first.
    for (const file of await listRepository(repository, endpoint, hub)) {
      if (!files.has(file.path)) files.set(file.path, file)
    }
  }
  const graph = GRAPH_FILES.find((path) => files.has(path))
  if (graph === undefined) throw new StackError('local_model_missing', { model, folders: endpoint })
  const isNeeded = (path: string): boolean =>
    path === graph || SMALL_FILES.test(path) || (path.startsWith(graph) && WEIGHTS.test(path.slice(graph.length)))
  return [...files.values()].filter(({ path }) => isNeeded(path))
}

async function listRepository(repository: string, endpoint: string, hub: ModelHub): Promise<ModelFile[]> {
  const url = `${endpoint}/api/models/${repository}?blobs=true`
  const response = await hub.upstream.send({
    method: 'GET',
    url,
    headers: hub.token === undefined ? {} : { authorization: `Bearer ${hub.token}` },
    chosenBy: 'operator',
    provider: new URL(endpoint).host,
    ...(hub.signal === undefined ? {} : { signal: hub.signal }),
    maxRedirects: 2,
  })
  const body = await readAll(response.body, MAX_LISTING_BYTES, endpoint)
  if (response.status !== 200) {
    const reason = `the hub answers ${response.status}${response.status === 401 ? '; is the name right?' : ''}`
    throw new StackError('download_failed', { url, reason, mayPass: response.status >= 500 })
  }
  const { sha, siblings } = parseListing(Buffer.from(body).toString('utf8'), url)
  return siblings.map(({ rfilename: path, size, lfs }) => ({
    path,
    url: `${endpoint}/${repository}/resolve/${sha}/${path}`,
    bytes: lfs?.size ?? size ?? undefined,
    sha256: lfs?.sha256,
  }))
}

function parseListing(text: string, url: string): z.infer<typeof Listing> {
  try {
    return Listing.parse(JSON.parse(text), parseOnce)
  } catch (cause) {
    throw new StackError('download_failed', { url, reason: 'it is no list of files', mayPass: false }, { cause })
  }
}
