/** The part of `onnxruntime-node` that is used here: its types are not installed with us. */
import type { OptionalPackage } from '../../kernel/optional-package.ts'

/** How the package is found and installed. Its install script would fetch CUDA libraries, which nothing here uses. */
export const onnxRuntimePackage: OptionalPackage = Object.freeze({
  name: 'onnxruntime-node',
  version: '1.30.0',
  purpose: 'Running embedding and rerank models on this machine',
  installEnv: Object.freeze({ ONNXRUNTIME_NODE_INSTALL: 'skip' }),
})

/** What the package exports. */
export interface OnnxRuntime {
  readonly InferenceSession: { create(path: string, options: OnnxSessionOptions): Promise<OnnxSession> }
  readonly Tensor: new (type: string, data: OnnxData, dims: readonly number[]) => OnnxTensor
}

export interface OnnxSessionOptions {
  readonly executionProviders: readonly string[]
  readonly intraOpNumThreads: number
  /** 3: errors only. */
  readonly logSeverityLevel: 3
}

/** A graph that is loaded. */
export interface OnnxSession {
  readonly inputMetadata: readonly OnnxInput[]
  readonly outputNames: readonly string[]
  run(feeds: Readonly<Record<string, OnnxTensor>>, outputs: readonly string[]): Promise<Record<string, OnnxTensor>>
  release(): Promise<void>
}

/** What a graph wants to be fed. A dimension that is not fixed has a name. */
export interface OnnxInput {
  readonly name: string
  readonly type: string
  readonly shape: readonly (number | string)[]
}

export interface OnnxTensor {
  readonly data: OnnxData
  readonly dims: readonly number[]
}

export type OnnxData = Float32Array | BigInt64Array | Int32Array | Uint16Array | Uint8Array
