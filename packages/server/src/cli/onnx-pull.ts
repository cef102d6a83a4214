/** Downloads the files of an ONNX model from Hugging Face into the folder where the providers look for it. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isStackError, StackError } from '@llama-stack/api'
import { createDownloader } from '../kernel/download.ts'
import type { DownloadedFile, Downloader } from '../kernel/download.ts'
import { toHubAccess, toHubHeaders } from '../kernel/model-source.ts'
import { createUpstream } from '../kernel/upstream.ts'
import { findFactsOfGraph } from '../providers/inference/_onnx-model-facts.ts'
import type { ModelFacts, ModelPlace } from '../providers/inference/_onnx-model-facts.ts'
import { listModelFiles } from '../providers/inference/_onnx-model-files.ts'
import type { ModelFile } from '../providers/inference/_onnx-model-files.ts'
import { onnxRuntimePackage } from '../providers/inference/_onnx-runtime.ts'
import { createDownloadBar } from './download-bar.ts'
import type { PulledModel, PullRequest } from './model-pullers.ts'
import { findOnnxId } from './onnx-name.ts'

/** Files below this size are there before a bar could be read. */
const MIN_BAR_BYTES = 1_000_000

/**
 * Downloads a model. What an earlier attempt has left is continued; the graph comes last, so that half a model is never taken
 * for one.
 */
export async function pullOnnxModel(request: PullRequest): Promise<PulledModel> {
  const { context, folder, sha256, model } = request
  const id = findOnnxId(model) ?? model
  if (sha256 !== undefined) {
    throw new StackError('command_usage', {
      problem: `--sha256 is the checksum of one file, and '${id}' has several.`,
      fix: 'Leave it out: Hugging Face states the checksums of the large ones.',
    })
  }
  const hub = toHubAccess(context.env)
  await using upstream = createUpstream()
  const files = await listModelFiles(id, { ...hub, upstream, signal: context.interrupts.signal })
  await using downloader = createDownloader({ upstream })
  const path = join(folder, ...id.split('/'))
  const pull: Pull = { path, request, downloader, headers: toHubHeaders(hub) }
  const small = await pullFiles(files.small, pull)
  const { task } = await readFacts({ id, directory: path, contextLength: undefined }, files.graph).catch(
    async (error: unknown) => {
      for (const file of small) if (file.isNew) await rm(file.path)
      throw error
    },
  )
  const large = await pullFiles([...files.weights, files.graph], pull)
  const use = uses[task.kind]
  return {
    model,
    bytes: [...small, ...large].reduce((sum, { bytes }) => sum + bytes, 0),
    path,
    needs: onnxRuntimePackage,
    use: `llama, then POST ${use.route} with "model": "${use.provider}/${id}"`,
  }
}

/** Where models of each kind are served. */
const uses = Object.freeze({
  embedding: { provider: 'sentence-transformers', route: '/v1/embeddings' },
  rerank: { provider: 'transformers', route: '/v1/rerank' },
})

interface Pull {
  /** The folder of the model. */
  readonly path: string
  readonly request: PullRequest
  readonly downloader: Downloader
  readonly headers: Readonly<Record<string, string>>
}

/** Fetches files one after the other. */
async function pullFiles(files: readonly ModelFile[], pull: Pull): Promise<readonly DownloadedFile[]> {
  const downloaded: DownloadedFile[] = []
  for (const file of files) downloaded.push(await pullFile(file, pull))
  return downloaded
}

async function pullFile({ path, url, bytes, sha256 }: ModelFile, pull: Pull): Promise<DownloadedFile> {
  const { quiet, context } = pull.request
  using bar = createDownloadBar(path, quiet || (bytes ?? Infinity) < MIN_BAR_BYTES, context)
  return await pull.downloader.download({
    url,
    path: join(pull.path, path),
    headers: pull.headers,
    signal: context.interrupts.signal,
    onProgress: (progress) => bar.report(progress),
    ...(sha256 === undefined ? {} : { sha256 }),
  })
}

/** What the small files say: what cannot run here is refused before gigabytes of it are fetched. */
async function readFacts(place: ModelPlace, graph: ModelFile): Promise<ModelFacts> {
  const refuse = (reason: string): StackError =>
    new StackError('download_failed', {
      url: graph.url,
      reason: `nothing here could run it: ${reason}`,
      mayPass: false,
    })
  try {
    const facts = await findFactsOfGraph(place, join(place.directory, graph.path))
    if (facts !== undefined) return facts
  } catch (error) {
    throw isStackError(error, 'local_model_invalid') ? refuse(error.details.reason) : error
  }
  throw refuse('it makes neither vectors nor scores of texts')
}
