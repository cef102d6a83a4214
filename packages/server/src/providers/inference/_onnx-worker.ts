/** The entry of a model's thread: loads what it was started with, then computes what it is sent, in turn. */
import { parentPort, workerData } from 'node:worker_threads'
import { isStackError } from '@llama-stack/api'
import { loadModel } from './_onnx-model.ts'
import type { LoadedModel } from './_onnx-model.ts'
import type { OnnxRuntime } from './_onnx-runtime.ts'
import type { ThreadReply, ThreadRequest, ThreadSettings } from './_onnx-thread-messages.ts'

type Stage = Extract<ThreadReply, { kind: 'failed' }>['stage']

// The only one that starts this thread passes settings.
const settings = workerData as ThreadSettings
let stage: Stage = 'runtime'
const loading = load()
// Told to whoever asks first.
loading.catch(() => undefined)
let turn: Promise<void> = Promise.resolve()

parentPort?.on('message', (request: ThreadRequest) => {
  turn = turn.then(() => (request.kind === 'stop' ? stop() : answer(request)))
})

async function load(): Promise<LoadedModel> {
  // A CommonJS module: what it exports is its default.
  const imported = (await import(settings.runtime)) as { readonly default: OnnxRuntime }
  stage = 'model'
  const model = await loadModel(imported.default, settings.model, settings.threads)
  stage = 'run'
  return model
}

async function answer({ inputs }: Extract<ThreadRequest, { kind: 'run' }>): Promise<void> {
  try {
    const output = await (await loading).run(inputs)
    const reply: ThreadReply = { kind: 'done', ...output }
    parentPort?.postMessage(reply, [output.values.buffer as ArrayBuffer])
  } catch (error) {
    const reply: ThreadReply = { kind: 'failed', stage, reason: toReason(error) }
    parentPort?.postMessage(reply)
  }
}

function toReason(error: unknown): string {
  if (isStackError(error, 'local_model_invalid')) return error.details.reason
  return error instanceof Error ? error.message : String(error)
}

async function stop(): Promise<void> {
  await loading.then(
    (model) => model[Symbol.asyncDispose](),
    () => undefined,
  )
  parentPort?.close()
}
