/** The ways to download a model, and which names each of them takes. */
import { isModelSource } from '../kernel/model-source.ts'
import type { OptionalPackage } from '../kernel/optional-package.ts'
import type { CommandContext } from './command.ts'
import { findOnnxId } from './onnx-name.ts'

export interface PullRequest {
  /** As it was typed. */
  readonly model: string
  /** Where Ollama listens: a URL, or `host:port` as `OLLAMA_HOST` has it. */
  readonly ollama: string
  /** The folder for files. */
  readonly folder: string
  /** The SHA-256 that a file has to have, in hex. */
  readonly sha256: string | undefined
  readonly quiet: boolean
  readonly context: CommandContext
}

/** What a download has brought. */
export interface PulledModel {
  /** The model as it may be shown: without the query of a URL, which may be a signature. */
  readonly model: string
  readonly bytes: number
  /** The file or the folder that it is now, where it is one. */
  readonly path?: string
  /** The package without which nothing here runs it. */
  readonly needs?: OptionalPackage
  /** How it is used: a command. */
  readonly use: string
}

/** One way to download. */
export interface ModelPuller {
  readonly takes: (model: string) => boolean
  readonly pull: (request: PullRequest) => Promise<PulledModel>
}

const file: ModelPuller = Object.freeze({
  takes: isModelSource,
  pull: async (request: PullRequest) => (await import('./file-pull.ts')).pullFile(request),
})

const onnx: ModelPuller = Object.freeze({
  takes: (model: string) => findOnnxId(model) !== undefined,
  pull: async (request: PullRequest) => (await import('./onnx-pull.ts')).pullOnnxModel(request),
})

const ollama: Pick<ModelPuller, 'pull'> = Object.freeze({
  async pull({ model, ollama: address, quiet, context }: PullRequest) {
    const { pullModel } = await import('./ollama-pull.ts')
    return { model, bytes: await pullModel({ model, address, quiet, context }), use: `llama chat ollama/${model}` }
  },
})

/** Asked in turn: the first that takes a name downloads it. Ollama takes what nobody else does. */
const pullers: readonly ModelPuller[] = Object.freeze([file, onnx])

/** Downloads a model by its name. */
export function pullByName(request: PullRequest): Promise<PulledModel> {
  return (pullers.find(({ takes }) => takes(request.model)) ?? ollama).pull(request)
}
