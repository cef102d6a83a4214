/** Loads the code of local models when a model is first asked for: a server that starts needs none of it. */
import type { OnnxModels, OnnxModelsOptions } from './_onnx-models.ts'

/** The models of one provider, opened late. */
export interface LateOnnxModels {
  get(): Promise<OnnxModels>
  [Symbol.asyncDispose](): Promise<void>
}

/** Creates the holder; disposing it ends the threads of the models that were opened. */
export function createLateOnnxModels(options: OnnxModelsOptions): LateOnnxModels {
  let opened: Promise<OnnxModels> | undefined
  const open = async (): Promise<OnnxModels> => {
    const { OnnxModels: Models } = await import('./_onnx-models.ts')
    return new Models(options)
  }
  return {
    get: () => (opened ??= open()),
    async [Symbol.asyncDispose]() {
      await (await opened)?.[Symbol.asyncDispose]()
    },
  }
}
