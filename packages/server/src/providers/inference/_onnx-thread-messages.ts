/** What a model's thread and the rest of the server say to each other. */
import type { ModelFacts } from './_onnx-model-facts.ts'

/** What a thread is started with. */
export interface ThreadSettings {
  /** The URL of the runtime's entry. */
  readonly runtime: string
  readonly model: ModelFacts
  readonly threads: number
}

/** One thing to compute a vector or a score of. */
export type ModelInput =
  | { readonly kind: 'text'; readonly prompt: string; readonly text: string }
  | { readonly kind: 'tokens'; readonly ids: readonly number[] }
  | { readonly kind: 'pair'; readonly query: string; readonly text: string }

/** Inputs to compute, or the word to end. */
export type ThreadRequest = { readonly kind: 'run'; readonly inputs: readonly ModelInput[] } | { readonly kind: 'stop' }

/** What comes back: one row of `width` numbers and a count of tokens for each input, in their order. */
export interface ModelOutput {
  readonly values: Float32Array
  readonly width: number
  readonly tokens: readonly number[]
}

/** `failed` says what could not be done: load the runtime, load the model, run it. */
export type ThreadReply =
  | ({ readonly kind: 'done' } & ModelOutput)
  | { readonly kind: 'failed'; readonly stage: 'runtime' | 'model' | 'run'; readonly reason: string }
