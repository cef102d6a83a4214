/** The models of this machine as one provider has them: found when they are first asked for, each in its thread. */
import { availableParallelism } from 'node:os'
import type { Log, ProviderEnvironment, ProviderHealth, ProviderModel } from '@llama-stack/api'
import { StackError } from '@llama-stack/api'
import { findOptionalPackage, importOptionalPackage, toPackagesFolder } from '../../kernel/optional-package.ts'
import { findModelFacts } from './_onnx-model-facts.ts'
import type { ModelFacts } from './_onnx-model-facts.ts'
import { listCandidateFolders, listModelFolderIds, toModelFolders } from './_onnx-model-search.ts'
import type { ModelFolders } from './_onnx-model-search.ts'
import { onnxRuntimePackage } from './_onnx-runtime.ts'
import type { OnnxSettings } from './_onnx-settings.ts'
import { findHubId } from './_onnx-model-sources.ts'
import { ModelThread } from './_onnx-thread.ts'

/** What the models of one provider are opened with. */
export interface OnnxModelsOptions {
  /** The id of the provider. */
  readonly provider: string
  readonly kind: ModelFacts['task']['kind']
  readonly config: OnnxSettings
  readonly env: ProviderEnvironment
  readonly log: Log
}

/** A model that can run, and its thread. */
export interface OnnxModel {
  readonly facts: ModelFacts
  readonly thread: ModelThread
}

/** Names that are known to have no files here. */
const MAX_REMEMBERED = 1000

/** The models of one kind. */
export class OnnxModels implements AsyncDisposable {
  readonly #options: OnnxModelsOptions
  readonly #folders: ModelFolders
  readonly #packagesFolder: string | undefined
  readonly #found = new Map<string, Promise<OnnxModel | undefined>>()
  readonly #threads = new Set<ModelThread>()

  constructor(options: OnnxModelsOptions) {
    this.#options = options
    this.#folders = toModelFolders(options.env, options.config.models_dir)
    this.#packagesFolder = toPackagesFolder(options.config.packages_dir, options.env)
  }

  /** The URL of the runtime, or undefined where it is not installed. */
  findRuntime(): string | undefined {
    return findOptionalPackage(onnxRuntimePackage, this.#packagesFolder)
  }

  /**
   * The model, or undefined where something else has to stand in for it. This is decided once: vectors of a model and of
   * its stand-in must not mix in one run. Rejects with `local_model_missing` or `optional_package_missing` where nothing
   * may stand in, with `local_model_invalid` where its files make no sense.
   */
  async find(model: string): Promise<OnnxModel | undefined> {
    const hubId = findHubId(model)
    const found = hubId === undefined ? undefined : await this.#findOnce(hubId)
    if (found !== undefined || this.#options.config.fallback === 'lexical') return found
    if (this.findRuntime() === undefined) await importOptionalPackage(onnxRuntimePackage, this.#packagesFolder)
    const folders = Object.values(this.#folders).filter((name) => name !== undefined)
    throw new StackError('local_model_missing', { model, folders: folders.join(' or ') })
  }

  #findOnce(hubId: string): Promise<OnnxModel | undefined> {
    const known = this.#found.get(hubId)
    if (known !== undefined) return known
    const finding = this.#look(hubId).then((facts) => facts && this.#open(facts))
    this.#found.set(hubId, finding)
    // What went wrong may be put right; a caller who makes names up must not fill the memory.
    finding.then(
      (found) => found ?? (this.#found.size > MAX_REMEMBERED && this.#found.delete(hubId)),
      () => this.#found.delete(hubId),
    )
    return finding
  }

  async #look(hubId: string): Promise<ModelFacts | undefined> {
    if (this.findRuntime() === undefined) return undefined
    const { config, kind } = this.#options
    for (const directory of await listCandidateFolders(hubId, this.#folders)) {
      const facts = await findModelFacts({ id: hubId, directory, contextLength: config.context_length })
      if (facts?.task.kind === kind) return facts
    }
    return undefined
  }

  #open(facts: ModelFacts): OnnxModel | undefined {
    const { config, provider, log } = this.#options
    const runtime = this.findRuntime()
    if (runtime === undefined) return undefined
    const thread = new ModelThread({
      provider,
      log,
      runtime,
      model: facts,
      threads: config.threads ?? Math.max(1, Math.floor(availableParallelism() / 2)),
      idleMs: config.idle_seconds * 1000,
      maxWaiting: config.max_waiting,
    })
    this.#threads.add(thread)
    return { facts, thread }
  }

  /** The models of this kind that can run here. A folder whose files make no sense is left out, and the log says so. */
  async list(): Promise<ProviderModel[]> {
    const found = await Promise.all((await listModelFolderIds(this.#folders)).map((id) => this.#findListed(id)))
    return found.filter((model) => model !== undefined).map(toListed)
  }

  /** Whether models can run here, which nobody needs to wait for a model to know. */
  async health(): Promise<ProviderHealth> {
    const standsIn = this.#options.config.fallback === 'lexical'
    if (this.findRuntime() === undefined) {
      return standsIn
        ? { status: 'OK', message: `${onnxRuntimePackage.name} is not installed: lexical stand-ins answer` }
        : { status: 'Error', message: `${onnxRuntimePackage.name} is not installed` }
    }
    const count = (await this.list()).length
    const loaded = Array.from(this.#threads).filter(({ isLoaded }) => isLoaded).length
    const others = standsIn ? '; lexical stand-ins answer for others' : ''
    return { status: 'OK', message: `${count} models can run here, ${loaded} of them in memory${others}` }
  }

  async #findListed(id: string): Promise<OnnxModel | undefined> {
    try {
      // Listing decides nothing: the files may be on their way here.
      const isKnown = this.#found.has(id) || (await this.#look(id)) !== undefined
      return isKnown ? await this.#findOnce(id) : undefined
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      this.#options.log.warn('a model folder is left out', { model: id, reason })
      return undefined
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(Array.from(this.#threads, (thread) => thread[Symbol.asyncDispose]()))
  }
}

function toListed({ facts: { id, task, contextLength } }: OnnxModel): ProviderModel {
  const metadata = { context_length: contextLength, runtime: 'onnx' }
  if (task.kind === 'rerank') return { id, type: 'rerank', metadata }
  const shortened = task.shortens ? { matryoshka: true } : {}
  return { id, type: 'embedding', metadata: { embedding_dimension: task.dimension, ...metadata, ...shortened } }
}
