/** Everything behind the provider of GGUF models: its catalogue, downloads, engine and the models in memory. */
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock, Log, ProviderEnvironment, ProviderHealth, ProviderModel, Upstream } from '@llama-stack/api'
import { createDownloader } from '../../kernel/download.ts'
import { parseModelSource } from '../../kernel/model-source.ts'
import { defaultModelsFolder } from '../../kernel/models-folder.ts'
import { findOptionalPackage, toInstallCommand, toPackagesFolder } from '../../kernel/optional-package.ts'
import { createGgufCatalog } from './_gguf-catalog.ts'
import type { GgufModel } from './_gguf-catalog.ts'
import { createLlamaEngine, llamaPackage } from './_llama-engine.ts'
import type { EngineSettings, LlamaEngine } from './_llama-engine.ts'
import { createLoader } from './_llama-loader.ts'
import { createLoadedModel } from './_llama-model.ts'
import type { LoadedModel } from './_llama-model.ts'
import { toLlamaRunner } from './_llama-runner.ts'
import type { LlamaRunner } from './_llama-runner.ts'
import type { LlamaSettings } from './_llama-settings.ts'

export interface LlamaHostOptions {
  readonly provider: string
  readonly settings: LlamaSettings
  readonly env: ProviderEnvironment
  /** The user's home directory. */
  readonly home: string
  readonly upstream: Upstream
  readonly log: Log
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** Disposing ends what is running and unloads every model. */
export interface LlamaHost extends AsyncDisposable {
  readonly runner: LlamaRunner
  /** None while the package is missing: nothing could run them. */
  models(): Promise<readonly ProviderModel[]>
  health(): Promise<ProviderHealth>
}

/** The models are gone by then: an engine without any ends in milliseconds. */
const ENGINE_END_MS = 1000

/** Creates the host. The package is imported when the first model is loaded. */
export function createLlamaHost(options: LlamaHostOptions): LlamaHost {
  const { provider, settings, env, home, upstream, clock } = options
  const folder = settings.models_dir ?? defaultModelsFolder(home)
  const packagesFolder = toPackagesFolder(settings.packages_dir, env)
  const own = new AbortController()
  const closing = AbortSignal.any([options.signal, own.signal])
  const downloader = createDownloader({ upstream })
  const threads = settings.threads ?? Math.max(1, Math.floor(availableParallelism() / 2))
  const engine = createLateEngine({ gpu: settings.gpu, threads, log: options.log, packagesFolder })
  const catalog = createGgufCatalog({ models: settings.models, folder, home, contextLength: settings.context_length })

  const load = async (model: GgufModel, signal: AbortSignal): Promise<LoadedModel> => {
    // Before a download of gigabytes that nothing could run.
    const started = await engine.get()
    await fetchFile(model, signal)
    return createLoadedModel(model, started, {
      provider,
      parallel: settings.parallel,
      maxWaiting: settings.max_waiting,
      threads,
      signal,
    })
  }

  const fetchFile = async ({ id, path, url, sha256 }: GgufModel, signal: AbortSignal): Promise<void> => {
    if (url === undefined || existsSync(path)) return
    const { fileName: _fileName, ...source } = parseModelSource(url, env)
    options.log.info('downloading a model', { model: id, path })
    await downloader.download({ ...source, path, signal, ...(sha256 === undefined ? {} : { sha256 }) })
  }

  const loader = createLoader({
    load,
    provider,
    maxLoaded: settings.max_loaded,
    idleUnloadMs: settings.idle_seconds * 1000,
  })
  const isInstalled = (): boolean => findOptionalPackage(llamaPackage, packagesFolder) !== undefined
  return {
    runner: toLlamaRunner({ provider, catalog, loader, clock, closing }),
    models: async () => (isInstalled() ? catalog.list() : []),
    async health() {
      if (!isInstalled()) {
        const message = `${llamaPackage.purpose} needs ${llamaPackage.name}: ${toInstallCommand(llamaPackage)}`
        return { status: 'Error', message }
      }
      const models = await catalog.list()
      return { status: 'OK', message: `${models.length} models, ${loader.loadedIds.length} in memory` }
    },
    async [Symbol.asyncDispose]() {
      own.abort()
      await Promise.all([loader[Symbol.asyncDispose](), downloader[Symbol.asyncDispose]()])
      await engine[Symbol.asyncDispose]()
    },
  }
}

interface LateEngine extends AsyncDisposable {
  get(): Promise<LlamaEngine>
}

/** The engine, started once; a start that failed is tried again. */
function createLateEngine(settings: EngineSettings): LateEngine {
  let started: Promise<LlamaEngine> | undefined
  return {
    get() {
      if (started !== undefined) return started
      const starting = createLlamaEngine(settings)
      started = starting
      starting.catch(() => {
        started = undefined
      })
      return starting
    },
    async [Symbol.asyncDispose]() {
      const engine = await started?.catch(() => undefined)
      if (engine === undefined) return
      // A file that could not be loaded keeps a hold on the engine of node-llama-cpp 3.21, whose end then never comes.
      await Promise.race([engine[Symbol.asyncDispose](), sleep(ENGINE_END_MS)])
    },
  }
}
