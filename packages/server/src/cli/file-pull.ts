/** Downloads the file of a model from Hugging Face or any web server, with a progress bar. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { StackError } from '@llama-stack/api'
import { createDownloader, toShownUrl } from '../kernel/download.ts'
import { parseModelSource } from '../kernel/model-source.ts'
import { createUpstream } from '../kernel/upstream.ts'
import { findGgufHeader } from '../providers/inference/_gguf-header.ts'
import { llamaPackage } from '../providers/inference/_llama-engine.ts'
import { createDownloadBar } from './download-bar.ts'
import type { PulledModel, PullRequest } from './model-pullers.ts'

const GGUF = '.gguf'

/** Downloads a GGUF file into the folder of models. What an earlier attempt has left is continued. */
export async function pullFile({ model, folder, sha256, quiet, context }: PullRequest): Promise<PulledModel> {
  const { fileName, ...source } = parseModelSource(model, context.env)
  if (!fileName.toLowerCase().endsWith(GGUF)) {
    throw new StackError('command_usage', {
      problem: `'${fileName}' is no GGUF file.`,
      fix: 'Name a file that ends in .gguf, for example hf:owner/repository/model.Q4_K_M.gguf.',
    })
  }
  const path = join(folder, fileName)
  await using upstream = createUpstream()
  await using downloader = createDownloader({ upstream })
  using bar = createDownloadBar(fileName, quiet, context)
  const { bytes, isNew } = await downloader.download({
    ...source,
    path,
    signal: context.interrupts.signal,
    onProgress: (progress) => bar.report(progress),
    ...(sha256 === undefined ? {} : { sha256 }),
  })
  if (isNew && (await findGgufHeader(path)) === undefined) {
    await rm(path)
    throw new StackError('download_failed', {
      url: toShownUrl(source.url),
      reason: 'what came is no GGUF file',
      mayPass: false,
    })
  }
  return {
    model: model === source.url ? toShownUrl(model) : model,
    bytes,
    path,
    needs: llamaPackage,
    use: `llama chat llama-cpp/${fileName.slice(0, -GGUF.length)}`,
  }
}
